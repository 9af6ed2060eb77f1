//! Which columns are shown, and in which order.
import { useState } from 'react';
import { Menu } from '../app/Menu';
import { allColumns, column } from './columns';
import type { Columns } from '../data/model';

const MOST = 120;

const name = (id: string) => {
  const of = column(id);
  return of ? `${of.title}${of.kind ? ` · ${of.kind}` : ''}` : id;
};

export function ColumnPicker({
  columns,
  ids,
  choose,
}: {
  columns: Columns;
  ids: string[];
  choose(ids: string[]): void;
}) {
  const [search, setSearch] = useState('');
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const all = allColumns(columns);
  // Of a metric's statistics all but the best are shown only when they are looked for.
  const offered = all
    .filter(id => !ids.includes(id) && wanted.every(word => name(id).toLowerCase().includes(word)))
    .filter(id => wanted.length || !/^(last|min|max|first):/.test(id));
  const move = (at: number, by: number) => {
    const moved = [...ids];
    const [one] = moved.splice(at, 1);
    if (one !== undefined) moved.splice(at + by, 0, one);
    choose(moved);
  };
  return (
    <Menu title="Columns" wide>
      <h3>Shown</h3>
      <ol className="chosen">
        {ids.map((id, at) => (
          <li key={id}>
            <span title={name(id)}>{name(id)}</span>
            <button
              className="small"
              aria-label={`Move ${name(id)} left`}
              disabled={at === 0}
              onClick={() => move(at, -1)}
            >
              ↑
            </button>
            <button
              className="small"
              aria-label={`Move ${name(id)} right`}
              disabled={at === ids.length - 1}
              onClick={() => move(at, 1)}
            >
              ↓
            </button>
            <button
              className="small"
              aria-label={`Hide ${name(id)}`}
              onClick={() => choose(ids.filter(one => one !== id))}
            >
              ×
            </button>
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
        {offered.slice(0, MOST).map(id => (
          <li key={id}>
            <button onClick={() => choose([...ids, id])} title={name(id)}>
              + {name(id)}
            </button>
          </li>
        ))}
      </ul>
      {offered.length > MOST && (
        <p className="quiet">{(offered.length - MOST).toLocaleString('en')} more: search to see them.</p>
      )}
      <button onClick={() => choose([])}>Back to the usual columns</button>
    </Menu>
  );
}
