//! Runs in groups: how many, their means with intervals, and the runs themselves on request.
import { Fragment, useMemo, useState } from 'react';
import { aligned, duration, plural } from '../app/format';
import { link } from '../app/route';
import { Empty, StateMark } from '../app/State';
import type { Run } from '../data/model';
import { type Column, varies } from './columns';
import { differing, groupRuns, spreadOf } from './groups';

/** A mean as the column's own values are shown. */
const show = (of: Column | undefined, number: number) =>
  of?.id === 'lasted' ? duration(number) : aligned(number);
/** Half an interval: two digits say how wide it is. */
const half = (of: Column | undefined, number: number) =>
  of?.id === 'lasted' ? duration(number) : String(Number(number.toPrecision(2)));

/** More groups than these are no longer an overview. */
const MOST = 500;

export function GroupTable({
  runs,
  by,
  columns,
  picked,
  pick,
}: {
  runs: Run[];
  /** The parameters to group by; `null` for all that are no seeds. */
  by: string[] | null;
  columns: Column[];
  picked: Set<string>;
  pick(runs: string[], to: boolean): void;
}) {
  const [open, setOpen] = useState<Set<string>>(new Set());
  const [sorted, setSorted] = useState<{ id: string; descending: boolean }>({ id: '', descending: true });
  const groups = useMemo(() => groupRuns(runs, by), [runs, by]);
  const differ = useMemo(() => by ?? differing(groups), [by, groups]);
  // Parameters that set groups apart only by being absent from some stand behind the metrics.
  const keys = useMemo(() => (by ? differ : differ.filter(key => varies(key, groups))), [by, differ, groups]);
  const rest = differ.filter(key => !keys.includes(key));
  const metrics = columns.filter(one => one.number && one.kind !== 'param');
  const rows = useMemo(() => {
    const with_ = groups.map(group => ({
      group,
      spreads: metrics.map(one => spreadOf(group.runs.map(run => one.number?.(run)))),
    }));
    const at = metrics.findIndex(one => one.id === sorted.id);
    const of = (row: (typeof with_)[number]) =>
      sorted.id === 'n' ? row.group.runs.length : (row.spreads[at]?.mean ?? NaN);
    if (sorted.id)
      with_.sort((a, b) => {
        const [u, v] = [of(a), of(b)];
        if (Number.isNaN(u) || Number.isNaN(v)) return Number(Number.isNaN(u)) - Number(Number.isNaN(v));
        return sorted.descending ? v - u : u - v;
      });
    return with_;
  }, [groups, columns, sorted]);
  const sort = (id: string) =>
    setSorted(before => ({ id, descending: before.id === id ? !before.descending : true }));
  const way = (id: string) =>
    sorted.id !== id
      ? ('none' as const)
      : sorted.descending
        ? ('descending' as const)
        : ('ascending' as const);
  const toggle = (id: string) =>
    setOpen(before => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  if (!groups.length) return <Empty>No runs to group.</Empty>;
  const sortable = (id: string, title: string, kind: string) => (
    <th scope="col" key={id} className="number" aria-sort={way(id)}>
      <button className="plain" onClick={() => sort(id)}>
        {title}{' '}
        <small>
          {kind}
          {way(id) === 'none' ? '' : way(id) === 'ascending' ? ' ▲' : ' ▼'}
        </small>
      </button>
    </th>
  );
  return (
    <div className="scroll tall" tabIndex={0} role="region" aria-label="Groups of runs">
      <table className="groups">
        <thead>
          <tr>
            <th scope="col">
              <span className="hidden">Choose</span>
            </th>
            {keys.length ? (
              keys.map(key => (
                <th scope="col" key={key}>
                  {key}
                </th>
              ))
            ) : (
              <th scope="col">Group</th>
            )}
            {sortable('n', 'n', 'runs')}
            {metrics.map(one => sortable(one.id, one.title, one.kind))}
            {rest.map(key => (
              <th scope="col" key={key}>
                {key}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST).map(({ group, spreads }) => {
            const ids = group.runs.map(run => run.id);
            const shown = open.has(group.id);
            const name = keys.map(key => `${key} ${group.params[key] ?? '—'}`).join(', ') || 'all runs';
            return (
              <Fragment key={group.id}>
                <tr className={ids.every(id => picked.has(id)) ? 'chosen' : ''}>
                  <td className="tools">
                    <input
                      type="checkbox"
                      aria-label={`Choose the group ${name}`}
                      checked={ids.every(id => picked.has(id))}
                      onChange={event => pick(ids, event.target.checked)}
                    />
                    <button
                      className="plain"
                      aria-expanded={shown}
                      aria-label={`Runs of ${name}`}
                      onClick={() => toggle(group.id)}
                    >
                      {shown ? '▾' : '▸'}
                    </button>
                  </td>
                  {keys.length ? (
                    keys.map(key => <td key={key}>{group.params[key] ?? '—'}</td>)
                  ) : (
                    <td>all runs</td>
                  )}
                  <td className="number">
                    {group.runs.length === 1 && (
                      <span
                        className="warning"
                        title="One run says nothing of chance"
                        role="img"
                        aria-label="one run says nothing of chance"
                      >
                        ⚠{' '}
                      </span>
                    )}
                    {group.runs.length}
                  </td>
                  {spreads.map((spread, at) => (
                    <td
                      key={metrics[at]?.id}
                      className="number"
                      title={
                        spread
                          ? `least ${show(metrics[at], spread.low)}, greatest ${show(metrics[at], spread.high)}`
                          : ''
                      }
                    >
                      {spread ? show(metrics[at], spread.mean) : ''}
                      {spread?.interval && (
                        <small> ± {half(metrics[at], spread.mean - spread.interval.low)}</small>
                      )}
                    </td>
                  ))}
                  {rest.map(key => (
                    <td key={key}>{group.params[key] ?? '—'}</td>
                  ))}
                </tr>
                {shown &&
                  group.runs.map(run => (
                    <tr key={run.id} className="member">
                      <td />
                      <td colSpan={Math.max(1, keys.length)}>
                        <a href={link(['run', run.id])}>{run.name}</a> <StateMark run={run} />
                      </td>
                      <td />
                      {metrics.map(one => (
                        <td key={one.id} className="number">
                          {one.text(run)}
                        </td>
                      ))}
                      {rest.length > 0 && <td colSpan={rest.length} />}
                    </tr>
                  ))}
              </Fragment>
            );
          })}
        </tbody>
      </table>
      {rows.length > MOST && (
        <p className="quiet">{plural(rows.length - MOST, 'more group')}: filter to see them.</p>
      )}
      <p className="quiet note">
        ± is half of the 95 % interval of the mean by Student’s t; it needs two runs.
      </p>
    </div>
  );
}
