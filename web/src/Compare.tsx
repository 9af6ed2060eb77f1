//! Several runs side by side: their curves, their best values, and the parameters in which they differ.
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type Run } from './api';
import { differing, value } from './format';
import { colour, Plot } from './Plot';
import { link, setQuery } from './route';
import { State } from './State';

export function Compare({ ids, query }: { ids: string[]; query: URLSearchParams }) {
  const [search, setSearch] = useState('');
  const asked = useQueries({ queries: ids.map(id => ({ queryKey: ['run', id], queryFn: () => get<Run>(`runs/${encodeURIComponent(id)}`), placeholderData: keepPreviousData })) });
  const runs = asked.flatMap(one => (one.data ? [one.data] : []));
  const metrics = [...new Set(runs.flatMap(run => Object.keys(run.metrics)))].filter(key => key.toLowerCase().includes(search.toLowerCase())).sort();
  const params = differing(runs);
  const log = query.get('log') === '1';
  const table = (title: string, keys: string[], text: (run: Run, key: string) => string) => (
    <div className="scroll" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead><tr><th scope="col">{title}</th>{runs.map((run, at) => <th scope="col" key={run.id}><i className="dot" style={{ background: colour(at) }} /><a href={link(['run', run.id])}>{run.name}</a></th>)}</tr></thead>
        <tbody>{keys.map(key => <tr key={key}><th scope="row">{key}</th>{runs.map(run => <td key={run.id}>{text(run, key)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
  return (
    <section>
      <h1>Compare {runs.length} runs</h1>
      {asked.map((one, at) => <State key={ids[at]} of={one} />)}
      {runs.length === 1 && <p className="warning">One run says nothing of chance: compare several seeds.</p>}
      <h2>Parameters that differ</h2>
      {params.length ? table('Parameter', params, (run, key) => run.params[key] ?? '—') : <p className="quiet">None.</p>}
      <h2>Curves</h2>
      <div className="bar">
        <input type="search" aria-label="Search metrics" placeholder="Search metrics" value={search} onChange={event => setSearch(event.target.value)} />
        <label><input type="checkbox" checked={log} onChange={event => setQuery('log', event.target.checked ? '1' : '')} /> Logarithmic</label>
      </div>
      <div className="plots">{runs.length > 0 && metrics.slice(0, 12).map(key => <Plot key={key} metric={key} runs={runs} log={log} />)}</div>
      {metrics.length > 12 && <p className="quiet">{metrics.length - 12} more: search to see them.</p>}
      <h2>Best values</h2>
      {table('Metric', metrics.slice(0, 200), (run, key) => { const best = run.metrics[key]?.best; return best ? `${value(best[2])} at ${best[0]}` : '—'; })}
    </section>
  );
}
