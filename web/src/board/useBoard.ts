//! What a leaderboard's address asks for, and the answers.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Columns, Run } from '../data/model';
import { source } from '../data/source';
import { type Column, column, defaultColumns, keysOf, spelled } from './columns';
import { allRuns, type Asked, useRuns } from './useRuns';

/** So many runs are grouped, charted or exported at most. */
export const MOST = 20_000;
const NONE: Columns = { metrics: [], params: [], tags: [] };

export function useBoard(project: string, query: URLSearchParams) {
  const experiments = useQuery({
    queryKey: ['experiments', project],
    queryFn: () => source.experiments(project),
  });
  const numbers = experiments.data?.map(experiment => experiment.id) ?? [];
  const experiment = numbers.find(id => String(id) === query.get('experiment'));
  const within = experiment === undefined ? numbers : [experiment];
  const columns = useQuery({
    queryKey: ['columns', within],
    queryFn: () => source.columns(within),
    enabled: experiments.isSuccess,
  });
  const known = columns.data ?? NONE;
  const ids = useColumnIds(project, within, columns.isSuccess ? known : null, query.get('columns'));

  const group = query.get('group');
  const by = useMemo(
    () => (group === null || group === 'seeds' ? null : group.split('\n').filter(Boolean)),
    [group],
  );
  const charts = query.get('show') === 'charts';
  const keys = useMemo(() => {
    if (!ids) return null;
    const own = keysOf(ids);
    // Seed groups and charts look at parameters that are no columns.
    const params = charts || group === 'seeds' ? known.params : [...new Set([...own.params, ...(by ?? [])])];
    return { ...own, params };
  }, [ids, group, by, charts, known.params]);
  const asked: Asked | null =
    keys && experiments.isSuccess
      ? {
          project,
          experiments: experiment === undefined ? [] : [experiment],
          filter: query.get('filter') ?? '',
          order: query.get('order') ?? 'start_time DESC',
          deleted: query.get('archived') === '1',
          columns: keys,
        }
      : null;
  const table = !charts && group === null;
  const runs = useRuns(asked);
  const whole = useQuery({
    queryKey: ['board', asked, 'whole'],
    enabled: !table && asked !== null,
    queryFn: () => allRuns(asked as Asked, MOST),
  });
  // What the first page holds decides: columns must not move while more is read.
  const first = runs.first;
  const shown = useMemo(
    () => (ids ?? []).flatMap(id => column(id) ?? []).map(one => numericIfAll(one, first)),
    [ids, first],
  );
  return {
    experiments,
    experiment,
    columns,
    known,
    ids: ids ?? [],
    asked,
    table,
    charts,
    group,
    by,
    runs,
    whole,
    shown,
  };
}

/** The columns asked for, or else the usual ones: found once, lest they change while runs come in. */
function useColumnIds(project: string, within: number[], known: Columns | null, chosen: string | null) {
  const usual = useQuery({
    queryKey: ['usual-columns', project, within],
    enabled: known !== null && chosen === null,
    staleTime: Infinity,
    queryFn: async () => {
      const params = (known ?? NONE).params.slice(0, 300);
      const latest = await source.search({
        project,
        experiments: within,
        filter: '',
        order: 'start_time DESC',
        deleted: false,
        limit: 50,
        page: null,
        columns: { metrics: [], params, tags: [] },
        count: false,
      });
      return defaultColumns(known ?? NONE, latest.runs);
    },
  });
  return useMemo(
    () => (chosen !== null ? chosen.split('\n').filter(Boolean) : (usual.data ?? null)),
    [chosen, usual.data],
  );
}

/** A parameter's column stands to the right if all its texts are numbers, and sorts by them. */
function numericIfAll(of: Column, rows: Run[]): Column {
  if (of.kind !== 'param') return of;
  const texts = rows.map(of.text).filter(Boolean);
  const numeric = texts.length > 0 && texts.every(text => spelled(text) !== undefined);
  return numeric ? { ...of, numeric, order: `number(${of.order})` } : of;
}
