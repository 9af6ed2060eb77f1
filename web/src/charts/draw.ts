//! A plot's chart: uPlot, and what it tells at the cursor.
import uPlot from 'uplot';
import { duration, time, value } from '../app/format';
import type { Model, PlotOptions } from './model';

const INK = { light: '#5b6570', dark: '#9aa5b1' };
const GRID = { light: '#e6e9ed', dark: '#2a3037' };
/** More lines than these are not told one by one at the cursor. */
const TOLD = 6;

export interface Chart {
  plot: uPlot;
  model: Model;
  destroy(): void;
}

export interface Drawing {
  width: number;
  height: number;
  scheme: 'light' | 'dark';
  options: PlotOptions;
  model: Model;
  view: { from: number; to: number } | null;
  readout: HTMLElement | null;
  zoomed(from: number, to: number): void;
}

/** Steps between ticks that read well as times, in seconds. */
const SECONDS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000,
];

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
/** Thousands as everywhere in science: 1.5k. */
const compact = (value: number) => short.format(value).replace('K', 'k');

/** Some room above and below, and none below zero for what is never below; as uPlot has it. */
const ROOM = { pad: 0.1, soft: 0, mode: 3 as const };

/** What a y axis spans: a line that never moves stands within a span of its own size. */
function spanned(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [low, high];
  if (low !== high) return uPlot.rangeNum(low, high, { min: ROOM, max: ROOM });
  const room = Math.abs(low) * 0.2 || 1;
  return [low === 0 ? 0 : low - room, high + room];
}

/** A place on the x axis as read. */
export function placed(options: PlotOptions, x: number): string {
  switch (options.axis.by) {
    case 'relative':
      return duration(x * 1000);
    case 'wall':
      return time(x * 1000);
    case 'step':
      return `step ${Math.round(x).toLocaleString('en')}`;
    case 'metric':
      return `${options.axis.key} ${value(x)}`;
  }
}

/** Ticks on axes with few digits; on a logarithmic axis only powers of ten keep theirs. */
function ticks(options: PlotOptions, log: boolean, of: 'x' | 'y') {
  return (_: uPlot, splits: (number | null)[]) =>
    splits.map(split => {
      if (split === null || (log && !Number.isInteger(Math.log10(split)))) return '';
      if (of === 'x' && options.axis.by === 'relative') return split ? duration(split * 1000) : '0';
      if (of === 'x' && options.axis.by === 'step') return compact(split);
      return Math.abs(split) >= 10_000 ? compact(split) : String(Number(split.toPrecision(6)));
    });
}

export function draw(element: HTMLElement, drawing: Drawing): Chart {
  const { width, height, scheme, options, model, readout } = drawing;
  const chart: Chart = { plot: undefined as never, model, destroy: () => chart.plot.destroy() };
  const axis = {
    stroke: INK[scheme],
    grid: { stroke: GRID[scheme], width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    gap: 4,
  };
  const wall = options.axis.by === 'wall';
  chart.plot = new uPlot(
    {
      width,
      height,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        sync: { key: `footpath ${options.axis.by}` },
        points: { size: 6 },
      },
      scales: {
        x: { time: wall, distr: options.logX && !wall ? 3 : 1 },
        y: options.logY ? { distr: 3 } : { range: spanned },
      },
      axes: [
        {
          ...axis,
          size: 26,
          ...(wall ? {} : { values: ticks(options, options.logX, 'x'), space: 60 }),
          ...(options.axis.by === 'relative' && !options.logX ? { incrs: SECONDS } : {}),
        },
        { ...axis, size: 52, values: ticks(options, options.logY, 'y'), space: 28 },
      ],
      series: model.series,
      bands: model.bands,
      hooks: {
        setSelect: [
          plot => {
            const { left, width: wide } = plot.select;
            if (wide >= 4) drawing.zoomed(plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x'));
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        setCursor: [
          plot => {
            if (readout) tell(readout, plot, chart.model, options);
          },
        ],
      },
    },
    model.data,
    element,
  );
  fit(chart.plot, drawing.view);
  return chart;
}

/** Puts other points into a chart of the same lines. */
export function update(chart: Chart, model: Model, view: { from: number; to: number } | null) {
  if (chart.model !== model) {
    chart.model = model;
    chart.plot.setData(model.data, true);
  }
  fit(chart.plot, view);
}

function fit(plot: uPlot, view: { from: number; to: number } | null) {
  const xs = plot.data[0];
  const [first, last] = [xs[0], xs.at(-1)];
  if (view) plot.setScale('x', { min: view.from, max: view.to });
  else if (first !== undefined && last !== undefined && last > first)
    plot.setScale('x', { min: first, max: last });
}

/** The last value at or before a place, for lines are not measured everywhere. */
function at(plot: uPlot, series: number, index: number): number | null {
  const ys = plot.data[series];
  for (let i = index; ys && i >= 0; i -= 1) {
    const y = ys[i];
    if (y !== undefined) return y;
  }
  return null;
}

function tell(readout: HTMLElement, plot: uPlot, model: Model, options: PlotOptions) {
  const index = plot.cursor.idx;
  const x = index === null || index === undefined ? undefined : plot.data[0][index];
  if (index === null || index === undefined || x === undefined || (plot.cursor.left ?? -1) < 0) {
    readout.replaceChildren();
    return;
  }
  const height = plot.posToVal(plot.cursor.top ?? 0, 'y');
  let found = model.told
    .map(one => ({ ...one, y: at(plot, one.series, index) }))
    .filter(one => one.y !== null);
  if (found.length > TOLD) {
    const away = (one: { y: number | null }) => Math.abs((one.y ?? Infinity) - height);
    found = [found.reduce((a, b) => (away(b) < away(a) ? b : a))];
  }
  const alone = found.length === 1;
  readout.replaceChildren(
    placed(options, x),
    ...found.map(one => {
      const entry = document.createElement('span');
      const dot = Object.assign(document.createElement('i'), { className: 'dot' });
      dot.style.background = one.colour;
      entry.append(
        dot,
        alone && model.told.length > 1 ? `${one.name} ${value(one.y ?? NaN)}` : value(one.y ?? NaN),
      );
      entry.title = one.name;
      return entry;
    }),
  );
}
