import { expect, test } from 'vitest';
import { bytes, csv, differing, duration, line, value } from './format';
import { link, parse } from './route';

test('values are short and special ones keep their names', () => {
  expect([0.123456789, 12, 1e-7, 'NaN', 0].map(value)).toEqual(['0.12346', '12', '1.000e-7', 'NaN', '0']);
  expect([0, 999, 1500, 2e9].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '2 GB']);
  expect([59_000, 61_000, 3_660_000].map(duration)).toEqual(['59 s', '1 min 1 s', '1 h 1 min']);
});

test('a line keeps the spike and breaks where a value is not finite', () => {
  const bucket = { first: [0, 0, 1], last: [9, 0, 'NaN'], min: [0, 0, 1], max: [4, 0, 99] } as never;
  expect(line([bucket])).toEqual([[0, 4, 9], [1, 99, null]]);
});

test('CSV quotes, and disarms formulas but not numbers', () => {
  expect(csv([['a,b', '=1+1', '-0.5', 'x"y']])).toBe(`"a,b",'=1+1,-0.5,"x""y"`);
});

test('only what differs is told', () => {
  const run = (params: Record<string, string>) => ({ params }) as never;
  expect(differing([run({ lr: '1', seed: '1' }), run({ lr: '1', seed: '2', new: 'x' })])).toEqual(['new', 'seed']);
});

test('a link is read as it was written', () => {
  const route = parse(link(['p', 'a/b?c#ü'], { filter: 'params.x = "1&2"' }));
  expect(route.path).toEqual(['p', 'a/b?c#ü']);
  expect(route.query.get('filter')).toBe('params.x = "1&2"');
  expect(parse('#/p/%').path).toEqual(['p', '%']);
});
