//! The leaderboard's table: rows and columns are drawn only where they are seen.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';
import type { Run } from '../data/model';
import type { Column } from './columns';
import { Heading, NAME_PX, type Order, Row, ROW_PX } from './TableRow';

const HEAD_PX = 46;

export function Table({
  rows,
  columns,
  colourOf,
  order,
  sort,
  picked,
  pick,
  total,
  more,
}: {
  rows: Run[];
  columns: Column[];
  colourOf(id: string): string;
  order: Order;
  sort(field: string): void;
  picked: Set<string>;
  pick(at: number, to: boolean, range: boolean): void;
  total: number | undefined;
  /** Asks for more rows. */
  more: (() => void) | null;
}) {
  const place = useRef<HTMLDivElement>(null);
  const vertical = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    scrollPaddingStart: HEAD_PX,
  });
  const horizontal = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => place.current,
    estimateSize: at => columns[at]?.width ?? 100,
    overscan: 3,
  });
  useEffect(() => horizontal.measure(), [columns, horizontal]);
  const items = vertical.getVirtualItems();
  const across = horizontal.getVirtualItems();
  const [first, end] = [across[0]?.index ?? 0, (across.at(-1)?.index ?? -1) + 1];
  const shown = useMemo(() => columns.slice(first, end), [columns, first, end]);
  const before = across[0]?.start ?? 0;
  const width = NAME_PX + horizontal.getTotalSize();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last > rows.length - 80) more();
  }, [last, rows.length, more]);

  const actions = useRef({ pick, sort });
  actions.current = { pick, sort };
  const picker = useMemo(
    () => (at: number, to: boolean, range: boolean) => actions.current.pick(at, to, range),
    [],
  );

  /** Up and down go from name to name. */
  function walk(event: KeyboardEvent) {
    const way = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-row]');
    if (!way || !row || !(event.target instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    const to = Number(row.dataset.row) + way;
    vertical.scrollToIndex(to);
    requestAnimationFrame(() => place.current?.querySelector<HTMLElement>(`[data-row="${to}"] a`)?.focus());
  }
  return (
    <div
      className="table"
      role="table"
      aria-label="Runs"
      ref={place}
      tabIndex={0}
      onKeyDown={walk}
      aria-rowcount={(total ?? rows.length) + 1}
      aria-colcount={columns.length + 1}
    >
      <div role="rowgroup" className="head" style={{ width }}>
        <div role="row" className="row" aria-rowindex={1} style={{ height: HEAD_PX }}>
          <Heading
            title="Run"
            kind=""
            field="run_name"
            order={order}
            sort={sort}
            className="name"
            width={NAME_PX}
            index={1}
          />
          <i className="gap" style={{ width: before }} />
          {shown.map((one, at) => (
            <Heading
              key={one.id}
              title={one.title}
              kind={one.kind}
              field={one.order}
              order={order}
              sort={sort}
              className={one.numeric ? 'number' : ''}
              width={one.width}
              index={first + at + 2}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ height: vertical.getTotalSize(), width, position: 'relative' }}>
        {items.map(item => {
          const run = rows[item.index];
          return (
            run && (
              <Row
                key={run.id}
                run={run}
                at={item.index}
                top={item.start}
                columns={shown}
                first={first}
                before={before}
                width={width}
                picked={picked.has(run.id)}
                colour={colourOf(run.id)}
                pick={picker}
              />
            )
          );
        })}
      </div>
    </div>
  );
}
