//! The data sets that a run read, by fingerprint.
import { Empty } from '../app/State';
import type { Run } from '../data/model';

/** What is told of a data set: the members of a JSON object, digests shortened, or else the text as it is. */
function Profile({ text }: { text: string }) {
  let members: [string, unknown][] = [];
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) members = Object.entries(read);
  } catch {
    // A text that is no JSON is shown as it is.
  }
  if (!members.length) return text;
  return (
    <ul className="profile">
      {members.map(([name, value]) => {
        const told = typeof value === 'string' ? value : JSON.stringify(value);
        const digest = /^[0-9a-f]{24,}$/i.test(told);
        return (
          <li key={name} title={told}>
            <span className="quiet">{name}</span> {digest ? <code>{told.slice(0, 12)}</code> : told}
          </li>
        );
      })}
    </ul>
  );
}

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
              <td className="wrap">
                <Profile text={dataset.profile ?? dataset.schema ?? ''} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
