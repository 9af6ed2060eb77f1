//! One metric of one or several runs. A zoom asks again for what is in view, so a spike is never averaged away.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { groupBy } from '../app/group';
import { State } from '../app/State';
import { useScheme } from '../app/theme';
import { value } from '../app/format';
import type { Curve, Zoom } from '../data/model';
import { source } from '../data/source';
import { Bars, isOnce } from './Bars';
import { type Chart, draw, update } from './draw';
import { stepsWithin } from './lines';
import { model, type PlotOptions, type Shown } from './model';
import { useSeen, useWidth } from './place';

interface View {
  from: number;
  to: number;
  /** By run: the steps that this part of the x axis covers. */
  steps: Record<string, [number, number]>;
}

/** The series of runs, each zoomed as its steps ask; runs that ask alike are asked for together. */
async function curves(
  ids: string[],
  keys: string[],
  view: View | null,
  plot: Omit<Zoom, 'from_step' | 'to_step'>,
) {
  if (!view) return source.curves(ids, keys, plot);
  const alike = groupBy(
    ids.filter(id => view.steps[id]),
    id => String(view.steps[id]),
  );
  const asked = [...alike.values()].map(runs => {
    const [from_step, to_step] = view.steps[runs[0] ?? ''] ?? [];
    return source.curves(runs, keys, { ...plot, from_step, to_step });
  });
  return (await Promise.all(asked)).flat();
}

export function Plot({
  metric,
  title,
  runs,
  options,
  height = 200,
}: {
  metric: string;
  title?: string;
  runs: Shown[];
  options: PlotOptions;
  height?: number;
}) {
  const [view, setView] = useState<View | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const chart = useRef<Chart | null>(null);
  const width = useWidth(place);
  const seen = useSeen(place);
  const scheme = useScheme();
  const ids = runs.map(run => run.id);
  const keys = options.axis.by === 'metric' ? [metric, options.axis.key] : [metric];
  const plot = {
    width_px: width,
    scale: options.logX && options.axis.by === 'step' ? ('log' as const) : ('linear' as const),
    times: options.axis.by === 'relative' || options.axis.by === 'wall',
  };
  const asked = useQuery<Curve[]>({
    queryKey: ['runs', ids, 'curves', keys, view?.steps, plot],
    enabled: width > 0 && seen && ids.length > 0,
    placeholderData: keepPreviousData,
    structuralSharing: false,
    queryFn: () => curves(ids, keys, view, plot),
  });
  // What the drawing depends on besides the points, as a text: arrays are new at each rendering.
  const look = JSON.stringify([runs, options, metric]);
  const drawn = useMemo(
    () => (asked.data ? model(asked.data, metric, runs, options) : null),
    [asked.data, look],
  );
  const once = drawn !== null && !view && isOnce(drawn);
  const zoomTo = (from: number, to: number) => {
    if (!drawn || !(to > from)) return;
    const steps = Object.fromEntries(
      [...drawn.lines].flatMap(([id, line]) => {
        const within =
          options.axis.by === 'step'
            ? ([Math.floor(from), Math.ceil(to)] as [number, number])
            : stepsWithin(line, from, to);
        return within ? [[id, within] as const] : [];
      }),
    );
    if (Object.keys(steps).length) setView({ from, to, steps });
  };
  const zoom = useRef(zoomTo);
  zoom.current = zoomTo;
  const shape = JSON.stringify([look, drawn?.series.length, width, scheme, height]);
  useEffect(() => {
    const element = place.current;
    if (!element || !drawn?.told.length || once || !width) return;
    const made = draw(element, {
      width,
      height,
      scheme,
      options,
      model: drawn,
      view,
      readout: readout.current,
      zoomed: (from, to) => zoom.current(from, to),
    });
    chart.current = made;
    return () => {
      made.destroy();
      chart.current = null;
    };
    // Points alone are put into the chart that is there, by the effect below.
  }, [shape, once, drawn === null || !drawn.told.length]);
  useEffect(() => {
    if (chart.current && drawn) update(chart.current, drawn, view);
  }, [drawn, view]);

  const range = (): [number, number] => {
    const scale = chart.current?.plot.scales.x;
    return [scale?.min ?? 0, scale?.max ?? 1];
  };
  function key(event: KeyboardEvent) {
    const [from, to] = range();
    const span = to - from;
    if (event.key === '+' || event.key === '=') zoomTo(from + span / 4, to - span / 4);
    else if (event.key === '-') zoomTo(from - span / 2, to + span / 2);
    else if (event.key === 'ArrowLeft') zoomTo(from - span / 4, to - span / 4);
    else if (event.key === 'ArrowRight') zoomTo(from + span / 4, to + span / 4);
    else if (event.key === '0' || event.key === 'Escape') setView(null);
    else return;
    event.preventDefault();
  }
  const last = (id: string) => drawn?.lines.get(id)?.y.findLast(y => y !== null);
  const words = runs
    .slice(0, 8)
    .map(run => `${run.name} ${value(last(run.id) ?? NaN)}`)
    .join(', ');
  return (
    <figure className="plot" onDoubleClick={() => setView(null)}>
      <figcaption>
        <span className="metric" title={metric}>
          {title ?? metric}
        </span>
        <span ref={readout} className="readout" aria-hidden="true" />
        {view && (
          <button className="small" onClick={() => setView(null)}>
            Whole range
          </button>
        )}
      </figcaption>
      <div
        ref={place}
        className="canvas"
        style={{ height }}
        tabIndex={0}
        role="group"
        aria-label={`Plot of ${metric}. Last: ${words}. Plus and minus zoom, arrows move, 0 shows all.`}
        onKeyDown={key}
      >
        {once && <Bars model={drawn} />}
        {asked.data && !asked.isPlaceholderData && !drawn?.told.length && (
          <p className="quiet">No points to draw.</p>
        )}
      </div>
      <State of={{ isPending: false, error: asked.error }} />
    </figure>
  );
}
