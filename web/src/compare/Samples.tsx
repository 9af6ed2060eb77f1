//! One row an image with its score in each run, most regressed first; a row opens the pictures.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { aligned, plural, signed } from '../app/format';
import { link, setQuery } from '../app/route';
import { Empty, State } from '../app/State';
import type { Shown } from '../charts/model';
import type { Picture } from '../data/model';
import { source } from '../data/source';
import { atStep, stepsOf, useImageKeys, usePictures } from './useSamples';

const ROW_PX = 52;

interface Row {
  name: string;
  pictures: (Picture | undefined)[];
  scores: (number | undefined)[];
  /** By run, its score less the baseline's. */
  changes: (number | undefined)[];
  /** The worst of the changes. */
  worst: number;
}

export function rowsOf(shown: Map<string, Picture>[]): Row[] {
  const names = [...new Set(shown.flatMap(one => [...one.keys()]))];
  return names.map(name => {
    const pictures = shown.map(one => one.get(name));
    const scores = pictures.map(picture => picture?.score);
    const [base] = scores;
    const changes = scores.map(score =>
      score === undefined || base === undefined ? undefined : score - base,
    );
    const known = changes.slice(1).filter(change => change !== undefined);
    return { name, pictures, scores, changes, worst: known.length ? Math.min(...known) : NaN };
  });
}

type Sort = { by: 'worst' | 'name' } | { by: 'score'; run: number };

function compare(sort: Sort, a: Row, b: Row): number {
  const of = (row: Row) =>
    sort.by === 'score' ? (row.scores[sort.run] ?? Infinity) : Number.isNaN(row.worst) ? Infinity : row.worst;
  const names = a.name.localeCompare(b.name, 'en', { numeric: true });
  if (sort.by === 'name') return names;
  const [u, v] = [of(a), of(b)];
  return u === v ? names : u - v;
}

export function Samples({ runs, query }: { runs: Shown[]; query: URLSearchParams }) {
  const ids = runs.map(run => run.id);
  const media = useImageKeys(ids);
  const asked = query.get('series');
  const key = media.keys.find(one => one === asked) ?? media.keys[0];
  const { pictures, pending, error } = usePictures(ids, key);
  const [chosen, setSort] = useState<Sort | null>(null);
  const sort: Sort = chosen ?? { by: runs.length > 1 ? 'worst' : 'name' };
  const rows = useMemo(() => {
    const last = stepsOf(pictures).at(-1);
    return last === undefined
      ? []
      : rowsOf(pictures.map(own => atStep(own, last))).sort((a, b) => compare(sort, a, b));
  }, [pictures, JSON.stringify(sort)]);
  const place = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 6,
  });
  if (media.error ?? error) return <State of={{ isPending: false, error: media.error ?? error }} />;
  if (media.pending || pending) return <State of={{ isPending: true, error: null }} />;
  if (!key) return <Empty>No pictures were logged, so there are no scores by image.</Empty>;
  const worse = rows.filter(row => row.worst < 0).length;
  const address = (name: string) => {
    const next = new URLSearchParams(query);
    next.set('tab', 'pictures');
    next.set('sample', name);
    return link(['compare'], next);
  };
  const columns = `52px minmax(120px, 380px) repeat(${runs.length}, minmax(112px, 190px))`;
  const minWidth = 220 + runs.length * 124;
  const button = (name: string, next: Sort) => {
    const on = JSON.stringify(sort) === JSON.stringify(next);
    return (
      <button className="plain" onClick={() => setSort(next)}>
        {name}
        {on ? ' ▲' : ''}
      </button>
    );
  };
  const isSorted = (next: Sort) =>
    JSON.stringify(sort) === JSON.stringify(next) ? ('ascending' as const) : ('none' as const);
  return (
    <>
      <div className="bar">
        {media.keys.length > 1 && (
          <select
            aria-label="Series"
            value={key}
            onChange={event => setQuery({ series: event.target.value })}
          >
            {media.keys.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        )}
        <span>
          {plural(rows.length, 'image')}, scores at each run’s last step
          {runs.length > 1 && (
            <>
              ; <b>{worse}</b> worse than in {runs[0]?.name} in some run
            </>
          )}
        </span>
        {runs.length > 1 && (
          <button aria-pressed={sort.by === 'worst'} onClick={() => setSort({ by: 'worst' })}>
            Most regressed first
          </button>
        )}
      </div>
      <div
        className="samples"
        role="table"
        aria-label="Scores by image"
        aria-rowcount={rows.length + 1}
        ref={place}
        tabIndex={0}
      >
        <div role="rowgroup" className="head">
          <div role="row" style={{ gridTemplateColumns: columns, minWidth }}>
            <span role="columnheader">
              <span className="hidden">Picture</span>
            </span>
            <span role="columnheader" aria-sort={isSorted({ by: 'name' })}>
              {button('Image', { by: 'name' })}
            </span>
            {runs.map((run, at) => (
              <span
                role="columnheader"
                key={run.id}
                className="number"
                aria-sort={isSorted({ by: 'score', run: at })}
                title={run.name}
              >
                <i className="dot" style={{ background: run.colour }} />
                {button(run.name, { by: 'score', run: at })}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(item => {
            const row = rows[item.index];
            if (!row) return null;
            const picture = row.pictures.find(Boolean);
            const small = picture?.layers.find(one => one.role === 'input') ?? picture?.layers[0];
            return (
              <div
                role="row"
                key={row.name}
                aria-rowindex={item.index + 2}
                style={{
                  gridTemplateColumns: columns,
                  minWidth,
                  position: 'absolute',
                  top: item.start,
                  height: ROW_PX,
                  left: 0,
                  right: 0,
                }}
              >
                <span role="cell">
                  {small && (
                    <img
                      src={source.pictureUrl(small.digest, small.media_type)}
                      alt=""
                      loading="lazy"
                      width={44}
                      height={44}
                    />
                  )}
                </span>
                <span role="cell">
                  <a href={address(row.name)}>{row.name}</a>
                </span>
                {row.scores.map((score, at) => {
                  const change = at ? row.changes[at] : undefined;
                  return (
                    <span role="cell" className="number" key={runs[at]?.id}>
                      {score === undefined ? '—' : aligned(score)}
                      {change !== undefined && change !== 0 && (
                        <small className={change < 0 ? 'bad' : 'good'}> {signed(change)}</small>
                      )}
                    </span>
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}
