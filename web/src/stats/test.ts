//! Whether a difference is more than chance.
import { random } from './random';
import { deviation, mean, studentTail } from './summary';

/** Up to so many pairs all flips of signs are tried; beyond, so many are drawn. */
const EXACT_PAIRS = 14;
const DRAWS = 10_000;

/**
 * The sign-flip test of paired differences: how often a mean at least as far from zero comes about if each difference
 * might as well have had the other sign. Exact for few pairs, else drawn at random, the same draws each time.
 */
export function signFlip(differences: number[]): number {
  const count = differences.length;
  if (!count) return NaN;
  const seen = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  // Sums of the same numbers in another order differ in their last bits.
  const least = seen * (1 - 1e-12);
  if (count <= EXACT_PAIRS) {
    let far = 0;
    for (let flips = 0; flips < 2 ** count; flips += 1) {
      const sum = differences.reduce((total, value, at) => total + ((flips >> at) & 1 ? -value : value), 0);
      if (Math.abs(sum) >= least) far += 1;
    }
    return far / 2 ** count;
  }
  const next = random(count);
  let far = 0;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    let sum = 0;
    for (const value of differences) sum += next() < 0.5 ? -value : value;
    if (Math.abs(sum) >= least) far += 1;
  }
  // The order seen is one of those that chance gives.
  return (far + 1) / (DRAWS + 1);
}

/** Welch's t test of two means; `null` unless both have two values and any deviation. */
export function welch(a: number[], b: number[]): { p: number; freedom: number; error: number } | null {
  if (a.length < 2 || b.length < 2) return null;
  const [u, v] = [deviation(a) ** 2 / a.length, deviation(b) ** 2 / b.length];
  const error = Math.sqrt(u + v);
  if (error === 0) return null;
  const freedom = (u + v) ** 2 / (u ** 2 / (a.length - 1) + v ** 2 / (b.length - 1));
  return { p: studentTail((mean(b) - mean(a)) / error, freedom), freedom, error };
}
