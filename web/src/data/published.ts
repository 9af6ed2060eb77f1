//! Runs from the files that `footpath runs publish` wrote beside the page: any file server will do.
import { curve, envelope } from '../charts/envelope';
import { compareRuns, matches } from '../query/evaluate';
import { parseFilter, parseOrder } from '../query/parse';
import type {
  Columns,
  Entry,
  Experiment,
  File,
  Found,
  MediaSeries,
  Picture,
  Point,
  Run,
  Step,
  Text,
} from './model';
import { Refused } from './refused';
import type { Source } from './source';

/** `data/project.json`. */
interface Project {
  name: string;
  published_ms: number;
  artifact_bytes: number;
  experiments: Experiment[];
  runs: Run[];
}

/** `data/runs/NUMBER/run.json`; numbers are places in the project's list of runs. */
interface Records {
  media: MediaSeries[];
  images: Record<string, Picture[]>;
  texts: Record<string, Text[]>;
  steps: Step[];
  files: File[];
  /** Which `points-N.json` holds a metric's points. */
  packs: Record<string, number>;
}

const kept = new Map<string, Promise<unknown>>();

/** A file of the export, read once. */
function read<T>(path: string): Promise<T> {
  let asked = kept.get(path);
  if (!asked) {
    asked = fetch(`data/${path}`).then(answer => {
      if (!answer.ok) throw new Refused(`data/${path} is missing from this export`, answer.status);
      return answer.json();
    });
    kept.set(path, asked);
  }
  return asked as Promise<T>;
}

const project = () => read<Project>('project.json');

async function numberOf(id: string): Promise<number> {
  const at = (await project()).runs.findIndex(run => run.id === id);
  if (at < 0) throw new Refused(`run ${id} is not in this export`, 404);
  return at;
}

const records = async (id: string) => read<Records>(`runs/${await numberOf(id)}/run.json`);

async function points(id: string, key: string): Promise<Point[]> {
  const pack = (await records(id)).packs[key];
  if (pack === undefined) return [];
  return (await read<Record<string, Point[]>>(`runs/${await numberOf(id)}/points-${pack}.json`))[key] ?? [];
}

/** A folder of a flat list of files. */
function entries(files: File[], folder: string): Entry[] {
  const prefix = folder ? `${folder}/` : '';
  const within = files.filter(file => file.path.startsWith(prefix));
  const names = new Set(within.map(file => file.path.slice(prefix.length).split('/', 1)[0] ?? ''));
  return [...names].sort().map(name => {
    const file = within.find(one => one.path === prefix + name);
    return file ? { file } : { folder: prefix + name };
  });
}

function columnsOf(runs: Run[]): Columns {
  const keys = (of: (run: Run) => object) => [...new Set(runs.flatMap(run => Object.keys(of(run))))].sort();
  return { metrics: keys(run => run.metrics), params: keys(run => run.params), tags: keys(run => run.tags) };
}

/** Kinds that a browser shows from an export; all else is a download without a kind that could run. */
const SHOWN: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
};
const KINDS: Record<string, string> = { png: 'png', jpg: 'jpg', jpeg: 'jpg', webp: 'webp', gif: 'gif' };
const extension = (path: string) => KINDS[path.split('.').at(-1)?.toLowerCase() ?? ''] ?? 'bin';
const blob = (digest: string, kind: string) => `data/blobs/${digest}.${kind}`;

const refuse = () => Promise.reject(new Refused('a published project does not change', 405));

export const published: Source = {
  live: false,
  projects: async () => {
    const { name, experiments, runs, artifact_bytes } = await project();
    const active_ms = runs.length ? Math.max(...runs.map(run => run.active_ms)) : null;
    return [{ name, experiments: experiments.length, runs: runs.length, active_ms, artifact_bytes }];
  },
  experiments: async () => (await project()).experiments,
  columns: async experiments =>
    columnsOf((await project()).runs.filter(run => experiments.includes(run.experiment))),
  search: async ({ experiments, filter, order, deleted, limit, page }): Promise<Found> => {
    const test = parseFilter(filter);
    const by = order ? parseOrder(order) : null;
    const found = deleted
      ? []
      : (await project()).runs
          .filter(run => (!experiments.length || experiments.includes(run.experiment)) && matches(test, run))
          .sort(
            (a, b) => (by ? compareRuns(by, a, b) : 0) || b.start_ms - a.start_ms || (a.id < b.id ? -1 : 1),
          );
    const from = Number(page ?? 0);
    const to = from + limit;
    return { runs: found.slice(from, to), next: to < found.length ? String(to) : null, total: found.length };
  },
  run: async id => {
    const { runs } = await project();
    return runs[await numberOf(id)] as Run;
  },
  curves: async (runs, keys, zoom) => {
    const asked = runs.flatMap(run =>
      keys.map(async key => curve(run, key, envelope(await points(run, key), zoom))),
    );
    return (await Promise.all(asked)).filter(series => series.steps.length);
  },
  media: async run => (await records(run)).media,
  images: async (run, key) => (await records(run)).images[key] ?? [],
  texts: async (run, key) => (await records(run)).texts[key] ?? [],
  steps: async run => (await records(run)).steps,
  entries: async (run, folder) => entries((await records(run)).files, folder),
  views: async () => ({}),
  pictureUrl: (digest, mediaType) => blob(digest, SHOWN[mediaType] ?? 'bin'),
  fileUrl: (_, file) => blob(file.blob.digest, extension(file.path)),
  shownUrl: (_, file) => blob(file.blob.digest, extension(file.path)),
  change: refuse,
  purge: refuse,
  saveView: refuse,
  removeView: refuse,
};
