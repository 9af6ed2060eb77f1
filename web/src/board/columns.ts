//! The columns of the leaderboard: what each shows, sorts by and is called.
import { ago, aligned, bytes, duration, plural, time } from '../app/format';
import { stateName } from '../app/State';
import type { Columns, Point, Run } from '../data/model';
import { fieldName } from '../query/complete';

export interface Column {
  id: string;
  title: string;
  /** Which statistic or kind, in small print. */
  kind: string;
  /** What an order names it; empty if it does not sort. */
  order: string;
  /** Whether what it shows are numbers, and stand to the right. */
  numeric: boolean;
  width: number;
  text: (run: Run) => string;
  hint?: (run: Run) => string;
  /** As a number, for charts and means. */
  number?: (run: Run) => number | undefined;
}

export type Statistic = 'best' | 'last' | 'min' | 'max' | 'first';
export const STATISTICS: Statistic[] = ['best', 'last', 'min', 'max', 'first'];

/** How long a run went, or has gone. */
export const lasted = (run: Run) =>
  (run.end_ms ?? (run.state === 'running' ? Date.now() : run.active_ms)) - run.start_ms;

const BUILT: Column[] = [
  {
    id: 'state',
    title: 'State',
    kind: '',
    order: 'status',
    numeric: false,
    width: 104,
    text: stateName,
    hint: run => run.reason ?? '',
  },
  {
    id: 'started',
    title: 'Started',
    kind: '',
    order: 'start_time',
    numeric: false,
    width: 146,
    text: run => time(run.start_ms),
    hint: run => ago(run.start_ms),
  },
  {
    id: 'ended',
    title: 'Ended',
    kind: '',
    order: 'end_time',
    numeric: false,
    width: 146,
    text: run => (run.end_ms === null ? '' : time(run.end_ms)),
  },
  {
    id: 'lasted',
    title: 'Duration',
    kind: '',
    order: 'duration_ms',
    numeric: true,
    width: 104,
    text: run => duration(lasted(run)),
    number: lasted,
  },
  {
    id: 'disk',
    title: 'Disk',
    kind: '',
    order: 'artifact_bytes',
    numeric: true,
    width: 88,
    text: run => (run.artifact_bytes ? bytes(run.artifact_bytes) : ''),
    hint: run => `${plural(run.artifact_bytes, 'byte')} of files and pictures`,
    number: run => run.artifact_bytes,
  },
  {
    id: 'user',
    title: 'User',
    kind: '',
    order: 'user_id',
    numeric: false,
    width: 104,
    text: run => run.user,
  },
  { id: 'id', title: 'Id', kind: '', order: 'run_id', numeric: false, width: 150, text: run => run.id },
];

/** The number that a parameter's text spells. */
export function spelled(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text)) return undefined;
  return Number(text);
}

function metric(id: string, statistic: Statistic, key: string): Column {
  const point = (run: Run): Point | null | undefined => run.metrics[key]?.[statistic];
  return {
    id,
    title: key,
    kind: statistic,
    order: `${statistic}(${fieldName('metrics', key)})`,
    numeric: true,
    width: Math.min(190, Math.max(96, key.length * 7.2 + 34)),
    text: run => {
      const told = point(run);
      return told ? aligned(told[2]) : '';
    },
    hint: run => {
      const told = point(run);
      return told ? `${told[2]} at step ${told[0].toLocaleString('en')}` : '';
    },
    number: run => {
      const told = point(run);
      return told ? Number(told[2]) : undefined;
    },
  };
}

/** The column of an id: `best:KEY` and other statistics, `param:KEY`, `tag:KEY`, or one of those all runs have. */
export function column(id: string): Column | undefined {
  const at = id.indexOf(':');
  if (at < 0) return BUILT.find(one => one.id === id);
  const [kind, key] = [id.slice(0, at), id.slice(at + 1)];
  const width = Math.min(190, Math.max(88, key.length * 7.2 + 34));
  if (kind === 'param')
    return {
      id,
      title: key,
      kind: 'param',
      order: fieldName('params', key),
      numeric: false,
      width,
      text: run => run.params[key] ?? '',
      number: run => spelled(run.params[key]),
    };
  if (kind === 'tag')
    return {
      id,
      title: key,
      kind: 'tag',
      order: fieldName('tags', key),
      numeric: false,
      width,
      text: run => run.tags[key] ?? '',
    };
  const statistic = STATISTICS.find(one => one === kind);
  return statistic ? metric(id, statistic, key) : undefined;
}

/** The keys that columns need of each run. */
export function keysOf(ids: string[]): Columns {
  const of = (...kinds: string[]) => [
    ...new Set(
      ids.filter(id => kinds.includes(id.split(':', 1)[0] ?? '')).map(id => id.slice(id.indexOf(':') + 1)),
    ),
  ];
  return { metrics: of(...STATISTICS), params: of('param'), tags: of('tag') };
}

/** Every column there can be: its id, and its name as it is looked for. */
export function allColumns(columns: Columns): { id: string; name: string }[] {
  return [
    ...BUILT.map(one => ({ id: one.id, name: one.title })),
    ...columns.metrics.flatMap(key =>
      STATISTICS.map(statistic => ({ id: `${statistic}:${key}`, name: `${key} · ${statistic}` })),
    ),
    ...columns.params.map(key => ({ id: `param:${key}`, name: `${key} · param` })),
    ...columns.tags.map(key => ({ id: `tag:${key}`, name: `${key} · tag` })),
  ];
}

/** How telling a metric likely is: validation before training, scores before the machine's load. */
function weight(key: string): number {
  const name = key.toLowerCase();
  if (/^system\//.test(name) || name === 'epoch') return 9;
  if (/(^|[^a-z])(s|ms|seconds?|duration|time|learning_rate|lr|norm|throughput)$/.test(name)) return 6;
  const validation = /(^|[^a-z])(val|valid|validation|test|eval)/.test(name) ? 0 : 2;
  const score = /(ap\d*|iou|acc|accuracy|f1|auc|score|dice)$/.test(name) ? 0 : /loss/.test(name) ? 1 : 1.5;
  return validation + score;
}

/** Metrics, the likely most telling first, without the machine's load and what only counts. */
export function tellingFirst(keys: string[]): string[] {
  return keys
    .map((key, at) => [weight(key), at, key] as const)
    .filter(([heavy]) => heavy < 9)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .map(([, , key]) => key);
}

/** Whether a parameter has several values among runs or groups. */
export const varies = (key: string, of: { params: Record<string, string> }[]): boolean =>
  new Set(of.flatMap(one => one.params[key] ?? [])).size > 1;

/** Parameters that people turn. */
const KNOB =
  /(^|[._/-])(lr|learning_rate|batch_size|epochs|encoder|backbone|model|arch|depth|optimi[sz]er|weight_decay|dropout)$/i;

/** What is shown until columns are chosen: the likeliest metrics, and parameters that differ among the latest runs. */
export function defaultColumns(columns: Columns, latest: Run[]): string[] {
  const metrics = tellingFirst(columns.metrics).slice(0, 4);
  const several = columns.params.filter(key => varies(key, latest));
  const depth = (key: string) => key.split(/[./]/).length;
  const knobs = (several.length ? several : columns.params)
    .filter(key => KNOB.test(key))
    .sort((a, b) => depth(a) - depth(b));
  const params = [...knobs, ...several.filter(key => !knobs.includes(key))];
  return [
    'state',
    ...metrics.map(key => `best:${key}`),
    ...params.slice(0, 5).map(key => `param:${key}`),
    'lasted',
    'started',
  ];
}
