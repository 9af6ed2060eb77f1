//! From envelopes to lines: places on any x axis, smoothing, means and ranges of groups.
import type { Bucket, Envelope } from '../data/model';
import { number } from '../app/format';

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

/** Every bucket's first, extremes and last: step, time, value, in order of steps. */
export function spread(buckets: Bucket[]): [number, number, number | null][] {
  const points = new Map<number, [number, number, number | null]>();
  for (const bucket of buckets)
    for (const point of [bucket.first, bucket.min, bucket.max, bucket.last])
      if (point) {
        const v = number(point[2]);
        points.set(point[0], [point[0], point[1], Number.isFinite(v) ? v : null]);
      }
  return [...points.values()].sort((a, b) => a[0] - b[0]);
}

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

/** The line of a series on an axis. `by` is the series that the x axis counts by, if it is a metric. */
export function line(series: Envelope, axis: Axis, start_ms: number, by?: Envelope): Line {
  const found = spread(series.buckets);
  const known = spread(by?.buckets ?? []).filter(point => point[2] !== null);
  const [knownSteps, knownValues] = [known.map(point => point[0]), known.map(point => point[2] ?? 0)];
  const placed = found
    .map(([step, time, y]): [number | null, number | null, number] => {
      const x =
        axis.by === 'step'
          ? step
          : axis.by === 'relative'
            ? (time - start_ms) / 1000
            : axis.by === 'wall'
              ? time / 1000
              : between(knownSteps, knownValues, step);
      return [x, y, step];
    })
    .filter((point): point is [number, number | null, number] => point[0] !== null);
  // uPlot wants each x once, rising: time may go back when a run is resumed, a metric may fall.
  placed.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
  const out: Line = { x: [], y: [], steps: [] };
  for (const [x, y, step] of placed) {
    if (x === out.x.at(-1)) {
      out.y[out.y.length - 1] = y;
      out.steps[out.steps.length - 1] = step;
    } else {
      out.x.push(x);
      out.y.push(y);
      out.steps.push(step);
    }
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
