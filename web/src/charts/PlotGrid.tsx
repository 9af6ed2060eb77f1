//! Plots of many metrics, grouped by prefix. Only those near the window are drawn, so thousands scroll like ten.
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { groupBy } from '../app/group';
import { Empty } from '../app/State';
import { plural } from '../app/format';
import type { PlotOptions, Shown } from './model';
import { useWidth } from './place';
import { Plot } from './Plot';

const PLOT_PX = 254;
const HEAD_PX = 40;
const COLUMN_PX = 400;

type Row = { group: string; count: number; open: boolean } | { metrics: string[]; whole: boolean };

const prefix = (metric: string) => (metric.includes('/') ? metric.slice(0, metric.lastIndexOf('/')) : '');

/** Groups of fewer metrics than this stand together without headings, under their whole names. */
const SMALL = 4;

/** Headings and rows of plots, in order; a closed group has its heading alone. */
function rowsOf(metrics: string[], columns: number, closed: Set<string>): Row[] {
  const groups = [...groupBy(metrics, prefix)].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = (keys: string[], whole: boolean): Row[] => {
    const found: Row[] = [];
    for (let at = 0; at < keys.length; at += columns)
      found.push({ metrics: keys.slice(at, at + columns), whole });
    return found;
  };
  const small = groups.filter(([, keys]) => keys.length < SMALL).flatMap(([, keys]) => keys);
  const large = groups
    .filter(([, keys]) => keys.length >= SMALL)
    .flatMap(([group, keys]): Row[] => {
      const open = !closed.has(group);
      const head = groups.length > 1 ? [{ group, count: keys.length, open }] : [];
      return [...head, ...(open ? rows(keys, groups.length === 1) : [])];
    });
  return [...rows(small, true), ...large];
}

export function PlotGrid({
  metrics,
  runs,
  options,
}: {
  metrics: string[];
  runs: Shown[];
  options: PlotOptions;
}) {
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const [closed, setClosed] = useState<Set<string>>(new Set());
  const [offset, setOffset] = useState(0);
  const columns = Math.max(1, Math.floor((width + 12) / COLUMN_PX));
  const rows = useMemo(() => rowsOf(metrics, columns, closed), [metrics, columns, closed]);
  useLayoutEffect(() => setOffset(place.current?.offsetTop ?? 0), [width]);
  const virtual = useWindowVirtualizer({
    count: width ? rows.length : 0,
    estimateSize: at => (rows[at] && 'group' in rows[at] ? HEAD_PX : PLOT_PX),
    scrollMargin: offset,
    overscan: 2,
  });
  useLayoutEffect(() => virtual.measure(), [rows, virtual]);
  const toggle = (group: string) =>
    setClosed(before => {
      const after = new Set(before);
      if (!after.delete(group)) after.add(group);
      return after;
    });
  if (!metrics.length) return <Empty>No metric matches.</Empty>;
  return (
    <div ref={place} className="plots" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(item => {
        const row = rows[item.index];
        if (!row) return null;
        return (
          <div
            key={'group' in row ? `group ${row.group}` : `${row.metrics[0]} ${columns}`}
            className="plotrow"
            style={{
              transform: `translateY(${item.start - offset}px)`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            }}
          >
            {'group' in row ? (
              <h2>
                <button className="plain" aria-expanded={row.open} onClick={() => toggle(row.group)}>
                  {row.open ? '▾' : '▸'} {row.group || 'other'}
                  <span className="quiet"> {plural(row.count, 'metric')}</span>
                </button>
              </h2>
            ) : (
              row.metrics.map(metric => (
                <Plot
                  key={metric}
                  metric={metric}
                  runs={runs}
                  options={options}
                  title={row.whole || !prefix(metric) ? metric : metric.slice(prefix(metric).length + 1)}
                />
              ))
            )}
          </div>
        );
      })}
    </div>
  );
}
