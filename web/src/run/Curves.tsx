//! A run's curves by prefix; the machine's load has a tab of its own.
import { useMemo, useState } from 'react';
import { CurveOptions, optionsOf } from '../charts/options';
import type { Shown } from '../charts/model';
import { PlotGrid } from '../charts/PlotGrid';
import type { Run } from '../data/model';
import { Empty } from '../app/State';

export function Curves({
  run,
  shown,
  query,
  system,
}: {
  run: Run;
  shown: Shown[];
  query: URLSearchParams;
  system: boolean;
}) {
  const [search, setSearch] = useState('');
  const all = useMemo(
    () =>
      Object.keys(run.metrics)
        .filter(key => key.startsWith('system/') === system && key !== 'epoch')
        .sort(),
    [run, system],
  );
  const found = useMemo(
    () => all.filter(key => key.toLowerCase().includes(search.toLowerCase())),
    [all, search],
  );
  const options = optionsOf(query);
  if (!all.length)
    return <Empty>{system ? 'The machine’s load was not logged.' : 'No metrics were logged.'}</Empty>;
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
        <CurveOptions query={query} metrics={Object.keys(run.metrics)} usual={system ? 'relative' : 'step'} />
      </div>
      <PlotGrid
        metrics={found}
        runs={shown}
        options={system && !query.has('x') ? { ...options, axis: { by: 'relative' } } : options}
      />
    </>
  );
}
