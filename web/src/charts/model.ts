//! What one plot draws: its lines and bands as uPlot takes them.
import uPlot from 'uplot';
import { groupBy } from '../app/group';
import type { Curve } from '../data/model';
import { type Axis, band, type Line, line, smooth } from './lines';

export interface Shown {
  id: string;
  name: string;
  colour: string;
  start_ms: number;
  group?: string;
}

export interface PlotOptions {
  axis: Axis;
  /** The weight of what was before, from 0 (none) to 0.99. */
  smooth: number;
  logX: boolean;
  logY: boolean;
  /** Whether runs of one group are drawn as their mean and range. */
  bands: boolean;
}

export const PLAIN: PlotOptions = { axis: { by: 'step' }, smooth: 0, logX: false, logY: false, bands: false };

/** A line that is told at the cursor. */
export interface Told {
  series: number;
  name: string;
  colour: string;
}

export interface Model {
  data: uPlot.AlignedData;
  series: uPlot.Series[];
  bands: uPlot.Band[];
  told: Told[];
  /** By run, to turn places on the x axis into steps. */
  lines: Map<string, Line>;
}

const faint = (colour: string) => `color-mix(in srgb, ${colour} 28%, transparent)`;

/** A colour with some of it see-through, as canvases know it. */
function alpha(colour: string, share: number): string {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1];
  return hex
    ? `#${hex}${Math.round(share * 255)
        .toString(16)
        .padStart(2, '0')}`
    : faint(colour);
}

const positive = (y: (number | null)[]) => y.map(value => (value !== null && value > 0 ? value : null));

export function model(curves: Curve[], metric: string, runs: Shown[], options: PlotOptions): Model {
  const known = new Map(curves.map(one => [`${one.run} ${one.key}`, one]));
  const of = (run: string, key: string) => known.get(`${run} ${key}`);
  const lines = new Map<string, Line>();
  for (const run of runs) {
    const series = of(run.id, metric);
    if (!series) continue;
    const by = options.axis.by === 'metric' ? of(run.id, options.axis.key) : undefined;
    const drawn = line(series, options.axis, run.start_ms, by);
    // A logarithmic axis begins above zero.
    const from = options.logX ? drawn.x.findIndex(x => x > 0) : 0;
    if (from < 0 || !drawn.x.length) continue;
    const cut = <T>(all: T[]) => (from ? all.slice(from) : all);
    lines.set(run.id, { x: cut(drawn.x), y: cut(drawn.y), steps: cut(drawn.steps) });
  }
  const tables: uPlot.AlignedData[] = [];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const told: Told[] = [];
  const scaled = (y: (number | null)[]) => (options.logY ? positive(y) : y);
  const add = (x: number[], y: (number | null)[], of: uPlot.Series) => {
    tables.push([x, scaled(y)]);
    series.push({ spanGaps: false, points: { show: false }, ...of });
    return series.length - 1;
  };
  const drawLine = (name: string, colour: string, x: number[], y: (number | null)[]) => {
    const few = x.length <= 40;
    const points = { show: few, size: x.length === 1 ? 7 : 4, fill: colour };
    if (options.smooth > 0 && x.length > 2) {
      add(x, y, { stroke: alpha(colour, 0.28), width: 1 });
      told.push({ series: add(x, smooth(y, options.smooth), { stroke: colour, width: 1.75 }), name, colour });
    } else {
      told.push({ series: add(x, y, { stroke: colour, width: 1.5, points }), name, colour });
    }
  };
  const grouped = groupBy(
    runs.filter(run => lines.has(run.id)),
    run => (options.bands && run.group) || run.id,
  );
  for (const members of grouped.values()) {
    const [first] = members;
    if (!first) continue;
    const own = members.flatMap(run => lines.get(run.id) ?? []);
    if (own.length < 2) {
      const only = own[0];
      if (only) drawLine(first.name, first.colour, only.x, only.y);
      continue;
    }
    const drawn = band(own);
    const { x, mean } = drawn;
    const [low, high] =
      options.smooth > 0
        ? [smooth(drawn.low, options.smooth), smooth(drawn.high, options.smooth)]
        : [drawn.low, drawn.high];
    const top = add(x, high, { stroke: alpha(first.colour, 0.35), width: 0.5 });
    const bottom = add(x, low, { stroke: alpha(first.colour, 0.35), width: 0.5 });
    bands.push({ series: [top, bottom], fill: alpha(first.colour, 0.16) });
    drawLine(`${first.name} and ${members.length - 1} more, mean`, first.colour, x, mean);
  }
  return { data: tables.length ? uPlot.join(tables) : [[]], series, bands, told, lines };
}
