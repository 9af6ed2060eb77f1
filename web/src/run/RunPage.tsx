//! One run: what became of it, and everything it told.
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { State, StateMark } from '../app/State';
import { Tabs } from '../app/Tabs';
import { setColour, useColours } from '../charts/colours';
import type { Shown } from '../charts/model';
import { Pictures } from '../compare/Pictures';
import { source } from '../data/source';
import { Console } from './Console';
import { Curves } from './Curves';
import { Files } from './Files';
import { Inputs } from './Inputs';
import { Lineage } from './Lineage';
import { Overview } from './Overview';
import { ParamTree } from './ParamTree';

const Source = lazy(() => import('./Source'));

const TABS = [
  { id: 'overview', title: 'Overview' },
  { id: 'curves', title: 'Curves' },
  { id: 'pictures', title: 'Pictures' },
  { id: 'parameters', title: 'Parameters' },
  { id: 'pipeline', title: 'Pipeline' },
  { id: 'files', title: 'Files' },
  { id: 'console', title: 'Console' },
  { id: 'source', title: 'Source' },
  { id: 'inputs', title: 'Inputs' },
  { id: 'system', title: 'System' },
];

export function RunPage({ id, query }: { id: string; query: URLSearchParams }) {
  const asked = useQuery({ queryKey: ['run', id], queryFn: () => source.run(id) });
  const [colour = '#2f7ed8'] = useColours([id]);
  const tab = query.get('tab') ?? 'overview';
  const run = asked.data;
  if (!run)
    return (
      <section className="page">
        <State of={asked} />
      </section>
    );
  const shown: Shown[] = [{ id, name: run.name, colour, start_ms: run.start_ms }];
  return (
    <section className="page">
      <div className="bar heading">
        <input
          type="color"
          className="dot"
          aria-label="Colour of the run"
          value={colour}
          onChange={event => setColour(id, event.target.value)}
        />
        <h1>{run.name}</h1>
        <StateMark run={run} />
        {run.lifecycle === 'deleted' && <span className="state stalled">archived</span>}
      </div>
      <Tabs tabs={TABS} chosen={tab} label="Parts of the run" />
      {tab === 'curves' ? (
        <Curves run={run} shown={shown} query={query} system={false} />
      ) : tab === 'system' ? (
        <Curves run={run} shown={shown} query={query} system />
      ) : tab === 'pictures' ? (
        <Pictures runs={shown} query={query} />
      ) : tab === 'parameters' ? (
        <ParamTree params={run.params} />
      ) : tab === 'pipeline' ? (
        <Lineage id={id} />
      ) : tab === 'files' ? (
        <Files id={id} query={query} />
      ) : tab === 'console' ? (
        <Console id={id} />
      ) : tab === 'source' ? (
        <Suspense fallback={<p className="quiet">Loading…</p>}>
          <Source run={run} />
        </Suspense>
      ) : tab === 'inputs' ? (
        <Inputs run={run} />
      ) : (
        <Overview run={run} />
      )}
    </section>
  );
}
