//! What a plot of a width needs of a series: each bucket the exact envelope of contiguous points, as the server tells.
import type { Bucket, Curve, Point, Zoom } from '../data/model';

const finite = (point: Point): point is [number, number, number] =>
  typeof point[2] === 'number' && Number.isFinite(point[2]);

function grow(bucket: Bucket, point: Point) {
  bucket.last = point;
  if (!finite(point)) return;
  if (!bucket.min || point[2] < Number(bucket.min[2])) bucket.min = point;
  if (!bucket.max || point[2] > Number(bucket.max[2])) bucket.max = point;
}

/** The points of the zoom's range, by step, in at most one bucket a pixel. */
export function envelope(points: Point[], zoom: Zoom): Bucket[] {
  const { from_step: from = -Infinity, to_step: to = Infinity, width_px, scale } = zoom;
  const shown = points.filter(point => point[0] >= from && point[0] <= to);
  const place = (step: number) => (scale === 'log' ? Math.log10(Math.max(1, step)) : step);
  const [first, last] = [shown[0], shown.at(-1)];
  if (!first || !last) return [];
  const left = place(first[0]);
  const span = place(last[0]) - left;
  const pixel = (step: number) =>
    span > 0 ? Math.floor(((place(step) - left) / span) * width_px * (1 - 1e-12)) : 0;
  const buckets: Bucket[] = [];
  let open = NaN;
  for (const point of shown) {
    if (pixel(point[0]) !== open) {
      open = pixel(point[0]);
      buckets.push({ first: point, last: point, min: null, max: null });
    }
    const bucket = buckets.at(-1);
    if (bucket) grow(bucket, point);
  }
  return buckets;
}

/** The line through buckets: each one's first, least, greatest and last point, in order. */
export function curve(run: string, key: string, buckets: Bucket[]): Curve {
  const points: Point[] = [];
  for (const { first, min, max, last } of buckets) {
    const own = [first, min, max, last]
      .filter(point => point !== null)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    for (const point of own) if (points.at(-1) !== point) points.push(point);
  }
  const time_ms = points[0]?.[1] ?? 0;
  return {
    run,
    key,
    time_ms,
    steps: points.map(point => point[0]),
    times: points.map(point => point[1] - time_ms),
    values: points.map(point => Number(point[2])),
  };
}
