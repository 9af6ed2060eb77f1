//! Curves of several runs, and what each came to.
import { useMemo, useState } from 'react';
import { aligned, signed } from '../app/format';
import { CurveOptions, optionsOf } from '../charts/options';
import type { Shown } from '../charts/model';
import { PlotGrid } from '../charts/PlotGrid';
import type { Run } from '../data/model';
import { RunTable } from './RunTable';

/** Whether a greater value of a metric is better, as its best value shows; `null` if it shows nothing. */
export function riseIsBetter(runs: Run[], metric: string): boolean | null {
  for (const run of runs) {
    const series = run.metrics[metric];
    if (!series?.best || !series.min || !series.max || series.min[2] === series.max[2]) continue;
    return series.best[2] === series.max[2];
  }
  return null;
}

export function CompareCurves({
  runs,
  shown,
  query,
}: {
  runs: Run[];
  shown: Shown[];
  query: URLSearchParams;
}) {
  const [search, setSearch] = useState('');
  const all = useMemo(() => [...new Set(runs.flatMap(run => Object.keys(run.metrics)))].sort(), [runs]);
  const wanted = search.toLowerCase();
  const found = useMemo(
    () =>
      all.filter(
        key =>
          key.toLowerCase().includes(wanted) && (wanted || !(key === 'epoch' || key.startsWith('system/'))),
      ),
    [all, wanted],
  );
  const [base] = runs;
  const best = (run: Run, key: string) => run.metrics[key]?.best;
  return (
    <>
      <div className="bar options">
        <input
          type="search"
          aria-label="Search metrics"
          placeholder={`Search ${all.length.toLocaleString('en')} metrics`}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
        <CurveOptions query={query} metrics={all} groups />
      </div>
      <PlotGrid metrics={found} runs={shown} options={optionsOf(query)} />
      <h2>Best values</h2>
      <RunTable
        title="Metric"
        runs={runs}
        rows={found.slice(0, 300)}
        cell={(run, key) => {
          const point = best(run, key);
          if (!point) return '—';
          const from = base && base !== run ? best(base, key) : undefined;
          const change = from ? Number(point[2]) - Number(from[2]) : NaN;
          const rise = riseIsBetter(runs, key);
          const sign =
            !Number.isFinite(change) || change === 0 || rise === null
              ? ''
              : change > 0 === rise
                ? 'good'
                : 'bad';
          return (
            <span title={`at step ${point[0]}`}>
              {aligned(point[2])}{' '}
              {Number.isFinite(change) && change !== 0 && <small className={sign}>{signed(change)}</small>}
            </span>
          );
        }}
      />
    </>
  );
}
