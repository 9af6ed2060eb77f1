//! A metric that was told once: its value, or a bar a run.
import { aligned } from '../app/format';
import type { Model } from './model';

/** Whether no line of a drawing has more than one point. */
export const isOnce = (model: Model): boolean =>
  model.told.length > 0 && [...model.lines.values()].every(line => line.x.length === 1);

export function Bars({ model }: { model: Model }) {
  const bars = model.told.map(one => ({
    ...one,
    value: Array.from(model.data[one.series] ?? []).find(y => y !== null && y !== undefined),
  }));
  const [only] = bars;
  if (bars.length === 1 && only)
    return (
      <p className="once">
        <b>{aligned(only.value ?? NaN)}</b>
        <span className="quiet">at step {[...model.lines.values()][0]?.steps[0]?.toLocaleString('en')}</span>
      </p>
    );
  const sizes = bars.map(one => Math.abs(one.value ?? 0));
  const most = Math.max(...sizes) || 1;
  return (
    <ul className="bars">
      {bars.map((one, at) => (
        <li key={one.series} title={one.name}>
          <span>{one.name}</span>
          <i style={{ width: `${(100 * (sizes[at] ?? 0)) / most}%`, background: one.colour }} />
          <b>{aligned(one.value ?? NaN)}</b>
        </li>
      ))}
    </ul>
  );
}
