//! A project's leaderboard: its runs in a virtualised table.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { call, type Columns, type Experiment, get, quoted, Refused, type Run } from './api';
import { csv, duration, time, value } from './format';
import { link, setQuery } from './route';
import { State } from './State';

const ROW_PX = 36;

interface Column { id: string; title: string; order: string; text: (run: Run) => string; hint?: (run: Run) => string; wide?: boolean }

const STATE: Column = { id: 'state', title: 'State', order: '', text: run => run.state.replaceAll('_', ' ') };
const STARTED: Column = { id: 'started', title: 'Started', order: 'start_time', text: run => time(run.start_ms), wide: true };
const LASTED: Column = { id: 'lasted', title: 'Duration', order: '', text: run => duration((run.end_ms ?? run.active_ms) - run.start_ms) };

/** The column that a view names: `best:KEY`, `last:KEY`, `param:KEY`, `tag:KEY`. */
function column(id: string): Column {
  const at = id.indexOf(':');
  const [kind, key] = [id.slice(0, at), id.slice(at + 1)];
  if (kind === 'param') return { id, title: key, order: quoted('params', key), text: run => run.params[key] ?? '' };
  if (kind === 'tag') return { id, title: key, order: quoted('tags', key), text: run => run.tags[key] ?? '' };
  const which = kind === 'last' ? 'last' : 'best';
  return {
    id,
    title: `${key} (${which})`,
    order: `${which}(${quoted('metrics', key)})`,
    text: run => { const point = run.metrics[key]?.[which]; return point ? value(point[2]) : ''; },
    hint: run => { const point = run.metrics[key]?.[which]; return point ? `step ${point[0]}` : ''; },
  };
}

const keysOf = (ids: string[], kinds: string[]) =>
  ids.filter(id => kinds.includes(id.split(':', 1)[0] ?? '')).map(id => id.slice(id.indexOf(':') + 1));

export function Runs({ project, query }: { project: string; query: URLSearchParams }) {
  const client = useQueryClient();
  const [picked, setPicked] = useState<Set<string>>(new Set());
  const [told, setTold] = useState('');
  const filter = query.get('filter') ?? '';
  const order = query.get('order') ?? 'start_time DESC';
  const [draft, setDraft] = useState(filter);
  useEffect(() => setDraft(filter), [filter]);

  const experiments = useQuery({
    queryKey: ['experiments', project],
    queryFn: () => get<{ experiments: Experiment[] }>(`experiments?limit=1000&project=${encodeURIComponent(project)}`),
  });
  const numbers = experiments.data?.experiments.map(experiment => experiment.id).join(',');
  const columns = useQuery({
    queryKey: ['columns', numbers],
    queryFn: () => get<Columns>(`columns?experiments=${numbers}`),
    enabled: numbers !== undefined,
  });
  const views = useQuery({
    queryKey: ['views', project],
    queryFn: () => get<{ views: Record<string, { query: string }> }>(`projects/${encodeURIComponent(project)}/views`),
  });
  const chosen = query.get('columns');
  const ids = useMemo(() => {
    if (chosen !== null) return chosen.split('\n').filter(Boolean);
    const all = columns.data;
    return all ? [...all.metrics.filter(key => !key.startsWith('system/')).slice(0, 3).map(key => `best:${key}`), ...all.params.slice(0, 3).map(key => `param:${key}`)] : [];
  }, [chosen, columns.data]);
  const shown = useMemo(() => [STATE, ...ids.map(column), STARTED, LASTED], [ids]);

  const runs = useInfiniteQuery({
    queryKey: ['runs', project, filter, order, ids],
    enabled: columns.isSuccess,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => call<{ runs: Run[]; next: string | null }>('POST', 'runs/search', {
      project, filter, order: [order], limit: 200, page_token: pageParam,
      columns: { metrics: keysOf(ids, ['best', 'last']), params: keysOf(ids, ['param']), tags: keysOf(ids, ['tag']) },
    }),
    getNextPageParam: page => page.next,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => runs.data?.pages.flatMap(page => page.runs) ?? [], [runs.data]);

  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = runs;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last > rows.length - 60) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const sort = (by: string) => by && setQuery('order', order === `${by} DESC` ? `${by} ASC` : `${by} DESC`);
  const toggle = (id: string) => setPicked(before => {
    const after = new Set(before);
    if (!after.delete(id)) after.add(id);
    return after;
  });
  async function change(what: object, done: string) {
    try {
      const answer = await call<{ changed: string[]; refused: Record<string, string> }>('POST', 'runs/change', { runs: [...picked], change: what });
      const refused = Object.values(answer.refused);
      setTold(`${answer.changed.length} runs ${done}${refused.length ? `; ${refused.length} refused: ${refused[0]}` : ''}`);
      setPicked(new Set(Object.keys(answer.refused)));
      await client.invalidateQueries();
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  }
  function tag() {
    const name = window.prompt('Tag to set, as name or name=value');
    if (!name) return;
    const [key = '', text = ''] = name.split(/=(.*)/s);
    void change({ set_tags: { [key]: text } }, 'tagged');
  }
  async function save() {
    const name = window.prompt('Name of the view');
    if (!name) return;
    try {
      await call('PUT', `projects/${encodeURIComponent(project)}/views/${encodeURIComponent(name)}`, { query: query.toString() });
      setTold(`View “${name}” saved`);
      await client.invalidateQueries({ queryKey: ['views'] });
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  }
  function download() {
    const text = csv([['id', 'name', ...shown.map(one => one.title)], ...rows.map(run => [run.id, run.name, ...shown.map(one => one.text(run))])]);
    const address = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    const anchor = Object.assign(document.createElement('a'), { href: address, download: `${project}.csv` });
    anchor.click();
    URL.revokeObjectURL(address);
    setTold(`${rows.length} runs exported${hasNextPage ? ': those loaded so far' : ''}`);
  }
  const all: [string, string][] = columns.data
    ? [...columns.data.metrics.flatMap(key => [[`best:${key}`, `${key} (best)`], [`last:${key}`, `${key} (last)`]] as [string, string][]),
      ...columns.data.params.map(key => [`param:${key}`, key] as [string, string]), ...columns.data.tags.map(key => [`tag:${key}`, `tag ${key}`] as [string, string])]
    : [];
  const wrong = runs.error instanceof Refused ? runs.error : null;
  const widths = `34px 220px ${shown.map(one => (one.wide ? '210px' : '150px')).join(' ')}`;
  return (
    <section className="board">
      <div className="bar">
        <h1>{project}</h1>
        <form role="search" onSubmit={event => { event.preventDefault(); setQuery('filter', draft); }}>
          <input type="search" aria-label="Filter runs" aria-invalid={!!wrong} placeholder='metrics.iou > 0.7 AND params.lr = "0.001"' value={draft}
            onChange={event => { setDraft(event.target.value); if (!event.target.value) setQuery('filter', ''); }} spellCheck={false} />
          <button>Filter</button>
        </form>
        <Picker all={all} ids={ids} />
        <select aria-label="Saved views" value="" onChange={event => { window.location.hash = link(['p', project], new URLSearchParams(event.target.value)); }}>
          <option value="" disabled>Views</option>
          {Object.entries(views.data?.views ?? {}).map(([name, view]) => <option key={name} value={view.query}>{name}</option>)}
        </select>
        <button onClick={() => void save()}>Save view</button>
        <button onClick={download}>CSV</button>
      </div>
      {wrong && (
        <div className="error" role="alert">
          {wrong.message}
          {wrong.position !== undefined && <pre>{filter}{'\n'}{' '.repeat(wrong.position)}^</pre>}
        </div>
      )}
      {!wrong && runs.isPending && <p className="quiet">Loading…</p>}
      <State of={{ isPending: false, error: experiments.error ?? columns.error ?? (wrong ? null : runs.error) }} />
      <div className="bar picked">
        <span aria-live="polite">{picked.size ? `${picked.size} chosen` : told || `${rows.length.toLocaleString()}${hasNextPage ? '+' : ''} runs`}</span>
        {picked.size > 0 && <>
          <a className="button main" href={link(['compare'], { runs: [...picked].join(',') })}>Compare</a>
          <button onClick={tag}>Tag</button>
          <button className="danger" onClick={() => void change({ lifecycle: 'deleted' }, 'deleted (they can be restored)')}>Delete</button>
          <button onClick={() => setPicked(new Set())}>Clear</button>
        </>}
      </div>
      <div className="table" role="table" aria-label="Runs" aria-rowcount={hasNextPage ? -1 : rows.length + 1} ref={scroller} tabIndex={0}>
        <div role="rowgroup" className="head">
          <div role="row" className="row" aria-rowindex={1} style={{ gridTemplateColumns: widths }}>
            <span role="columnheader"><span className="hidden">Choose</span></span>
            <span role="columnheader" className="sticky">Name</span>
            {shown.map(one => {
              const way = one.order && order.startsWith(`${one.order} `) ? (order.endsWith('DESC') ? 'descending' : 'ascending') : 'none';
              return (
                <span role="columnheader" key={one.id} aria-sort={way} title={one.title}>
                  {one.order ? <button onClick={() => sort(one.order)}>{one.title}{way === 'none' ? '' : way === 'ascending' ? ' ↑' : ' ↓'}</button> : one.title}
                </span>
              );
            })}
          </div>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {items.map(item => {
            const run = rows[item.index];
            return run && (
              <div role="row" className={picked.has(run.id) ? 'row chosen' : 'row'} key={run.id} aria-rowindex={item.index + 2}
                style={{ gridTemplateColumns: widths, position: 'absolute', top: 0, transform: `translateY(${item.start}px)`, height: ROW_PX }}>
                <span role="cell"><input type="checkbox" aria-label={`Choose ${run.name}`} checked={picked.has(run.id)} onChange={() => toggle(run.id)} /></span>
                <span role="cell" className="sticky"><a href={link(['run', run.id])}>{run.name}</a></span>
                {shown.map(one => (
                  <span role="cell" key={one.id} title={[one.text(run), one.hint?.(run)].filter(Boolean).join(' · ')}>
                    {one.id === 'state' ? <i className={`state ${run.state}`}>{one.text(run)}</i> : one.text(run)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

function Picker({ all, ids }: { all: [string, string][]; ids: string[] }) {
  const [search, setSearch] = useState('');
  const found = all.filter(([, title]) => title.toLowerCase().includes(search.toLowerCase())).slice(0, 100);
  const toggle = (id: string) => setQuery('columns', (ids.includes(id) ? ids.filter(one => one !== id) : [...ids, id]).join('\n') || '\n');
  return (
    <details className="picker">
      <summary>Columns</summary>
      <div>
        <input type="search" aria-label="Search columns" placeholder={`Search ${all.length} columns`} value={search} onChange={event => setSearch(event.target.value)} />
        {found.map(([id, title]) => (
          <label key={id}><input type="checkbox" checked={ids.includes(id)} onChange={() => toggle(id)} /> {title}</label>
        ))}
      </div>
    </details>
  );
}
