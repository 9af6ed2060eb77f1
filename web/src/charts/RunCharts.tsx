//! Parameters of many runs against a metric, drawn twice: as parallel coordinates, and as dots.
import { useMemo, useState } from 'react';
import { Empty } from '../app/State';
import type { Column } from '../board/columns';
import type { Run } from '../data/model';
import { Parallel } from './Parallel';
import { Scatter } from './Scatter';

/** More axes than these leave no room between them. */
const AXES = 9;

export function RunCharts({
  runs,
  colours,
  params,
  metrics,
}: {
  runs: Run[];
  colours: string[];
  params: Column[];
  metrics: Column[];
}) {
  const [acrossId, setAcross] = useState('');
  const [upId, setUp] = useState('');
  const across = params.find(one => one.id === acrossId) ?? params[0] ?? metrics[1] ?? metrics[0];
  const up = metrics.find(one => one.id === upId) ?? metrics[0];
  const axes = useMemo(() => [...params.slice(0, AXES - 1), ...(up ? [up] : [])], [params, up]);
  if (!up || !across || !runs.length)
    return <Empty>Charts need at least one metric among the columns.</Empty>;
  const choice = (label: string, all: Column[], chosen: Column, set: (id: string) => void) => (
    <label>
      {label}{' '}
      <select value={chosen.id} onChange={event => set(event.target.value)}>
        {all.map(one => (
          <option key={one.id} value={one.id}>
            {one.title}
            {one.kind === 'param' ? '' : ` · ${one.kind}`}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div className="runcharts">
      <div className="bar">
        {choice('Metric', metrics, up, setUp)}
        {choice('Against', [...params, ...metrics.filter(one => one !== up)], across, setAcross)}
      </div>
      {params.length > 0 && <Parallel runs={runs} columns={axes} />}
      <figure>
        <figcaption>
          {up.title} · {up.kind} by {across.title}
        </figcaption>
        <Scatter runs={runs} colours={colours} across={across} up={up} />
      </figure>
    </div>
  );
}
