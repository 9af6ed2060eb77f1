//! Saved views: a name for how the table is shown, with a link that others can open.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog } from '../app/Dialog';
import { Menu } from '../app/Menu';
import { link } from '../app/route';
import { source } from '../data/source';

export function Views({
  project,
  query,
  tell,
}: {
  project: string;
  query: URLSearchParams;
  tell(text: string): void;
}) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const views = useQuery({ queryKey: ['views', project], queryFn: () => source.views(project) });
  const names = Object.keys(views.data ?? {}).sort();
  async function attempt(work: Promise<void>, done: string) {
    try {
      await work;
      tell(done);
      await client.invalidateQueries({ queryKey: ['views', project] });
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }
  if (!source.live) return null;
  return (
    <>
      <Menu title="Views">
        {!names.length && <p className="quiet">None saved yet.</p>}
        <ul className="offered">
          {names.map(name => (
            <li key={name}>
              <a href={link(['p', project], new URLSearchParams(views.data?.[name]?.query))}>{name}</a>
              <button
                className="small"
                aria-label={`Forget the view ${name}`}
                onClick={() => void attempt(source.removeView(project, name), `View “${name}” forgotten`)}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
        <button onClick={() => setAsking(true)}>Save this view…</button>
        <button
          onClick={() => void attempt(navigator.clipboard.writeText(window.location.href), 'Link copied')}
        >
          Copy its link
        </button>
      </Menu>
      {asking && (
        <Dialog
          title="Save this view"
          action="Save"
          leave={() => setAsking(false)}
          done={form => {
            const name = String(form.get('name')).trim();
            setAsking(false);
            if (name)
              void attempt(
                source.saveView(project, name, { query: query.toString() }),
                `View “${name}” saved`,
              );
          }}
        >
          <p>Filter, order, columns and groups are kept under a name, for everyone in this project.</p>
          <label>
            Name <input name="name" required autoFocus autoComplete="off" />
          </label>
        </Dialog>
      )}
    </>
  );
}
