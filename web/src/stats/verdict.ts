//! Whether one configuration is better than another, or only luckier.
import { signFlip, welch } from './test';
import {
  bootstrapInterval,
  deviation,
  type Interval,
  mean,
  meanInterval,
  studentQuantile,
  studentTail,
} from './summary';

/** What one run came to, and with which seed, if told. */
export interface Outcome {
  value: number;
  seed: string | undefined;
}

export interface Test {
  /** How it was tested, in words. */
  method: string;
  /** How many pairs, or runs in all. */
  n: number;
  /** The second's mean less the first's. */
  difference: number;
  interval: Interval | null;
  p: number;
}

export interface Verdict {
  kind: 'real' | 'not shown' | 'too few';
  /** Over runs: whether training again would show it again. */
  runs: Test | null;
  /** Over the images: whether other images would show it. */
  images: Test | null;
}

/** Paired by seed if both have the same seeds once each, else Welch's test; `null` with fewer than two runs on a side. */
export function testRuns(a: Outcome[], b: Outcome[]): Test | null {
  if (a.length < 2 || b.length < 2) return null;
  const seeds = (of: Outcome[]) =>
    new Map(of.flatMap(one => (one.seed === undefined ? [] : [[one.seed, one.value] as const])));
  const [from, to] = [seeds(a), seeds(b)];
  const paired =
    from.size === a.length &&
    to.size === b.length &&
    from.size === to.size &&
    [...from.keys()].every(seed => to.has(seed));
  if (paired) {
    const differences = [...from].map(([seed, value]) => (to.get(seed) ?? 0) - value);
    const difference = mean(differences);
    const error = deviation(differences) / Math.sqrt(differences.length);
    return {
      method: 'Student’s t of pairs by seed',
      n: differences.length,
      difference,
      interval: meanInterval(differences),
      p: error > 0 ? studentTail(difference / error, differences.length - 1) : difference === 0 ? 1 : 0,
    };
  }
  const [u, v] = [a.map(one => one.value), b.map(one => one.value)];
  const difference = mean(v) - mean(u);
  const tested = welch(u, v);
  const half = tested ? studentQuantile(0.05, tested.freedom) * tested.error : 0;
  return {
    method: 'Welch’s t over runs',
    n: u.length + v.length,
    difference,
    interval: tested ? { low: difference - half, high: difference + half } : null,
    p: tested?.p ?? (difference === 0 ? 1 : NaN),
  };
}

/** Paired by image: each image's mean score over a side's runs. `null` without common images. */
export function testImages(a: Map<string, number[]>, b: Map<string, number[]>): Test | null {
  const differences = [...a]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .flatMap(([image, scores]) => {
      const other = b.get(image);
      return other?.length && scores.length ? [mean(other) - mean(scores)] : [];
    });
  if (differences.length < 2) return null;
  return {
    method: 'paired by image: sign flips, bootstrap interval',
    n: differences.length,
    difference: mean(differences),
    interval: bootstrapInterval(differences),
    p: signFlip(differences),
  };
}

const apart = (test: Test | null) =>
  test?.interval != null && (test.interval.low > 0 || test.interval.high < 0);

/** Real is what other seeds show too: images alone tell two networks apart, not two configurations. */
export function verdict(runs: Test | null, images: Test | null): Verdict {
  if (!runs) return { kind: 'too few', runs, images };
  const same = !images || Math.sign(images.difference) === Math.sign(runs.difference);
  return { kind: apart(runs) && same ? 'real' : 'not shown', runs, images };
}
