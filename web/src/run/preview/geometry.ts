//! GeoJSON (RFC 7946) as rings, lines and points to draw.

export type Place = [number, number];
export interface Shapes {
  /** Each polygon's rings: its border, then its holes. */
  polygons: Place[][][];
  lines: Place[][];
  points: Place[];
}

const KINDS = [
  'FeatureCollection',
  'Feature',
  'GeometryCollection',
  'Point',
  'MultiPoint',
  'LineString',
  'MultiLineString',
  'Polygon',
  'MultiPolygon',
];

const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

export const isGeoJson = (value: unknown): boolean => KINDS.includes(String(record(value)?.type));

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function place(value: unknown): Place | null {
  const [x, y] = list(value);
  return typeof x === 'number' && typeof y === 'number' && Number.isFinite(x) && Number.isFinite(y)
    ? [x, y]
    : null;
}

const line = (value: unknown): Place[] =>
  list(value).flatMap(one => {
    const at = place(one);
    return at ? [at] : [];
  });

/** All shapes of a GeoJSON value; what is malformed is left out. */
export function shapes(value: unknown, into: Shapes = { polygons: [], lines: [], points: [] }): Shapes {
  const of = record(value);
  if (!of) return into;
  const { type, coordinates } = of;
  const polygon = (rings: unknown) =>
    into.polygons.push(
      list(rings)
        .map(line)
        .filter(ring => ring.length > 2),
    );
  if (type === 'FeatureCollection') for (const feature of list(of.features)) shapes(feature, into);
  else if (type === 'Feature') shapes(of.geometry, into);
  else if (type === 'GeometryCollection') for (const geometry of list(of.geometries)) shapes(geometry, into);
  else if (type === 'Polygon') polygon(coordinates);
  else if (type === 'MultiPolygon') for (const rings of list(coordinates)) polygon(rings);
  else if (type === 'LineString') into.lines.push(line(coordinates));
  else if (type === 'MultiLineString') into.lines.push(...list(coordinates).map(line));
  else if (type === 'MultiPoint') into.points.push(...line(coordinates));
  else if (type === 'Point') into.points.push(...line([coordinates]));
  return into;
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The box around shapes; `null` without any. */
export function box({ polygons, lines, points }: Shapes): Box | null {
  const found: Box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const [x, y] of [...polygons.flat(2), ...lines.flat(), ...points]) {
    found.left = Math.min(found.left, x);
    found.right = Math.max(found.right, x);
    found.top = Math.min(found.top, y);
    found.bottom = Math.max(found.bottom, y);
  }
  return found.left <= found.right ? found : null;
}

/** Whether all coordinates may be degrees of longitude and latitude; others are taken for metres or pixels. */
export const isDegrees = (of: Box): boolean =>
  of.left >= -180 && of.right <= 180 && of.top >= -90 && of.bottom <= 90;
