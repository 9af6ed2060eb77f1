//! What changes on the server is asked for again: of runs that changed, what is shown of them; at most a few times a second.
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { source } from '../data/source';

/** Runs by experiment, and experiments, that changed; everything may have. */
export interface Changes {
  runs: Record<string, string[]>;
  experiments: number[];
  everything: boolean;
}

const TOGETHER_MS = 400;
const watchers = new Set<(changes: Changes) => void>();

/** Calls a function with what changed. It must be the same function from one drawing to the next. */
export function useChanges(watcher: (changes: Changes) => void) {
  useEffect(() => {
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, [watcher]);
}

/** Queries by their keys: `['run', id, …]` is of one run, `['runs', [ids], …]` of several; the rest are lists. */
function refresh(client: QueryClient, changes: Changes) {
  const changed = new Set(Object.values(changes.runs).flat());
  void client.invalidateQueries({
    predicate: ({ queryKey: [kind, of] }) => {
      if (changes.everything) return true;
      if (kind === 'run') return changed.has(String(of));
      if (kind === 'runs') return Array.isArray(of) && of.some(id => changed.has(id));
      return kind === 'projects' || kind === 'experiments' || kind === 'columns';
    },
  });
}

const nothing = (): Changes => ({ runs: {}, experiments: [], everything: false });

/** Watches the server; tells whether it is heard. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!source.live) return;
    const events = new EventSource('api/v1/events');
    let seen = nothing();
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      waiting ??= setTimeout(() => {
        const changes = seen;
        seen = nothing();
        waiting = undefined;
        refresh(client, changes);
        watchers.forEach(watcher => watcher(changes));
      }, TOGETHER_MS);
    };
    let dropped = false;
    events.onopen = () => {
      setOpen(true);
      // What changed while the connection was down was not told.
      if (dropped) {
        seen.everything = true;
        tell();
      }
    };
    events.onerror = () => {
      setOpen(false);
      dropped = true;
    };
    events.addEventListener('changes', event => {
      const { runs, experiments, everything } = JSON.parse(event.data) as Changes;
      for (const [experiment, ids] of Object.entries(runs))
        seen.runs[experiment] = [...new Set([...(seen.runs[experiment] ?? []), ...ids])];
      seen.experiments.push(...experiments);
      seen.everything ||= everything;
      tell();
    });
    return () => {
      events.close();
      clearTimeout(waiting);
    };
  }, [client]);
  return open;
}
