//! Places for the steps of a pipeline: each right of all it reads, and level with them as far as can be.
import type { Step } from '../data/model';

export interface Place {
  column: number;
  row: number;
}

export interface Node extends Place {
  name: string;
  /** `null` for what steps read and no step makes. */
  step: Step | null;
  inputs: string[];
  /** Where the lines to steps further right pass between other steps. */
  lane: Place[];
}

export function layout(steps: Step[]): Node[] {
  const known = new Map(steps.map(step => [step.step, step]));
  const names = [...new Set([...steps.flatMap(step => step.inputs), ...known.keys()])];
  const columns = new Map<string, number>();
  const column = (name: string, above: Set<string>): number => {
    const kept = columns.get(name);
    if (kept !== undefined) return kept;
    // A step that reads itself by way of others is no pipeline's; it must not hang the page all the same.
    const inputs = (known.get(name)?.inputs ?? []).filter(input => !above.has(input));
    const at = inputs.length
      ? 1 + Math.max(...inputs.map(input => column(input, new Set([...above, name]))))
      : 0;
    columns.set(name, at);
    return at;
  };
  names.forEach(name => column(name, new Set()));
  // What is read from outside stands just left of its first reader.
  for (const name of names.filter(one => !known.has(one))) {
    const readers = steps.filter(step => step.inputs.includes(name)).map(step => columns.get(step.step) ?? 1);
    if (readers.length) columns.set(name, Math.max(0, Math.min(...readers) - 1));
  }
  const from = (name: string) => known.get(name)?.inputs ?? [];
  const at = (name: string) => columns.get(name) ?? 0;
  // A line to a step further right runs through a lane of its own, lest it pass behind what stands between.
  const reach = new Map(names.map(name => [name, at(name)]));
  for (const name of names)
    for (const input of from(name)) reach.set(input, Math.max(reach.get(input) ?? 0, at(name)));
  const rows = new Map<string, number>();
  const lanes = new Map<string, Place[]>(names.map(name => [name, []]));
  /** The row in which something was seen last. */
  const seen = (name: string) => lanes.get(name)?.at(-1)?.row ?? rows.get(name);
  const deepest = Math.max(0, ...columns.values());
  for (let column = 0; column <= deepest; column += 1) {
    const passing = names.filter(name => at(name) < column && column < (reach.get(name) ?? 0));
    const here = names.filter(name => at(name) === column);
    // Level with the mean of what a step reads, so that lines cross little; what reads nothing stands below.
    const wish = (name: string) => {
      const read = from(name)
        .map(seen)
        .filter(row => row !== undefined);
      return read.length ? read.reduce((sum, row) => sum + row, 0) / read.length : Infinity;
    };
    const wishes = [
      ...here.map(name => ({ name, passes: false, row: wish(name) })),
      ...passing.map(name => ({ name, passes: true, row: seen(name) ?? Infinity })),
    ].sort((a, b) => (a.row === b.row ? 0 : a.row - b.row));
    let free = 0;
    for (const { name, passes, row } of wishes) {
      const taken = Number.isFinite(row) ? Math.max(free, Math.floor(row)) : free;
      if (passes) lanes.get(name)?.push({ column, row: taken });
      else rows.set(name, taken);
      free = taken + 1;
    }
  }
  const top = Math.min(...rows.values(), ...[...lanes.values()].flat().map(lane => lane.row));
  return names.map(name => ({
    name,
    step: known.get(name) ?? null,
    inputs: from(name),
    column: at(name),
    row: (rows.get(name) ?? 0) - top,
    lane: (lanes.get(name) ?? []).map(place => ({ ...place, row: place.row - top })),
  }));
}
