//! Places for the steps of a pipeline: each right of all it reads, and level with them as far as can be.
import type { Step } from '../data/model';

export interface Node {
  name: string;
  /** `null` for what steps read and no step makes. */
  step: Step | null;
  inputs: string[];
  column: number;
  row: number;
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
  const rows = new Map<string, number>();
  const deepest = Math.max(0, ...columns.values());
  for (let at = 0; at <= deepest; at += 1) {
    const here = names.filter(name => columns.get(name) === at);
    // The mean row of what a step reads, so that lines cross little.
    const wish = (name: string) => {
      const from = (known.get(name)?.inputs ?? [])
        .map(input => rows.get(input))
        .filter(row => row !== undefined);
      return from.length ? from.reduce((sum, row) => sum + row, 0) / from.length : names.indexOf(name);
    };
    const ordered = here.map(name => [wish(name), name] as const).sort((a, b) => a[0] - b[0]);
    ordered.forEach(([, name], row) => rows.set(name, row));
  }
  return names.map(name => ({
    name,
    step: known.get(name) ?? null,
    inputs: known.get(name)?.inputs ?? [],
    column: columns.get(name) ?? 0,
    row: rows.get(name) ?? 0,
  }));
}
