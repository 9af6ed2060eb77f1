//! A table with a column a run.
import type { ReactNode } from 'react';
import { link } from '../app/route';
import type { Run } from '../data/model';
import { useColours } from '../charts/colours';

export function RunTable({
  title,
  runs,
  rows,
  cell,
}: {
  title: string;
  runs: Run[];
  rows: string[];
  cell(run: Run, row: string): ReactNode;
}) {
  const colours = useColours(runs.map(run => run.id));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={title}>
      <table className="runs">
        <thead>
          <tr>
            <th scope="col">{title}</th>
            {runs.map((run, at) => (
              <th scope="col" key={run.id}>
                <i className="dot" style={{ background: colours[at] }} />{' '}
                <a href={link(['run', run.id])}>{run.name}</a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {runs.map(run => (
                <td key={run.id}>{cell(run, row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
