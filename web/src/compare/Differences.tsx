//! What sets a run apart from the baseline, by likely cause.
import { useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../app/State';
import type { Run } from '../data/model';
import { source } from '../data/source';
import { causes, summary } from './causes';

export function Differences({ runs }: { runs: Run[] }) {
  const [base, ...others] = runs;
  const [chosen, setChosen] = useState('');
  const other = others.find(run => run.id === chosen) ?? others[0];
  const steps = useQueries({
    queries: [base, other].map(run => ({
      queryKey: ['run', run?.id, 'steps'],
      queryFn: () => source.steps(run?.id ?? ''),
      enabled: run !== undefined,
    })),
  });
  if (!base || !other) return <Empty>Choose two runs or more.</Empty>;
  const found = causes(base, other, steps[0]?.data ?? [], steps[1]?.data ?? []);
  return (
    <>
      <div className="bar">
        <h2>{base.name} against</h2>
        <select aria-label="The other run" value={other.id} onChange={event => setChosen(event.target.value)}>
          {others.map(run => (
            <option key={run.id} value={run.id}>
              {run.name}
            </option>
          ))}
        </select>
      </div>
      <p className="lead">{summary(found)}</p>
      {found.map(cause => (
        <section key={cause.title}>
          <h3>{cause.title}</h3>
          <div className="scroll" tabIndex={0} role="region" aria-label={cause.title}>
            <table className="fixed">
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col">{base.name}</th>
                  <th scope="col">{other.name}</th>
                </tr>
              </thead>
              <tbody>
                {cause.rows.map(row => (
                  <tr key={row.name}>
                    <th scope="row">
                      {row.name}{' '}
                      {row.note && (
                        <small className={row.note === 'begins here' ? 'warning' : 'quiet'}>{row.note}</small>
                      )}
                    </th>
                    <td>
                      <code>{row.from}</code>
                    </td>
                    <td>
                      <code>{row.to}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      ))}
    </>
  );
}
