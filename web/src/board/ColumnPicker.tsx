//! Which columns are shown, and in which order.
import { useMemo, useState } from 'react';
import { Menu } from '../app/Menu';
import type { Columns } from '../data/model';
import { allColumns, column } from './columns';

const MOST = 120;

interface Choice {
  columns: Columns;
  ids: string[];
  choose(ids: string[]): void;
}

export const ColumnPicker = (choice: Choice) => (
  <Menu title="Columns" wide>
    <Panel {...choice} />
  </Menu>
);

function name(id: string): string {
  const of = column(id);
  return of ? `${of.title}${of.kind ? ` · ${of.kind}` : ''}` : id;
}

function Panel({ columns, ids, choose }: Choice) {
  const [search, setSearch] = useState('');
  const all = useMemo(() => allColumns(columns), [columns]);
  const offered = useMemo(() => {
    const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(ids);
    return all.filter(
      one =>
        !shown.has(one.id) &&
        // Of a metric's statistics all but the best are shown only when they are looked for.
        (wanted.length > 0 || !/^(last|min|max|first):/.test(one.id)) &&
        wanted.every(word => one.name.toLowerCase().includes(word)),
    );
  }, [all, ids, search]);
  const move = (at: number, by: number) => {
    const moved = [...ids];
    const [one] = moved.splice(at, 1);
    if (one !== undefined) moved.splice(at + by, 0, one);
    choose(moved);
  };
  const tool = (label: string, sign: string, disabled: boolean, act: () => void) => (
    <button className="small" aria-label={label} disabled={disabled} onClick={act}>
      {sign}
    </button>
  );
  return (
    <>
      <h3>Shown</h3>
      <ol className="chosen">
        {ids.map((id, at) => (
          <li key={id}>
            <span title={name(id)}>{name(id)}</span>
            {tool(`Move ${name(id)} left`, '↑', at === 0, () => move(at, -1))}
            {tool(`Move ${name(id)} right`, '↓', at === ids.length - 1, () => move(at, 1))}
            {tool(`Hide ${name(id)}`, '×', false, () => choose(ids.filter(one => one !== id)))}
          </li>
        ))}
      </ol>
      <h3>More</h3>
      <input
        type="search"
        aria-label="Search columns"
        placeholder={`Search ${all.length.toLocaleString('en')} columns, such as “iou last”`}
        value={search}
        onChange={event => setSearch(event.target.value)}
      />
      <ul className="offered">
        {offered.slice(0, MOST).map(one => (
          <li key={one.id}>
            <button onClick={() => choose([...ids, one.id])} title={one.name}>
              + {one.name}
            </button>
          </li>
        ))}
      </ul>
      {offered.length > MOST && (
        <p className="quiet">{(offered.length - MOST).toLocaleString('en')} more: search to see them.</p>
      )}
      <button onClick={() => choose([])}>Back to the usual columns</button>
    </>
  );
}
