//! The parameters of several runs: what differs, and what it has to do with a metric.
import { useMemo, useState } from 'react';
import { column, tellingFirst, varies } from '../board/columns';
import { differing } from '../board/groups';
import { RunCharts } from '../charts/RunCharts';
import type { Run } from '../data/model';
import { RunTable } from './RunTable';

export function Params({ runs, colours }: { runs: Run[]; colours: string[] }) {
  const [all, setAll] = useState(false);
  const differ = useMemo(() => differing(runs), [runs]);
  const every = useMemo(() => [...new Set(runs.flatMap(run => Object.keys(run.params)))].sort(), [runs]);
  const metrics = useMemo(
    () =>
      tellingFirst([...new Set(runs.flatMap(run => Object.keys(run.metrics)))].sort())
        .slice(0, 200)
        .flatMap(key => column(`best:${key}`) ?? []),
    [runs],
  );
  const params = useMemo(
    () => differ.filter(key => varies(key, runs)).flatMap(key => column(`param:${key}`) ?? []),
    [differ, runs],
  );
  const [base] = runs;
  const rows = all ? every : differ;
  return (
    <>
      <div className="bar">
        <h2>{all ? 'All parameters' : 'Parameters that differ'}</h2>
        <label>
          <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} /> All{' '}
          {every.length}
        </label>
      </div>
      {rows.length ? (
        <RunTable
          title="Parameter"
          runs={runs}
          rows={rows}
          cell={(run, key) => {
            const text = run.params[key];
            const same = run === base || text === base?.params[key];
            return <span className={same ? '' : 'differs'}>{text ?? '—'}</span>;
          }}
        />
      ) : (
        <p className="quiet">The runs have the same parameters.</p>
      )}
      {runs.length > 1 && metrics.length > 0 && (
        <>
          <h2>Against a metric</h2>
          <RunCharts runs={runs} colours={colours} params={params} metrics={metrics} />
        </>
      )}
    </>
  );
}
