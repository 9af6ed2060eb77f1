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
  of?.values.forEach((value, at) => {
    if (typeof value !== 'number') return;
    steps.push(of.steps[at] ?? 0);
    values.push(value);
  });
  return [steps, values];
}

/** The line of a curve on an axis. `by` is the curve that the x axis counts by, if it is a metric. */
export function line(of: Curve, axis: Axis, start_ms: number, by?: Curve): Line {
  const [knownSteps, knownValues] = axis.by === 'metric' ? finite(by) : [[], []];
  const x = (at: number): number | null => {
    const step = of.steps[at] ?? 0;
    if (axis.by === 'step') return step;
    if (axis.by === 'metric') return between(knownSteps, knownValues, step);
    return (of.time_ms + (of.times[at] ?? 0) - (axis.by === 'relative' ? start_ms : 0)) / 1000;
  };
  const y = (at: number): number | null => {
    const value = of.values[at];
    return typeof value === 'number' ? value : null;
  };
  // uPlot wants each x once, rising: time may go back when a run is resumed, a metric may fall.
  const places = of.steps.map((_, at) => [x(at), at] as const).filter(place => place[0] !== null) as [
    number,
    number,
  ][];
  const rising = places.every((place, at) => at === 0 || (places[at - 1]?.[0] ?? 0) <= place[0]);
  if (!rising) places.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: Line = { x: [], y: [], steps: [] };
  for (const [at, place] of places) {
    const last = out.x.length - 1;
    const index = out.x[last] === at ? last : last + 1;
    out.x[index] = at;
    out.y[index] = y(place);
    out.steps[index] = of.steps[place] ?? 0;
  }
  return out;
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
