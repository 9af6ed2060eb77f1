//! Runs in groups: by parameters, or by all of them but the seed.
import type { Run } from '../data/model';
import { type Interval, mean, meanInterval } from '../stats/summary';

/** Parameters that only say which chance was taken. */
export const isSeed = (key: string): boolean => /(^|[._/-])(seed|random_state|random_seed|rng)s?$/i.test(key);

export interface Group {
  id: string;
  /** The parameters all of its runs share, of those it is grouped by. */
  params: Record<string, string>;
  runs: Run[];
}

/** Groups in the order of their first run. `by` are parameters, or `null` for all that are no seeds. */
export function groupRuns(runs: Run[], by: string[] | null): Group[] {
  const keys =
    by ?? [...new Set(runs.flatMap(run => Object.keys(run.params)))].filter(key => !isSeed(key)).sort();
  const groups = new Map<string, Group>();
  for (const run of runs) {
    const values = keys.map(key => run.params[key]);
    const id = JSON.stringify(values);
    const group = groups.get(id);
    if (group) {
      group.runs.push(run);
      continue;
    }
    const params = Object.fromEntries(
      keys.flatMap((key, at) => (values[at] === undefined ? [] : [[key, values[at]]])),
    );
    groups.set(id, { id, params, runs: [run] });
  }
  return [...groups.values()];
}

/** The parameters in which groups, or runs, differ. */
export function differing(of: { params: Record<string, string> }[]): string[] {
  const keys = new Set(of.flatMap(one => Object.keys(one.params)));
  return [...keys].filter(key => new Set(of.map(one => one.params[key])).size > 1).sort();
}

/** A name for a group by what sets it apart. */
export function groupName(group: Group, keys: string[]): string {
  const told = keys.filter(key => group.params[key] !== undefined).map(key => `${key} ${group.params[key]}`);
  return told.join(' · ') || (group.runs.length === 1 ? (group.runs[0]?.name ?? '') : 'all alike');
}

export interface Spread {
  n: number;
  mean: number;
  interval: Interval | null;
  low: number;
  high: number;
}

/** What the finite ones of some numbers come to; `null` if there are none. */
export function spreadOf(values: (number | undefined)[]): Spread | null {
  const finite = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  if (!finite.length) return null;
  return {
    n: finite.length,
    mean: mean(finite),
    interval: meanInterval(finite),
    low: Math.min(...finite),
    high: Math.max(...finite),
  };
}
