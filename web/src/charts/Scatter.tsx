//! A parameter against a metric: one dot a run, each a link.
import { useMemo, useRef } from 'react';
import { link } from '../app/route';
import type { Column } from '../board/columns';
import type { Run } from '../data/model';
import { held } from './Parallel';
import { useWidth } from './place';
import { scaleOf } from './scale';

const HEIGHT_PX = 300;
const LEFT_PX = 62;
const RIGHT_PX = 14;
const TOP_PX = 10;
const BOTTOM_PX = 34;
/** More dots than these cover each other, and are slow. */
const MOST = 3000;

export function Scatter({
  runs,
  colours,
  across,
  up,
}: {
  runs: Run[];
  colours: string[];
  across: Column;
  up: Column;
}) {
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const { horizontal, vertical, dots } = useMemo(() => {
    const shown = runs.slice(0, MOST);
    const xs = shown.map(run => held(across, run));
    const ys = shown.map(run => held(up, run));
    const [horizontal, vertical] = [scaleOf(xs), scaleOf(ys)];
    const dots = shown.flatMap((run, at) => {
      const [px, py] = [horizontal.place(xs[at]), vertical.place(ys[at])];
      return px === null || py === null ? [] : [{ run, px, py, colour: colours[at] ?? '#888888' }];
    });
    return { horizontal, vertical, dots };
  }, [runs, colours, across, up]);
  // Texts stand off the edges, so that their dots do not lie on the axis.
  const margin = horizontal.texts ? 40 : 8;
  const x = (p: number) => LEFT_PX + margin + p * Math.max(0, width - LEFT_PX - RIGHT_PX - 2 * margin);
  const y = (p: number) => TOP_PX + 6 + (1 - p) * (HEIGHT_PX - TOP_PX - BOTTOM_PX - 12);
  return (
    <div ref={place} className="scatter" style={{ height: HEIGHT_PX }}>
      <svg
        width={width}
        height={HEIGHT_PX}
        aria-label={`${up.title} by ${across.title}, ${dots.length} runs`}
        role="group"
      >
        {vertical.ticks.map(tick => (
          <g key={tick.text}>
            <line x1={LEFT_PX} x2={width - RIGHT_PX} y1={y(tick.at)} y2={y(tick.at)} className="grid" />
            <text x={LEFT_PX - 6} y={y(tick.at) + 4} textAnchor="end">
              {tick.text}
            </text>
          </g>
        ))}
        {horizontal.ticks.map(tick => (
          <text key={tick.text} x={x(tick.at)} y={HEIGHT_PX - BOTTOM_PX + 14} textAnchor="middle">
            {tick.text.length > 14 ? `${tick.text.slice(0, 13)}…` : tick.text}
          </text>
        ))}
        <text x={(LEFT_PX + width - RIGHT_PX) / 2} y={HEIGHT_PX - 3} textAnchor="middle" className="title">
          {across.title}
          {horizontal.log ? ' (log)' : ''}
        </text>
        {dots.map(({ run, px, py, colour }) => (
          <a
            key={run.id}
            href={link(['run', run.id])}
            aria-label={`${run.name}: ${across.text(run)}, ${up.text(run)}`}
          >
            <circle cx={x(px)} cy={y(py)} r={4.5} fill={colour} fillOpacity={0.75} stroke={colour}>
              <title>{`${run.name}\n${across.title} ${across.text(run)}\n${up.title} ${up.text(run)}`}</title>
            </circle>
          </a>
        ))}
      </svg>
    </div>
  );
}
