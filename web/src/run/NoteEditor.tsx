//! A run's note, and the field to change it.
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { Run } from '../data/model';
import { source } from '../data/source';
import { NOTE } from './Overview';

export function NoteEditor({ run, children }: { run: Run; children: ReactNode }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [wrong, setWrong] = useState('');
  async function keep() {
    try {
      const { refused } = await source.change([run.id], { set_tags: { [NOTE]: draft ?? '' } });
      const [why] = Object.values(refused);
      setWrong(why ?? '');
      if (!why) setDraft(null);
      await client.invalidateQueries({ queryKey: ['run', run.id] });
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  }
  return (
    <>
      <h2>
        Notes{' '}
        {source.live && draft === null && (
          <button className="small" onClick={() => setDraft(run.tags[NOTE] ?? '')}>
            {run.tags[NOTE] ? 'Edit' : 'Write'}
          </button>
        )}
      </h2>
      {draft === null ? (
        children || <p className="quiet">None.</p>
      ) : (
        <form
          className="noteform"
          onSubmit={event => {
            event.preventDefault();
            void keep();
          }}
        >
          <textarea
            aria-label="Note in Markdown"
            rows={10}
            value={draft}
            onChange={event => setDraft(event.target.value)}
            autoFocus
          />
          <div className="actions">
            <span className="quiet spring">Markdown</span>
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
            <button className="main">Keep</button>
          </div>
        </form>
      )}
      {wrong && (
        <p className="error" role="alert">
          {wrong}
        </p>
      )}
    </>
  );
}
