//! What is done with chosen runs: compare, tag, archive; and what is archived: restore, or delete for good.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog } from '../app/Dialog';
import { bytes, plural } from '../app/format';
import { link } from '../app/route';
import { source } from '../data/source';

export function Selection({
  picked,
  archived,
  clear,
  tell,
}: {
  picked: string[];
  /** Whether the archive is looked at. */
  archived: boolean;
  clear(keep: string[]): void;
  tell(text: string): void;
}) {
  const client = useQueryClient();
  const [asking, setAsking] = useState<'tag' | 'delete' | null>(null);
  const again = () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'views' });

  async function change(what: object, done: string) {
    try {
      const { changed, refused } = await source.change(picked, what);
      const why = Object.values(refused);
      tell(
        `${plural(changed.length, 'run')} ${done}${why.length ? `; ${why.length} refused: ${why[0]}` : ''}`,
      );
      clear(Object.keys(refused));
      await again();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }
  async function purge() {
    const failed: string[] = [];
    let [freed, why] = [0, ''];
    for (const run of picked) {
      try {
        const { database_bytes, artifact_bytes } = await source.purge(run);
        freed += database_bytes + artifact_bytes;
      } catch (error) {
        failed.push(run);
        why = error instanceof Error ? error.message : String(error);
      }
    }
    const gone = picked.length - failed.length;
    tell(
      `${plural(gone, 'run')} deleted for good, ${bytes(freed)} freed${why ? `; ${failed.length} refused: ${why}` : ''}`,
    );
    clear(failed);
    await again();
  }
  return (
    <div className="selection">
      <b>{picked.length} chosen</b>
      <a className="button main" href={link(['compare'], { runs: picked.join(',') })}>
        Compare
      </a>
      {source.live && (
        <>
          <button onClick={() => setAsking('tag')}>Tag…</button>
          {archived ? (
            <>
              <button onClick={() => void change({ lifecycle: 'active' }, 'restored')}>Restore</button>
              <button className="danger" onClick={() => setAsking('delete')}>
                Delete for good…
              </button>
            </>
          ) : (
            <button onClick={() => void change({ lifecycle: 'deleted' }, 'archived')}>Archive</button>
          )}
        </>
      )}
      <button onClick={() => clear([])}>Clear</button>
      {asking === 'tag' && (
        <Dialog
          title={`Tag ${plural(picked.length, 'run')}`}
          action="Set tag"
          leave={() => setAsking(null)}
          done={form => {
            setAsking(null);
            void change(
              { set_tags: { [String(form.get('name')).trim()]: String(form.get('value')) } },
              'tagged',
            );
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
      {asking === 'delete' && (
        <Dialog
          danger
          title={`Delete ${plural(picked.length, 'run')} for good?`}
          action="Delete for good"
          leave={() => setAsking(null)}
          done={() => {
            setAsking(null);
            void purge();
          }}
        >
          <p>Points, pictures and files go with them. Nothing brings them back.</p>
        </Dialog>
      )}
    </div>
  );
}
