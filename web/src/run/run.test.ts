import { expect, test } from 'vitest';
import type { Step } from '../data/model';
import { layout } from './layout';
import { parseCsv } from './preview/csv';
import { box, isDegrees, isGeoJson, shapes } from './preview/geometry';

const step = (name: string, inputs: string[]): Step => ({
  pipeline: 'p',
  step: name,
  key: name,
  outcome: 'hit',
  inputs,
  time_ms: 0,
  seconds: 0,
});

test('steps stand right of what they read', () => {
  const nodes = layout([step('b', ['a', 'raw']), step('a', ['raw']), step('c', ['b', 'late'])]);
  const column = Object.fromEntries(nodes.map(node => [node.name, node.column]));
  expect(column).toEqual({ raw: 0, a: 1, b: 2, late: 2, c: 3 });
  expect(new Set(nodes.map(node => `${node.column} ${node.row}`)).size).toBe(nodes.length);
  const places = nodes.flatMap(node => [node, ...node.lane]).map(place => `${place.column} ${place.row}`);
  expect(new Set(places).size).toBe(places.length);
  expect(nodes.find(node => node.name === 'raw')?.lane.map(place => place.column)).toEqual([1]);
  expect(layout([step('x', ['y']), step('y', ['x'])]).length).toBe(2);
});

test('CSV with quotes, separators and line ends in cells', () => {
  expect(parseCsv('a,b\r\n"x, ""y""\nz",2\n\nlast', ',', 9)).toEqual([
    ['a', 'b'],
    ['x, "y"\nz', '2'],
    [''],
    ['last'],
  ]);
  expect(parseCsv('1\t2', '\t', 9)).toEqual([['1', '2']]);
  expect(parseCsv('1\n2\n3', ',', 2).length).toBe(2);
});

test('GeoJSON of every kind, and what is none', () => {
  const found = shapes({
    type: 'GeometryCollection',
    geometries: [
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 0],
          ],
        ],
      },
      { type: 'Point', coordinates: [5, 6, 7] },
      {
        type: 'MultiLineString',
        coordinates: [
          [
            [0, 0],
            [2, 2],
          ],
        ],
      },
      { type: 'Polygon', coordinates: 'x' },
      null,
    ],
  });
  expect([found.polygons.length, found.lines.length, found.points]).toEqual([2, 1, [[5, 6]]]);
  expect(box(found)).toEqual({ left: 0, top: 0, right: 5, bottom: 6 });
  expect([isGeoJson({ type: 'Feature' }), isGeoJson({ type: 'x' }), isGeoJson([1]), isGeoJson(null)]).toEqual(
    [true, false, false, false],
  );
  expect(isDegrees({ left: 0, top: 0, right: 300, bottom: 300 })).toBe(false);
  expect(box(shapes({ type: 'FeatureCollection', features: [] }))).toBeNull();
});
