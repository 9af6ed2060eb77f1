//! The leaderboard as CSV: every run that passes the filter, every value with all its digits.
import { csv, save } from '../app/format';
import type { Run } from '../data/model';
import type { Column } from './columns';

function exact(of: Column, run: Run): string {
  const number = of.kind && of.kind !== 'param' && of.kind !== 'tag' ? of.number?.(run) : undefined;
  return number === undefined ? of.text(run) : String(number);
}

export function exportRuns(project: string, columns: Column[], runs: Run[]) {
  const title = (one: Column) =>
    one.kind && one.kind !== 'param' ? `${one.title} (${one.kind})` : one.title;
  const rows = runs.map(run => [run.id, run.name, ...columns.map(one => exact(one, run))]);
  save(`${project}.csv`, csv([['id', 'name', ...columns.map(title)], ...rows]), 'text/csv');
}
