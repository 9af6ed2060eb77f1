//! The runs of a leaderboard, page by page, kept up to date as they change.
import { type InfiniteData, keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { type Changes, useChanges } from '../app/live';
import type { Found, Run, Search } from '../data/model';
import { source } from '../data/source';

export type Asked = Omit<Search, 'limit' | 'page' | 'count'>;

const NO_RUNS: Run[] = [];
/** A page holds so many runs, or fewer if many columns are shown: what is read at once must not hold the page up. */
const PAGE = 200;
const PAGE_VALUES = 6000;
/** Up to so many pages are asked for anew when a run changes; beyond, changed rows alone are. */
const FEW_PAGES = 2;

export function useRuns(asked: Asked | null) {
  const client = useQueryClient();
  const key = ['board', asked];
  const [unseen, setUnseen] = useState(0);
  const values = asked
    ? asked.columns.metrics.length * 3 + asked.columns.params.length + asked.columns.tags.length
    : 1;
  const limit = Math.max(40, Math.min(PAGE, Math.floor(PAGE_VALUES / Math.max(1, values))));
  const query = useInfiniteQuery({
    queryKey: key,
    // To find out which of thousands of values stayed the same costs more than to draw the few that are seen.
    structuralSharing: false,
    enabled: asked !== null,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      source.search({ ...(asked as Asked), limit, page: pageParam, count: pageParam === null }),
    getNextPageParam: page => page.next,
    placeholderData: keepPreviousData,
  });
  const pages = query.data?.pages;
  const rows = useMemo(() => pages?.flatMap(page => page.runs) ?? [], [pages]);

  const changed = useCallback(
    async (changes: Changes) => {
      const shown = client.getQueryData<InfiniteData<Found>>(['board', asked]);
      if (!asked || !shown) return;
      if (changes.everything || shown.pages.length <= FEW_PAGES) {
        await client.invalidateQueries({ queryKey: ['board', asked] });
        return;
      }
      const known = new Set(shown.pages.flatMap(page => page.runs.map(run => run.id)));
      const ids = Object.values(changes.runs).flat();
      setUnseen(before => before + ids.filter(id => !known.has(id)).length);
      const wanted = ids.filter(id => known.has(id)).slice(0, 500);
      if (!wanted.length) return;
      const filter = `run_id IN (${wanted.map(id => `'${id.replaceAll("'", "''")}'`).join(', ')})`;
      const { runs } = await source.search({
        ...asked,
        filter,
        order: '',
        limit: 500,
        page: null,
        count: false,
      });
      const news = new Map(runs.map(run => [run.id, run]));
      client.setQueryData<InfiniteData<Found>>(
        ['board', asked],
        before =>
          before && {
            ...before,
            pages: before.pages.map(page => ({
              ...page,
              runs: page.runs.map(run => news.get(run.id) ?? run),
            })),
          },
      );
    },
    [client, JSON.stringify(asked)],
  );
  useChanges(changed);

  const again = async () => {
    setUnseen(0);
    await client.resetQueries({ queryKey: ['board', asked] });
  };
  return { query, rows, first: pages?.[0]?.runs ?? NO_RUNS, total: pages?.[0]?.total, unseen, again };
}

/** All runs that match, up to a number; page by page. */
export async function allRuns(asked: Asked, most: number): Promise<Run[]> {
  const runs: Run[] = [];
  let page: string | null = null;
  do {
    const found: Found = await source.search({ ...asked, limit: Math.min(5000, most), page, count: false });
    runs.push(...found.runs);
    page = found.next;
  } while (page !== null && runs.length < most);
  return runs.slice(0, most);
}
