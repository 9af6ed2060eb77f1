//! Against SciPy 1.17.1 (values in comments by the call that gave them) and by hand.
import { expect, test } from 'vitest';
import { bootstrapInterval, deviation, meanInterval, studentQuantile, studentTail } from './summary';
import { signFlip, welch } from './test';
import { testImages, testRuns, verdict } from './verdict';

test("Student's t is SciPy's", () => {
  // 2 * scipy.stats.t.sf(t, freedom)
  expect(studentTail(2, 3)).toBeCloseTo(0.13932596855884305, 10);
  expect(studentTail(0.5, 20)).toBeCloseTo(0.6225318422810237, 10);
  expect(studentTail(-4, 7.5)).toBeCloseTo(studentTail(4, 7.5), 12);
  // scipy.stats.t.ppf(0.975, freedom)
  expect(studentQuantile(0.05, 2)).toBeCloseTo(4.302652729749462, 8);
  expect(studentQuantile(0.05, 30)).toBeCloseTo(2.0422724563012378, 8);
});

test('means have intervals from two values on', () => {
  expect(deviation([1, 2, 3, 4])).toBeCloseTo(1.290994, 6);
  expect(meanInterval([5])).toBeNull();
  // 2 ± 4.302653 · 1 / √3
  const interval = meanInterval([1, 2, 3]);
  expect([interval?.low, interval?.high].map(v => Number(v?.toFixed(4)))).toEqual([-0.4841, 4.4841]);
  const wide = bootstrapInterval(Array.from({ length: 200 }, (_, at) => at));
  // The mean's standard error is 57.88 / √200 = 4.09.
  expect(Math.abs((wide?.low ?? 0) - (99.5 - 1.96 * 4.09))).toBeLessThan(0.7);
  expect(Math.abs((wide?.high ?? 0) - (99.5 + 1.96 * 4.09))).toBeLessThan(0.7);
  expect(bootstrapInterval([1, 5, 2])).toEqual(bootstrapInterval([1, 5, 2]));
});

test('flips of signs count as by hand', () => {
  // Of the eight sums of ±1 ±2 ±3 two are as far out as 6.
  expect(signFlip([1, 2, 3])).toBe(2 / 8);
  expect(signFlip([1, -1])).toBe(1);
  expect(signFlip([0.1, 0.2, 0.3])).toBe(2 / 8);
  expect(signFlip(Array.from({ length: 30 }, () => 1))).toBe(1 / 10_001);
  expect(signFlip(Array.from({ length: 30 }, (_, at) => (at % 2 ? 1 : -1)))).toBe(1);
});

test("Welch's test is SciPy's", () => {
  // scipy.stats.ttest_ind([1, 2, 3, 4], [3, 5, 4, 8], equal_var=False)
  const found = welch([1, 2, 3, 4], [3, 5, 4, 8]);
  expect(found?.p).toBeCloseTo(0.10483311735559384, 10);
  expect(welch([1], [2, 3])).toBeNull();
  expect(welch([1, 1], [2, 2])).toBeNull();
});

test('a verdict asks for seeds, and for the same direction', () => {
  const of = (...values: number[]) => values.map((value, at) => ({ value, seed: String(at) }));
  expect(verdict(testRuns(of(0.5), of(0.9, 0.9)), null).kind).toBe('too few');
  const far = testRuns(of(0.5, 0.51, 0.52), of(0.7, 0.71, 0.73));
  // scipy.stats.ttest_rel([0.7, 0.71, 0.73], [0.5, 0.51, 0.52])
  expect(far?.method).toMatch(/by seed/);
  expect(far?.p).toBeCloseTo(0.0002687, 6);
  expect(verdict(far, null).kind).toBe('real');
  expect(verdict(testRuns(of(0.5, 0.7, 0.6), of(0.55, 0.6, 0.72)), null).kind).toBe('not shown');
  const images = testImages(
    new Map([
      ['a', [0.5]],
      ['b', [0.6]],
    ]),
    new Map([
      ['b', [0.5]],
      ['a', [0.4]],
      ['c', [1]],
    ]),
  );
  expect(images?.n).toBe(2);
  expect(images?.difference).toBeCloseTo(-0.1, 12);
  expect(verdict(far, images).kind).toBe('not shown');
});
