//! Values as people read them.
import type { Bucket, Run } from './api';

export const number = (value: number | string): number => (typeof value === 'number' ? value : Number(value));

export function value(told: number | string): string {
  const v = number(told);
  if (!Number.isFinite(v)) return String(told);
  const size = Math.abs(v);
  return v !== 0 && (size < 1e-3 || size >= 1e6) ? v.toExponential(3) : String(Number(v.toPrecision(5)));
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${Number((count / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const time = (ms: number): string => new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** The line through an envelope: every bucket's first, extremes and last, in order of steps. */
export function line(buckets: Bucket[]): [number[], (number | null)[]] {
  const points = new Map<number, number | null>();
  for (const bucket of buckets)
    for (const point of [bucket.first, bucket.min, bucket.max, bucket.last])
      if (point) {
        const v = number(point[2]);
        points.set(point[0], Number.isFinite(v) ? v : null);
      }
  const steps = [...points.keys()].sort((a, b) => a - b);
  return [steps, steps.map(step => points.get(step) ?? null)];
}

/** A table as CSV (RFC 4180). Texts that a spreadsheet would take for a formula get an apostrophe. */
export function csv(rows: string[][]): string {
  const cell = (text: string) => {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map(row => row.map(cell).join(',')).join('\r\n');
}

/** The parameters in which runs differ. */
export function differing(runs: Run[]): string[] {
  const keys = new Set(runs.flatMap(run => Object.keys(run.params)));
  return [...keys].filter(key => new Set(runs.map(run => run.params[key])).size > 1).sort();
}
