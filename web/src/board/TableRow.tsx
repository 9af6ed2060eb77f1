//! A row of the leaderboard and the heading of a column.
import { memo } from 'react';
import { link } from '../app/route';
import { StateMark } from '../app/State';
import { setColour } from '../charts/colours';
import type { Run } from '../data/model';
import type { Column } from './columns';

export const ROW_PX = 32;
export const NAME_PX = 264;

export interface Order {
  field: string;
  descending: boolean;
}

export function Heading({
  title,
  kind,
  field,
  order,
  sort,
  className,
  width,
  index,
}: {
  title: string;
  kind: string;
  field: string;
  order: Order;
  sort(field: string): void;
  className: string;
  width: number;
  index: number;
}) {
  const way = !field || order.field !== field ? 'none' : order.descending ? 'descending' : 'ascending';
  const sign = way === 'none' ? '' : way === 'ascending' ? '▲' : '▼';
  const words = (
    <>
      <span className="title">{title}</span>
      <small>
        {kind}
        {sign && <b aria-hidden="true">{sign}</b>}
      </small>
    </>
  );
  return (
    <div
      role="columnheader"
      className={`cell ${className}`}
      style={{ width }}
      aria-sort={way}
      aria-colindex={index}
      title={kind ? `${title} (${kind})` : title}
    >
      {field ? <button onClick={() => sort(field)}>{words}</button> : <span className="still">{words}</span>}
    </div>
  );
}

interface RowProps {
  run: Run;
  at: number;
  top: number;
  columns: Column[];
  first: number;
  before: number;
  width: number;
  picked: boolean;
  colour: string;
  pick(at: number, to: boolean, range: boolean): void;
}

export const Row = memo(function Row({
  run,
  at,
  top,
  columns,
  first,
  before,
  width,
  picked,
  colour,
  pick,
}: RowProps) {
  return (
    <div
      role="row"
      data-row={at}
      className={picked ? 'row chosen' : 'row'}
      aria-rowindex={at + 2}
      style={{ position: 'absolute', top: 0, width, height: ROW_PX, transform: `translateY(${top}px)` }}
    >
      <div role="cell" className="cell name" style={{ width: NAME_PX }}>
        <input
          type="checkbox"
          aria-label={`Choose ${run.name}`}
          checked={picked}
          onChange={() => undefined}
          onClick={event => pick(at, event.currentTarget.checked, event.shiftKey)}
        />
        <input
          type="color"
          className="dot"
          tabIndex={-1}
          aria-label={`Colour of ${run.name}`}
          title="Choose the run's colour"
          value={colour}
          onChange={event => setColour(run.id, event.target.value)}
        />
        <a href={link(['run', run.id])} title={run.name}>
          {run.name}
        </a>
      </div>
      <i className="gap" style={{ width: before }} />
      {columns.map((one, column) => {
        const text = one.text(run);
        const hint = one.hint?.(run);
        return (
          <div
            role="cell"
            key={one.id}
            className={one.numeric ? 'cell number' : 'cell'}
            style={{ width: one.width }}
            title={hint ? `${text}\n${hint}` : text}
            aria-colindex={first + column + 2}
          >
            {one.id === 'state' ? <StateMark run={run} /> : text}
          </div>
        );
      })}
    </div>
  );
});
