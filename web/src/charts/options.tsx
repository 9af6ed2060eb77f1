//! How curves are drawn, kept in the address so that a link shows the same.
import { setQuery } from '../app/route';
import { axisOf } from './lines';
import type { PlotOptions } from './model';

export function optionsOf(query: URLSearchParams): PlotOptions {
  const weight = Number(query.get('smooth') ?? 0);
  return {
    axis: axisOf(query.get('x')),
    smooth: Number.isFinite(weight) ? Math.min(0.99, Math.max(0, weight)) : 0,
    logX: query.get('logx') === '1',
    logY: query.get('logy') === '1',
    bands: query.get('bands') === '1',
  };
}

/** Controls of all plots on a screen. */
export function CurveOptions({
  query,
  metrics,
  groups = false,
  usual = 'step',
}: {
  query: URLSearchParams;
  metrics: string[];
  groups?: boolean;
  /** The x axis until one is chosen. */
  usual?: 'step' | 'relative';
}) {
  const options = optionsOf(query);
  const set = (key: string, on: boolean) => setQuery({ [key]: on ? '1' : '' });
  const epoch = metrics.find(key => key === 'epoch');
  const chosen = query.get('x') ?? usual;
  const others = metrics.filter(key => key !== 'epoch').slice(0, 200);
  const box = (key: string, on: boolean, text: string) => (
    <label>
      <input type="checkbox" checked={on} onChange={event => set(key, event.target.checked)} /> {text}
    </label>
  );
  return (
    <>
      <label>
        X axis{' '}
        <select
          value={chosen}
          onChange={event => setQuery({ x: event.target.value === usual ? '' : event.target.value })}
        >
          <option value="step">Step</option>
          {epoch && <option value="metric:epoch">Epoch</option>}
          <option value="relative">Time since start</option>
          <option value="wall">Time of day</option>
          {chosen.startsWith('metric:') && !metrics.includes(chosen.slice(7)) && (
            <option value={chosen}>{chosen.slice(7)}</option>
          )}
          <optgroup label="Another metric">
            {others.map(key => (
              <option key={key} value={`metric:${key}`}>
                {key}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
      <label className="slider">
        Smooth{' '}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={options.smooth}
          onChange={event => setQuery({ smooth: event.target.value === '0' ? '' : event.target.value }, true)}
        />
        <output>{options.smooth.toFixed(2)}</output>
      </label>
      {box('logy', options.logY, 'Log y')}
      {options.axis.by !== 'wall' && box('logx', options.logX, 'Log x')}
      {groups && box('bands', options.bands, 'Seeds as bands')}
    </>
  );
}
