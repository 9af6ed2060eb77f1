//! What the native API tells; `crates/footpath-server/src/api/openapi.json` describes it whole.

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

export interface Dataset {
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema?: string;
  profile?: string;
}

export interface Input {
  dataset: Dataset;
  tags: Record<string, string>;
}

export interface Run {
  id: string;
  experiment: number;
  name: string;
  user: string;
  status: string;
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
  /** Bytes of its files and pictures. */
  artifact_bytes: number;
  inputs: Input[];
}

export interface Project {
  name: string;
  experiments: number;
  runs: number;
  active_ms: number | null;
  artifact_bytes: number;
}

export interface Experiment {
  id: number;
  project: string;
  name: string;
  updated_ms: number;
  tags: Record<string, string>;
}

export interface Columns {
  metrics: string[];
  params: string[];
  tags: string[];
}

/** A search of runs of a project, or of some of its experiments. */
export interface Search {
  project: string;
  experiments: number[];
  filter: string;
  order: string;
  deleted: boolean;
  limit: number;
  page: string | null;
  columns: Columns;
  count: boolean;
}

export interface Found {
  runs: Run[];
  next: string | null;
  total?: number;
}

export interface Bucket {
  first: Point;
  last: Point;
  min: Point | null;
  max: Point | null;
}

/** The line through a series' envelope: as much of it as a plot shows, its extremes among it. */
export interface Curve {
  run: string;
  key: string;
  steps: ArrayLike<number>;
  /** The time of the first point, Unix milliseconds. */
  time_ms: number;
  /** Milliseconds since then, if they were asked for. */
  times: ArrayLike<number> | null;
  /** What is not finite among them breaks the line. */
  values: ArrayLike<number>;
}

export interface Zoom {
  from_step?: number;
  to_step?: number;
  width_px: number;
  scale: 'linear' | 'log';
  /** Whether the points' times are needed. */
  times: boolean;
}

export interface Layer {
  role: string;
  digest: string;
  media_type: string;
  width_px: number;
  height_px: number;
}

export interface Picture {
  key: string;
  step: number;
  sample: string;
  score?: number;
  caption: string;
  layers: Layer[];
}

export interface Text {
  key: string;
  step: number;
  time_ms: number;
  text: string;
}

export interface MediaSeries {
  key: string;
  kind: 'text' | 'image';
  count: number;
  first_step: number;
  last_step: number;
}

export interface Step {
  pipeline: string;
  step: string;
  key: string;
  outcome: 'hit' | 'computed' | 'failed';
  reason?: string;
  inputs: string[];
  time_ms: number;
  seconds: number;
  bytes?: number;
}

export interface File {
  path: string;
  blob: { digest: string; size: number };
  time_ms: number;
}

export type Entry = { folder: string } | { file: File };

/** How a project's runs are shown; `query` is the address' query. */
export interface View {
  query: string;
}

/** What one call changed, and what was refused, by run. */
export interface Changed {
  changed: string[];
  refused: Record<string, string>;
}

/** What deleting for good gave back. */
export interface Freed {
  runs: number;
  points: number;
  database_bytes: number;
  artifact_bytes: number;
}
