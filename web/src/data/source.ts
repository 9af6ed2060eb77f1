//! Where runs come from: a server, or the files of a published project.
import type {
  Changed,
  Columns,
  Curve,
  Entry,
  Experiment,
  File,
  Found,
  Freed,
  MediaSeries,
  Picture,
  Project,
  Run,
  Search,
  Step,
  Text,
  View,
  Zoom,
} from './model';
import { published } from './published';
import { server } from './server';

export interface Source {
  /** Whether changes are told, and can be made. */
  live: boolean;
  projects(): Promise<Project[]>;
  experiments(project: string): Promise<Experiment[]>;
  columns(experiments: number[]): Promise<Columns>;
  search(search: Search): Promise<Found>;
  run(id: string): Promise<Run>;
  /** The series of these keys in these runs; those a run lacks are left out. */
  curves(runs: string[], keys: string[], zoom: Zoom): Promise<Curve[]>;
  media(run: string): Promise<MediaSeries[]>;
  images(run: string, key: string): Promise<Picture[]>;
  texts(run: string, key: string): Promise<Text[]>;
  steps(run: string): Promise<Step[]>;
  entries(run: string, folder: string): Promise<Entry[]>;
  views(project: string): Promise<Record<string, View>>;
  pictureUrl(digest: string, mediaType: string): string;
  fileUrl(run: string, file: File): string;
  /** Where a file is shown if it is a raster picture. */
  shownUrl(run: string, file: File): string;
  change(runs: string[], change: object): Promise<Changed>;
  /** Removes an archived run for good. */
  purge(run: string): Promise<Freed>;
  saveView(project: string, name: string, view: View): Promise<void>;
  removeView(project: string, name: string): Promise<void>;
}

/** A published page says so in its head. */
const isPublished =
  typeof document !== 'undefined' && document.querySelector('meta[name="footpath-published"]') !== null;

export const source: Source = isPublished ? published : server;
