//! Means, deviations and intervals of few numbers.
import { random } from './random';

export const mean = (values: number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The sample's standard deviation; NaN for fewer than two values. */
export function deviation(values: number[]): number {
  if (values.length < 2) return NaN;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** ln Γ(x), x > 0, by Lanczos' approximation (g = 7, nine terms). */
function lnGamma(x: number): number {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const sum = terms.reduce((total, term, at) => total + (at ? term / (x - 1 + at) : term), 0);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The regularised incomplete beta function, by its continued fraction (Lentz). */
function beta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta(b, a, 1 - x);
  const front =
    Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  const tiny = 1e-300;
  let [f, c, d] = [1, 1, 0];
  for (let step = 0; step <= 300; step += 1) {
    const m = step >> 1;
    const numerator =
      step === 0
        ? 1
        : step % 2 === 0
          ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
          : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + numerator * d || tiny);
    c = 1 + numerator / c || tiny;
    f *= c * d;
    if (Math.abs(1 - c * d) < 1e-14) break;
  }
  return front * (f - 1);
}

/** How likely Student's t with so many degrees of freedom is at least this far from zero, on either side. */
export const studentTail = (t: number, freedom: number): number =>
  beta(freedom / 2, 0.5, freedom / (freedom + t * t));

/** The t that is exceeded on either side together with probability `tail`. */
export function studentQuantile(tail: number, freedom: number): number {
  let [low, high] = [0, 1e4];
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (studentTail(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export interface Interval {
  low: number;
  high: number;
}

/** The 95 % interval of the mean by Student's t; `null` for fewer than two values. */
export function meanInterval(values: number[]): Interval | null {
  if (values.length < 2) return null;
  const half = (studentQuantile(0.05, values.length - 1) * deviation(values)) / Math.sqrt(values.length);
  return { low: mean(values) - half, high: mean(values) + half };
}

const RESAMPLES = 4000;

/** The 95 % interval of the mean by the percentile bootstrap (Efron 1979); `null` for fewer than two values. */
export function bootstrapInterval(values: number[]): Interval | null {
  if (values.length < 2) return null;
  const next = random(values.length);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let at = 0; at < values.length; at += 1) sum += values[Math.floor(next() * values.length)] ?? 0;
    return sum / values.length;
  }).sort((a, b) => a - b);
  const place = (share: number) => means[Math.round(share * (RESAMPLES - 1))] ?? NaN;
  return { low: place(0.025), high: place(0.975) };
}
