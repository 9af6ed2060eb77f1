//! One metric of one or several runs. A zoom asks the server again, so a spike is never averaged away.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { call, type Envelope } from './api';
import { line } from './format';
import { State } from './State';

/** Okabe and Ito's colours, told apart by colour-blind people; repeated beyond eight. */
export const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a6fd1', '#7f7f7f'];
export const colour = (number: number) => COLOURS[number % COLOURS.length] ?? '#0072b2';

interface Shown { id: string; name: string }

export function Plot({ metric, runs, log = false }: { metric: string; runs: Shown[]; log?: boolean }) {
  const [zoom, setZoom] = useState<{ from_step?: number; to_step?: number }>({});
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const ids = runs.map(run => run.id);
  const asked = useQuery({
    queryKey: ['envelopes', metric, ids, zoom, width],
    enabled: width > 0,
    placeholderData: keepPreviousData,
    queryFn: () => call<{ series: Envelope[] }>('POST', 'envelopes', { runs: ids, keys: [metric], zoom: { ...zoom, width_px: width } }),
  });
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(200, Math.round(entry?.contentRect.width ?? 200))));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const names = runs.map(run => `${run.id} ${run.name}`).join('\n');
  useEffect(() => {
    const element = place.current;
    if (!element || !asked.data || !width) return;
    const style = getComputedStyle(element);
    const [ink, grid] = [style.getPropertyValue('--quiet'), style.getPropertyValue('--line')];
    const shown = asked.data.series.filter(series => series.buckets.length);
    if (!shown.length) return;
    const data = uPlot.join(shown.map(series => line(series.buckets) as uPlot.AlignedData));
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const plot = new uPlot({
      width, height: 220, legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [axis, { ...axis, size: 60 }],
      series: [{}, ...shown.map(series => ({ stroke: colour(ids.indexOf(series.run)), width: 1.5, spanGaps: true, points: { show: series.buckets.length < 2 } }))],
      hooks: {
        setSelect: [chart => {
          const { left, width: wide } = chart.select;
          if (wide < 4) return;
          setZoom({ from_step: Math.floor(chart.posToVal(left, 'x')), to_step: Math.ceil(chart.posToVal(left + wide, 'x')) });
        }],
      },
    }, data, element);
    return () => plot.destroy();
    // The names stand for the runs, whose array is new at each drawing.
  }, [asked.data, width, log, names]);
  const zoomed = zoom.from_step !== undefined;
  return (
    <figure className="plot" onDoubleClick={() => setZoom({})}>
      <figcaption title={metric}>{metric}{zoomed && <button onClick={() => setZoom({})}>Whole range</button>}</figcaption>
      <div ref={place} role="img" aria-label={`${metric} by step of ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`} />
      <State of={{ isPending: false, error: asked.error }} />
    </figure>
  );
}
