//! From curves to lines: places on any x axis, smoothing, means and ranges of groups.
import type { Curve } from '../data/model';

/** x, and y or null where the line breaks; and the steps the places stand for. */
export interface Line {
  x: number[];
  y: (number | null)[];
  steps: number[];
}

/** What a plot's x axis counts: steps, time since the run's start in seconds, time of day, or a metric's values. */
export type Axis = { by: 'step' } | { by: 'relative' } | { by: 'wall' } | { by: 'metric'; key: string };

export const axisOf = (text: string | null): Axis =>
  text === 'relative' || text === 'wall'
    ? { by: text }
    : text?.startsWith('metric:')
      ? { by: 'metric', key: text.slice(7) }
      : { by: 'step' };

/** A value between those known, by step; nothing beyond them. */
export function between(steps: number[], values: number[], step: number): number | null {
  let [low, high] = [0, steps.length - 1];
  const [first, last] = [steps[low], steps[high]];
  if (first === undefined || last === undefined || step < first || step > last) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle;
    else high = middle;
  }
  const [a, b] = [steps[low] ?? 0, steps[high] ?? 0];
  const [u, v] = [values[low] ?? 0, values[high] ?? 0];
  return b === a ? u : u + ((v - u) * (step - a)) / (b - a);
}

/** The finite points of a curve: steps and values. */
function finite(of: Curve | undefined): [number[], number[]] {
  const [steps, values]: [number[], number[]] = [[], []];
  for (let at = 0; of && at < of.values.length; at += 1) {
    const value = of.values[at] ?? NaN;
    if (!Number.isFinite(value)) continue;
    steps.push(of.steps[at] ?? 0);
    values.push(value);
  }
  return [steps, values];
}

/** The line of a curve on an axis. `by` is the curve that the x axis counts by, if it is a metric. */
export function line(of: Curve, axis: Axis, start_ms: number, by?: Curve): Line {
  const places = placesOf(of, axis, start_ms, by);
  // uPlot wants each x once, rising: time may go back when a run is resumed, a metric may fall.
  const order = rising(places);
  const out: Line = { x: [], y: [], steps: [] };
  let last = NaN;
  const count = order?.length ?? places.length;
  for (let i = 0; i < count; i += 1) {
    const at = order?.[i] ?? i;
    const x = places[at] ?? NaN;
    if (Number.isNaN(x)) continue;
    const index = x === last ? out.x.length - 1 : out.x.length;
    const y = of.values[at] ?? NaN;
    out.x[index] = x;
    out.y[index] = Number.isFinite(y) ? y : null;
    out.steps[index] = of.steps[at] ?? 0;
    last = x;
  }
  return out;
}

/** Where the points of a curve stand on an axis; NaN for those that have no place there. */
function placesOf(of: Curve, axis: Axis, start_ms: number, by?: Curve): ArrayLike<number> {
  if (axis.by === 'step') return of.steps;
  if (axis.by === 'metric') {
    const [steps, values] = finite(by);
    return Float64Array.from(of.steps, step => between(steps, values, step) ?? NaN);
  }
  const from = of.time_ms - (axis.by === 'relative' ? start_ms : 0);
  return Float64Array.from(of.times ?? [], time => (from + time) / 1000);
}

/** The order in which places rise; `null` if they do as they are. */
function rising(places: ArrayLike<number>): number[] | null {
  let before = -Infinity;
  for (let at = 0; at < places.length; at += 1) {
    const x = places[at] ?? NaN;
    if (x < before) {
      const order = Array.from(places, (_, index) => index);
      const key = (index: number) => places[index] ?? NaN;
      return order.filter(index => !Number.isNaN(key(index))).sort((a, b) => key(a) - key(b) || a - b);
    }
    if (!Number.isNaN(x)) before = x;
  }
  return null;
}

/** An exponential average of what was so far, without the pull to zero at the beginning; `weight` from 0 to 1. */
export function smooth(y: (number | null)[], weight: number): (number | null)[] {
  let [sum, total] = [0, 0];
  return y.map(value => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    total = total * weight + (1 - weight);
    return sum / total;
  });
}

/** The mean of lines and their range, at every x that lies within at least one of them. */
export function band(lines: Line[]): {
  x: number[];
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
} {
  const x = [...new Set(lines.flatMap(one => one.x))].sort((a, b) => a - b);
  const finite = lines.map(one => {
    const kept = one.x.map((at, i) => [at, one.y[i] ?? null] as const).filter(point => point[1] !== null);
    return [kept.map(point => point[0]), kept.map(point => point[1] ?? 0)] as const;
  });
  const values = x.map(at => finite.map(([xs, ys]) => between(xs, ys, at)).filter(value => value !== null));
  const of = (take: (values: number[]) => number) => values.map(all => (all.length ? take(all) : null));
  return {
    x,
    mean: of(all => all.reduce((sum, value) => sum + value, 0) / all.length),
    low: of(all => Math.min(...all)),
    high: of(all => Math.max(...all)),
  };
}

/** The steps that a range of x covers, with the neighbour on each side, so that lines reach the edges. */
export function stepsWithin(of: Line, from: number, to: number): [number, number] | null {
  const inside = of.x
    .map((x, at) => [x, at] as const)
    .filter(([x]) => x >= from && x <= to)
    .map(([, at]) => at);
  const before = of.x.findLastIndex(x => x < from);
  const after = of.x.findIndex(x => x > to);
  const places = [...inside, before, after].filter(at => at >= 0).map(at => of.steps[at] ?? 0);
  return places.length ? [Math.min(...places), Math.max(...places)] : null;
}
