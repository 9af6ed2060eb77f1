//! Why two runs may differ, by likely cause: data, code, pipeline steps, parameters, environment.
import { differing, isSeed } from '../board/groups';
import type { Run, Step } from '../data/model';

export interface Cause {
  title: string;
  /** What is looked at, with what the first and the other run have. */
  rows: { name: string; from: string; to: string; note?: string }[];
}

const ABSENT = '—';
/** Tags that tell of the machine and its software. */
const ENVIRONMENT = /^(footpath\.env\.|host$|hostname$|env\.|environment)/;
const CODE = [
  'mlflow.source.git.commit',
  'mlflow.source.git.branch',
  'mlflow.source.git.dirty',
  'mlflow.source.name',
];

function changes(from: Record<string, string>, to: Record<string, string>, keys: string[]) {
  return keys
    .filter(key => from[key] !== to[key])
    .map(name => ({ name, from: from[name] ?? ABSENT, to: to[name] ?? ABSENT }));
}

const fingerprints = (run: Run) =>
  Object.fromEntries(
    run.inputs.map(({ dataset, tags }) => {
      const what = tags['mlflow.data.context'];
      return [what ? `${dataset.name} (${what})` : dataset.name, dataset.digest];
    }),
  );

const keyed = (steps: Step[]) => new Map(steps.map(step => [`${step.pipeline}/${step.step}`, step]));

/** Steps whose keys differ; those that read nothing that differs are where it began. */
export function differingSteps(from: Step[], to: Step[]): Cause['rows'] {
  const [before, after] = [keyed(from), keyed(to)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const differ = names.filter(name => before.get(name)?.key !== after.get(name)?.key);
  const short = (step: Step | undefined) => step?.key.slice(0, 12) ?? ABSENT;
  const begins = (name: string) => {
    const step = after.get(name) ?? before.get(name);
    return step !== undefined && !step.inputs.some(input => differ.includes(`${step.pipeline}/${input}`));
  };
  const rows = differ.map(name => ({
    name,
    from: short(before.get(name)),
    to: short(after.get(name)),
    note: begins(name) ? 'begins here' : 'follows from its inputs',
  }));
  return rows.sort((a, b) => Number(b.note === 'begins here') - Number(a.note === 'begins here'));
}

/** What differs between two runs, the likeliest cause first. */
export function causes(from: Run, to: Run, fromSteps: Step[], toSteps: Step[]): Cause[] {
  const keys = (of: (run: Run) => object) =>
    [...new Set([...Object.keys(of(from)), ...Object.keys(of(to))])].sort();
  const params = differing([from, to]);
  return [
    { title: 'Data', rows: changes(fingerprints(from), fingerprints(to), keys(fingerprints)) },
    { title: 'Code', rows: changes(from.tags, to.tags, CODE) },
    {
      title: 'Pipeline steps',
      rows: fromSteps.length && toSteps.length ? differingSteps(fromSteps, toSteps) : [],
    },
    {
      title: 'Parameters',
      rows: changes(
        from.params,
        to.params,
        params.filter(key => !isSeed(key)),
      ),
    },
    { title: 'Seeds', rows: changes(from.params, to.params, params.filter(isSeed)) },
    {
      title: 'Environment',
      rows: changes(
        from.tags,
        to.tags,
        keys(run => run.tags).filter(key => ENVIRONMENT.test(key)),
      ),
    },
  ].filter(cause => cause.rows.length);
}

/** One sentence on what sets two runs apart. */
export function summary(found: Cause[]): string {
  const told = found.filter(cause => cause.title !== 'Environment');
  if (!told.length) return 'Data, code, steps and parameters are alike.';
  const name = (cause: Cause) => cause.title.toLowerCase();
  const [only] = told;
  if (told.length === 1 && only) {
    const [row] = only.rows;
    return only.rows.length === 1 && row
      ? `They differ only in ${row.name}.`
      : `They differ only in their ${name(only)}.`;
  }
  return `They differ in ${told.slice(0, -1).map(name).join(', ')} and ${name(told.at(-1) as Cause)}.`;
}
