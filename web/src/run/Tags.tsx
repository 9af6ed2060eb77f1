//! A run's tags: those people gave it first, then those that programs did.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog } from '../app/Dialog';
import type { Run } from '../data/model';
import { source } from '../data/source';
import { NOTE } from './Overview';

const byProgram = (key: string) => /^(mlflow|footpath)\./.test(key);

export function Tags({ run }: { run: Run }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState('');
  const all = Object.entries(run.tags).filter(([key]) => key !== NOTE);
  const own = all.filter(([key]) => !byProgram(key));
  const rest = all.filter(([key]) => byProgram(key));
  async function change(what: object) {
    try {
      const [why] = Object.values((await source.change([run.id], what)).refused);
      setWrong(why ?? '');
      await client.invalidateQueries({ queryKey: ['run', run.id] });
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  }
  return (
    <>
      <h2>
        Tags{' '}
        {source.live && (
          <button className="small" onClick={() => setAsking(true)}>
            Add
          </button>
        )}
      </h2>
      {own.length > 0 ? (
        <ul className="tags">
          {own.map(([key, text]) => (
            <li key={key}>
              <span>
                {key}
                {text && (
                  <>
                    {' '}
                    <b>{text}</b>
                  </>
                )}
              </span>
              {source.live && (
                <button
                  className="small plain"
                  aria-label={`Remove the tag ${key}`}
                  onClick={() => void change({ delete_tags: [key] })}
                >
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
      ) : (
        <p className="quiet">None.</p>
      )}
      {wrong && (
        <p className="error" role="alert">
          {wrong}
        </p>
      )}
      {rest.length > 0 && (
        <details>
          <summary className="plain">{rest.length} set by programs</summary>
          <dl>
            {rest.map(([key, text]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {asking && (
        <Dialog
          title="Add a tag"
          action="Set tag"
          leave={() => setAsking(false)}
          done={form => {
            setAsking(false);
            void change({ set_tags: { [String(form.get('name')).trim()]: String(form.get('value')) } });
          }}
        >
          <label>
            Tag <input name="name" required autoFocus autoComplete="off" />
          </label>
          <label>
            Value <input name="value" autoComplete="off" />
          </label>
        </Dialog>
      )}
    </>
  );
}
