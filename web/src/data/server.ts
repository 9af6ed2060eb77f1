//! Runs from the tracker's server, by its native API.
import type {
  Columns,
  Curve,
  Entry,
  Experiment,
  Found,
  MediaSeries,
  Picture,
  Project,
  Run,
  Step,
  Text,
  View,
  Zoom,
} from './model';
import { unpack } from './packed';
import { Refused } from './refused';
import type { Source } from './source';
import { together } from './together';

const base = 'api/v1';
const part = encodeURIComponent;
const at = (run: string) => `runs/${part(run)}`;

async function asked(method: string, path: string, body?: unknown): Promise<Response> {
  const answer = await fetch(`${base}/${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  let told: { message?: string; position?: number } = {};
  try {
    told = JSON.parse(text);
  } catch {
    // Not our server's words, such as a proxy's: the status has to do.
  }
  throw new Refused(told.message ?? `the server answered ${answer.status}`, answer.status, told.position);
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const text = await (await asked(method, path, body)).text();
  return (text ? JSON.parse(text) : null) as T;
}

const get = <T>(path: string) => call<T>('GET', path);

/** All pages of a series of records. */
async function all<T>(path: string, name: string): Promise<T[]> {
  const records: T[] = [];
  let token = '';
  do {
    const page = await get<Record<string, unknown>>(
      `${path}&limit=1000${token && `&page_token=${part(token)}`}`,
    );
    records.push(...(page[name] as T[]));
    token = (page.next as string | null) ?? '';
  } while (token);
  return records;
}

const run = together<string, Run>(
  () => '',
  async ids => {
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) return [await get<Run>(at(only))];
    const told = await call<{ runs: Run[]; refused: Record<string, string> }>('POST', 'runs/get', {
      runs: [...new Set(ids)],
    });
    const found = new Map(told.runs.map(one => [one.id, one]));
    return ids.map(id => found.get(id) ?? new Refused(told.refused[id] ?? `run ${id} is not told`, 404));
  },
);

/** So many curves come in one answer at most: more would keep the first ones waiting. */
const CURVES = 240;

const curves = together<{ runs: string[]; keys: string[]; zoom: Zoom }, Curve[]>(
  ({ runs, zoom }) => JSON.stringify([runs, zoom]),
  async plots => {
    const [first] = plots;
    if (!first) return [];
    const { runs, zoom } = first;
    const { times, ...shown } = zoom;
    const keys = [...new Set(plots.flatMap(plot => plot.keys))];
    const size = Math.max(1, Math.floor(CURVES / runs.length));
    const parts = Array.from({ length: Math.ceil(keys.length / size) }, (_, part) =>
      keys.slice(part * size, (part + 1) * size),
    );
    const answers = await Promise.all(
      parts.map(async part => {
        const body = { runs, keys: part, zoom: shown, form: 'lines', times };
        return unpack(await (await asked('POST', 'envelopes', body)).arrayBuffer(), times);
      }),
    );
    const found = answers.flat();
    return plots.map(plot => found.filter(curve => plot.keys.includes(curve.key)));
  },
);

const fileUrl = (run: string, path: string) =>
  `${base}/${at(run)}/files/${path.split('/').map(part).join('/')}`;

export const server: Source = {
  live: true,
  projects: async () => (await get<{ projects: Project[] }>('projects')).projects,
  experiments: project => all<Experiment>(`experiments?project=${part(project)}`, 'experiments'),
  columns: experiments => get<Columns>(`columns?experiments=${experiments.join(',')}`),
  search: ({ project, experiments, filter, order, deleted, limit, page, columns, count }) =>
    call<Found>('POST', 'runs/search', {
      ...(experiments.length ? { experiments } : { project }),
      filter,
      order: order ? [order] : [],
      view: deleted ? 'deleted' : 'active',
      limit,
      page_token: page,
      columns,
      count,
    }),
  run,
  curves: (runs, keys, zoom) => curves({ runs, keys, zoom }),
  media: async run => (await get<{ series: MediaSeries[] }>(`${at(run)}/media`)).series,
  images: (run, key) => all<Picture>(`${at(run)}/images?key=${part(key)}`, 'images'),
  texts: (run, key) => all<Text>(`${at(run)}/texts?key=${part(key)}`, 'texts'),
  steps: async run => (await get<{ steps: Step[] }>(`${at(run)}/steps`)).steps,
  entries: async (run, folder) =>
    (await get<{ entries: Entry[] }>(`${at(run)}/artifacts?path=${part(folder)}`)).entries,
  views: async project =>
    (await get<{ views: Record<string, View> }>(`projects/${part(project)}/views`)).views,
  pictureUrl: digest => `${base}/blobs/${part(digest)}`,
  fileUrl: (run, file) => fileUrl(run, file.path),
  shownUrl: (run, file) => `${fileUrl(run, file.path)}?show`,
  change: (runs, change) => call('POST', 'runs/change', { runs, change }),
  purge: run => call('DELETE', at(run)),
  saveView: (project, name, view) => call('PUT', `projects/${part(project)}/views/${part(name)}`, view),
  removeView: (project, name) => call('DELETE', `projects/${part(project)}/views/${part(name)}`),
};
