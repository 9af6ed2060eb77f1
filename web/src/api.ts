//! The native API as the page uses it; `crates/footpath-server/src/api/openapi.json` describes it whole.

/** Step, time in Unix milliseconds, value: a number, or `"NaN"`, `"Infinity"`, `"-Infinity"`. */
export type Point = [number, number, number | string];

export interface Series {
  count: number;
  nan_count: number;
  first: Point;
  last: Point;
  min: Point | null;
  max: Point | null;
  best: Point | null;
}

export interface Run {
  id: string;
  experiment: number | string;
  name: string;
  user: string;
  state: string;
  reason: string | null;
  start_ms: number;
  end_ms: number | null;
  active_ms: number;
  lifecycle: 'active' | 'deleted';
  dropped: number;
  params: Record<string, string>;
  tags: Record<string, string>;
  metrics: Record<string, Series>;
}

export interface Project { name: string; experiments: number; runs: number }
export interface Experiment { id: number | string; project: string; name: string; updated_ms: number }
export interface Columns { metrics: string[]; params: string[]; tags: string[] }
export interface Bucket { first: Point; last: Point; min: Point | null; max: Point | null }
export interface Envelope { run: string; key: string; buckets: Bucket[] }
export interface Layer { role: string; digest: string; media_type: string; width_px: number; height_px: number }
export interface Picture { key: string; step: number; sample: string; score?: number; caption: string; layers: Layer[] }
export interface MediaSeries { key: string; kind: 'text' | 'image'; count: number; first_step: number; last_step: number }
export type Entry = { folder: string } | { file: { path: string; blob: { digest: string; size: number } } };

/** A call that the server refused. */
export class Refused extends Error {
  constructor(message: string, readonly status: number, readonly position?: number) {
    super(message);
  }
}

const base = 'api/v1';

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${base}/${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.ok) return (text ? JSON.parse(text) : null) as T;
  let told: { message?: string; position?: number } = {};
  try {
    told = JSON.parse(text);
  } catch {
    // Not our server's words, such as a proxy's: the status has to do.
  }
  throw new Refused(told.message ?? `the server answered ${answer.status}`, answer.status, told.position);
}

export const get = <T>(path: string) => call<T>('GET', path);

/** Where a stored content is. */
export const blobUrl = (digest: string) => `${base}/blobs/${encodeURIComponent(digest)}`;

/** Where a run's file is. */
export const fileUrl = (run: string, path: string) =>
  `${base}/runs/${encodeURIComponent(run)}/files/${path.split('/').map(encodeURIComponent).join('/')}`;

/** A key as filters and orders name it. */
export const quoted = (kind: string, key: string) => (key.includes('`') ? `${kind}."${key}"` : `${kind}.\`${key}\``);
