//! Parallel coordinates: one line a run through its parameters to a metric. A stroke along an axis keeps those it meets.
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useScheme } from '../app/theme';
import type { Column } from '../board/columns';
import type { Run } from '../data/model';
import { viridis } from './colours';
import { useWidth } from './place';
import { scaleOf } from './scale';

const HEIGHT_PX = 300;
const TOP_PX = 34;
const BOTTOM_PX = 14;
const SIDE_PX = 70;

/** What a column holds of a run: a number if all its texts are numbers. */
export const held = (column: Column, run: Run): number | string | undefined =>
  column.number?.(run) ?? (column.text(run) || undefined);

export function Parallel({ runs, columns }: { runs: Run[]; columns: Column[] }) {
  const place = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(place);
  const scheme = useScheme();
  /** By column: the part of its axis, from 0 to 1, that a run must pass. */
  const [brushes, setBrushes] = useState<Record<string, [number, number]>>({});
  const [drag, setDrag] = useState<{ column: string; from: number } | null>(null);
  const axes = useMemo(
    () =>
      columns.map(column => {
        const values = runs.map(run => held(column, run));
        const scale = scaleOf(values);
        return { column, scale, places: values.map(value => scale.place(value)) };
      }),
    [runs, columns],
  );
  const last = axes.at(-1);
  const passes = useMemo(
    () =>
      runs.map((_, at) =>
        axes.every(({ column, places }) => {
          const brush = brushes[column.id];
          const p = places[at];
          return !brush || (p !== null && p !== undefined && p >= brush[0] && p <= brush[1]);
        }),
      ),
    [runs, axes, brushes],
  );
  const kept = useMemo(() => runs.filter((_, at) => passes[at]), [runs, passes]);

  const x = (at: number) =>
    SIDE_PX + (axes.length > 1 ? (at * (width - 2 * SIDE_PX)) / (axes.length - 1) : 0);
  const y = (p: number) => TOP_PX + (1 - p) * (HEIGHT_PX - TOP_PX - BOTTOM_PX);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current || !width) return;
    const dense = window.devicePixelRatio || 1;
    canvas.current.width = width * dense;
    canvas.current.height = HEIGHT_PX * dense;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, HEIGHT_PX);
    const faded = scheme === 'light' ? '#8886' : '#7775';
    const strength = Math.max(0.15, Math.min(0.9, 60 / Math.max(1, kept.length)));
    // Those that pass are drawn over those that do not.
    for (const pass of [false, true])
      runs.forEach((_, at) => {
        if (passes[at] !== pass) return;
        const own = last?.places[at];
        context.globalAlpha = pass ? strength : 0.12;
        context.strokeStyle =
          pass && own !== null && own !== undefined
            ? viridis(scheme === 'light' ? own * 0.88 : 0.15 + own * 0.85)
            : faded;
        context.lineWidth = pass ? 1.5 : 1;
        context.beginPath();
        let pen = false;
        axes.forEach(({ places }, axis) => {
          const p = places[at];
          if (p === null || p === undefined) {
            pen = false;
            return;
          }
          if (pen) context.lineTo(x(axis), y(p));
          else context.moveTo(x(axis), y(p));
          pen = true;
        });
        context.stroke();
      });
    context.globalAlpha = 1;
  }, [axes, passes, width, scheme]);

  const at = (event: PointerEvent<SVGElement>) => {
    const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
    return Math.min(
      1,
      Math.max(0, 1 - (event.clientY - (box?.top ?? 0) - TOP_PX) / (HEIGHT_PX - TOP_PX - BOTTOM_PX)),
    );
  };
  const brush = (column: string, range: [number, number] | null) =>
    setBrushes(before => {
      const { [column]: _, ...rest } = before;
      return range ? { ...rest, [column]: range } : rest;
    });
  return (
    <figure className="parallel">
      <figcaption>
        Parameters against {last?.column.title ?? 'a metric'}: {kept.length.toLocaleString('en')} of{' '}
        {runs.length.toLocaleString('en')} runs
        <span className="quiet"> Drag along an axis to keep some.</span>
        {Object.keys(brushes).length > 0 && (
          <button className="small" onClick={() => setBrushes({})}>
            Keep all
          </button>
        )}
      </figcaption>
      <div ref={place} style={{ height: HEIGHT_PX }} className="layers">
        <canvas ref={canvas} style={{ width, height: HEIGHT_PX }} aria-hidden="true" />
        <svg
          width={width}
          height={HEIGHT_PX}
          role="img"
          aria-label={`Parallel coordinates of ${runs.length} runs through ${columns.map(one => one.title).join(', ')}`}
        >
          {axes.map(({ column, scale }, number) => {
            const range = brushes[column.id];
            return (
              <g key={column.id} transform={`translate(${x(number)} 0)`}>
                <line y1={y(0)} y2={y(1)} className="axis" />
                <text y={14} textAnchor="middle" className="title">
                  {column.title.length > 18 ? `${column.title.slice(0, 17)}…` : column.title}
                  <title>
                    {column.title} {column.kind}
                  </title>
                </text>
                {scale.ticks.map(tick => (
                  <text
                    key={tick.text}
                    x={number === axes.length - 1 ? 7 : -6}
                    y={y(tick.at) + 4}
                    textAnchor={number === axes.length - 1 ? 'start' : 'end'}
                  >
                    {tick.text.length > 11 ? `${tick.text.slice(0, 10)}…` : tick.text}
                  </text>
                ))}
                {range && (
                  <rect
                    x={-7}
                    width={14}
                    y={y(range[1])}
                    height={Math.max(2, y(range[0]) - y(range[1]))}
                    className="brush"
                  />
                )}
                <rect
                  x={-12}
                  width={24}
                  y={TOP_PX - 8}
                  height={HEIGHT_PX - TOP_PX - BOTTOM_PX + 16}
                  className="grip"
                  onPointerDown={event => {
                    event.currentTarget.setPointerCapture(event.pointerId);
                    setDrag({ column: column.id, from: at(event) });
                    brush(column.id, null);
                  }}
                  onPointerMove={event => {
                    if (drag?.column !== column.id) return;
                    const to = at(event);
                    if (Math.abs(to - drag.from) > 0.01)
                      brush(column.id, [Math.min(drag.from, to), Math.max(drag.from, to)]);
                  }}
                  onPointerUp={() => setDrag(null)}
                />
              </g>
            );
          })}
        </svg>
      </div>
    </figure>
  );
}
