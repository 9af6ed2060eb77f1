//! A project's leaderboard: its runs as a table, in groups, or as charts.
import { useCallback, useEffect, useState } from 'react';
import { plural } from '../app/format';
import { setQuery } from '../app/route';
import { Empty, State } from '../app/State';
import { useOwnColours } from '../charts/colours';
import { RunCharts } from '../charts/RunCharts';
import type { Run } from '../data/model';
import { Refused } from '../data/refused';
import { FilterBar } from '../query/FilterBar';
import { type Column, column, varies } from './columns';
import { exportRuns } from './exported';
import { GroupTable } from './GroupTable';
import { Selection } from './Selection';
import { Table } from './Table';
import type { Order } from './TableRow';
import { Tools } from './Tools';
import { MOST, useBoard } from './useBoard';
import { allRuns } from './useRuns';

const orderOf = (text: string): Order => ({
  field: text.replace(/ (ASC|DESC)$/, ''),
  descending: text.endsWith(' DESC'),
});

export function Board({ project, query }: { project: string; query: URLSearchParams }) {
  const [picked, setPicked] = useState<Set<string>>(new Set());
  const [anchor, setAnchor] = useState(0);
  const [told, setTold] = useState('');
  const board = useBoard(project, query);
  const { asked, table, shown, known, whole } = board;
  const { query: found, rows, total, unseen, again } = board.runs;
  const filter = query.get('filter') ?? '';
  const order = orderOf(query.get('order') ?? 'start_time DESC');
  const archived = query.get('archived') === '1';
  const colourOf = useOwnColours();
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  useEffect(() => setPicked(new Set()), [archived]);

  const sort = (field: string) =>
    setQuery({ order: `${field} ${order.field === field && order.descending ? 'ASC' : 'DESC'}` });
  const pickAll = (runs: string[], to: boolean) =>
    setPicked(before => {
      const after = new Set(before);
      for (const id of runs) {
        if (to) after.add(id);
        else after.delete(id);
      }
      return after;
    });
  const pick = (at: number, to: boolean, range: boolean) => {
    const [from, end] = range ? [Math.min(anchor, at), Math.max(anchor, at)] : [at, at];
    const runs = rows.slice(from, end + 1).map(run => run.id);
    pickAll(runs, to);
    setAnchor(at);
  };
  async function download() {
    if (!asked) return;
    try {
      setTold('Exporting…');
      const runs = await allRuns(asked, MOST);
      exportRuns(project, shown, runs);
      const all = runs.length < MOST ? '' : ', the most there can be at once';
      setTold(`${plural(runs.length, 'run')} exported${all}`);
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  }
  /** What a field of the filter has been seen to hold. */
  const values = (field: string) => {
    const id = field.replace(/^(param|tag)s\./, '$1:').replace(/`/g, '');
    const of = column(id);
    return of ? [...new Set(rows.map(of.text))].filter(Boolean).sort().slice(0, 50) : [];
  };
  const refused = found.error instanceof Refused && found.error.position !== undefined ? found.error : null;
  const failed =
    board.experiments.error ?? board.columns.error ?? (refused ? null : found.error) ?? whole.error;
  const count = table ? total : whole.data?.length;
  const words =
    count === undefined
      ? found.isPending
        ? 'Loading…'
        : ''
      : plural(count, archived ? 'archived run' : 'run');
  return (
    <section className="board">
      <div className="bar">
        <h1>{project}</h1>
        <FilterBar
          filter={filter}
          columns={known}
          values={values}
          refused={refused}
          apply={text => setQuery({ filter: text })}
        />
      </div>
      <div className="bar tools">
        <span className="count" aria-live="polite">
          {told || words}
        </span>
        {unseen > 0 && (
          <button className="main small" onClick={() => void again()}>
            {plural(unseen, 'new run')}: show
          </button>
        )}
        {picked.size > 0 && (
          <Selection
            picked={[...picked]}
            archived={archived}
            clear={keep => setPicked(new Set(keep))}
            tell={setTold}
          />
        )}
        <span className="spring" />
        <Tools
          project={project}
          query={query}
          board={board}
          download={() => void download()}
          tell={setTold}
        />
      </div>
      <State of={{ isPending: false, error: failed }} />
      {table && (rows.length > 0 || found.isPending) && (
        <Table
          rows={rows}
          columns={shown}
          colourOf={colourOf}
          order={order}
          sort={sort}
          picked={picked}
          pick={pick}
          total={total}
          more={hasNextPage ? more : null}
        />
      )}
      {table && !rows.length && !found.isPending && (
        <Empty>
          {filter ? 'No run passes the filter.' : archived ? 'Nothing is archived.' : 'No runs yet.'}
        </Empty>
      )}
      {!table && <State of={{ isPending: whole.isPending, error: null }} />}
      {!table && board.charts && whole.data && (
        <RunCharts
          runs={whole.data}
          colours={whole.data.map(run => colourOf(run.id))}
          params={chartParams(shown, whole.data, known.params)}
          metrics={shown.filter(one => one.number && one.kind !== 'param')}
        />
      )}
      {!table && !board.charts && whole.data && (
        <GroupTable runs={whole.data} by={board.by} columns={shown} picked={picked} pick={pickAll} />
      )}
    </section>
  );
}

/** The parameters to draw: those among the columns that vary, or else all that do. */
function chartParams(columns: Column[], runs: Run[], all: string[]): Column[] {
  const own = columns.filter(one => one.kind === 'param' && varies(one.title, runs));
  if (own.length) return own;
  const varying = all.filter(key => varies(key, runs)).slice(0, 8);
  return varying.flatMap(key => column(`param:${key}`) ?? []);
}
