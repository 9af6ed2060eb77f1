//! The data sets that a run read, by fingerprint.
import { Empty } from '../app/State';
import type { Run } from '../data/model';

export function Inputs({ run }: { run: Run }) {
  if (!run.inputs.length) return <Empty>No data sets were logged.</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Data sets">
      <table>
        <thead>
          <tr>
            {['Data set', 'For', 'Fingerprint', 'From', 'Size and kind'].map(name => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {run.inputs.map(({ dataset, tags }, at) => (
            <tr key={at}>
              <th scope="row">{dataset.name}</th>
              <td>{tags['mlflow.data.context'] ?? ''}</td>
              <td>
                <code>{dataset.digest}</code>
              </td>
              <td className="wrap">{dataset.source}</td>
              <td className="wrap">{dataset.profile ?? dataset.schema ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
