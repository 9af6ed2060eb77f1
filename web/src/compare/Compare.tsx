//! Several runs side by side. The first is the baseline that the others are held against.
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { plural } from '../app/format';
import { link, setQuery } from '../app/route';
import { Empty, State, StateMark } from '../app/State';
import { Tabs } from '../app/Tabs';
import { groupRuns } from '../board/groups';
import { setColour, useColours } from '../charts/colours';
import type { Shown } from '../charts/model';
import { source } from '../data/source';
import { CompareCurves } from './CompareCurves';
import { Differences } from './Differences';
import { Params } from './Params';
import { Pictures } from './Pictures';
import { Samples } from './Samples';
import { Verdict } from './Verdict';

const TABS = [
  { id: 'curves', title: 'Curves' },
  { id: 'parameters', title: 'Parameters' },
  { id: 'pictures', title: 'Pictures' },
  { id: 'samples', title: 'Per image' },
  { id: 'verdict', title: 'Is it real?' },
  { id: 'differences', title: 'What differs' },
];
/** More runs than these are no longer told apart. */
const MOST = 100;

export function Compare({ ids: all, query }: { ids: string[]; query: URLSearchParams }) {
  const ids = all.slice(0, MOST);
  const asked = useQueries({
    queries: ids.map(id => ({
      queryKey: ['run', id],
      queryFn: () => source.run(id),
      placeholderData: keepPreviousData,
    })),
  });
  const loaded = asked.flatMap(one => (one.data ? [one.data] : []));
  const stamp = asked.map(one => one.dataUpdatedAt).join();
  const runs = useMemo(() => loaded, [stamp, ids.join()]);
  const colours = useColours(runs.map(run => run.id));
  const groups = useMemo(() => groupRuns(runs, null), [runs]);
  const shown: Shown[] = runs.map((run, at) => ({
    id: run.id,
    name: run.name,
    colour: colours[at] ?? '',
    start_ms: run.start_ms,
    group: groups.find(group => group.runs.includes(run))?.id,
  }));
  const tab = query.get('tab') ?? 'curves';
  // Together, for each plot asks for all of its runs at once.
  const waiting = asked.some(one => one.isPending);
  const failed = asked.find(one => one.error);
  const put = (order: string[]) => setQuery({ runs: order.join(',') });
  return (
    <section className="page">
      <h1>{plural(runs.length, 'run')} compared</h1>
      {failed && <State of={failed} />}
      {!ids.length && <Empty>Choose runs in a project’s table, then Compare.</Empty>}
      {all.length > MOST && (
        <p className="warning">
          Only the first {MOST} of {all.length} runs are shown.
        </p>
      )}
      <ul className="legend" aria-label="Runs">
        {runs.map((run, at) => (
          <li key={run.id}>
            <input
              type="color"
              className="dot"
              aria-label={`Colour of ${run.name}`}
              value={colours[at] ?? '#888888'}
              onChange={event => setColour(run.id, event.target.value)}
            />
            <a href={link(['run', run.id])}>{run.name}</a>
            {run.state !== 'finished' && <StateMark run={run} />}
            {at === 0 ? (
              <small className="quiet">baseline</small>
            ) : (
              <button
                className="small plain"
                title="Make it the baseline"
                aria-label={`Make ${run.name} the baseline`}
                onClick={() => put([run.id, ...all.filter(id => id !== run.id)])}
              >
                ⇤
              </button>
            )}
            <button
              className="small plain"
              aria-label={`Leave ${run.name} out`}
              onClick={() => put(all.filter(id => id !== run.id))}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <Tabs tabs={TABS} chosen={tab} label="Parts of the comparison" />
      {waiting && <State of={{ isPending: true, error: null }} />}
      {!waiting &&
        runs.length > 0 &&
        (tab === 'parameters' ? (
          <Params runs={runs} colours={colours} />
        ) : tab === 'pictures' ? (
          <Pictures runs={shown} query={query} />
        ) : tab === 'samples' ? (
          <Samples runs={shown} query={query} />
        ) : tab === 'verdict' ? (
          <Verdict runs={runs} query={query} />
        ) : tab === 'differences' ? (
          <Differences runs={runs} />
        ) : (
          <CompareCurves runs={runs} shown={shown} query={query} />
        ))}
    </section>
  );
}
