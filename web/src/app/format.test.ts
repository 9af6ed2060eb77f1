import { expect, test } from 'vitest';
import { ago, aligned, bytes, csv, duration, signed, value } from './format';
import { link, parse } from './route';

test('values are short and special ones keep their names', () => {
  expect([0.123456789, 12, 1e-7, 'NaN', 0].map(value)).toEqual(['0.12346', '12', '1.000e-7', 'NaN', '0']);
  expect([0, 999, 1500, 2e9].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '2 GB']);
  expect([250, 59_000, 61_000, 3_660_000, 200_000_000, 3_600_000].map(duration)).toEqual([
    '250 ms',
    '59 s',
    '1 min 1 s',
    '1 h 1 min',
    '2 d 7 h',
    '1 h',
  ]);
  expect([0.5, -0.25678, 0, 2e-7].map(signed)).toEqual(['+0.5', '−0.257', '0', '+2.0e−7']);
  expect([0.5, 25, 0.123456, 1234.56, 1e-5, 'NaN'].map(aligned)).toEqual([
    '0.5000',
    '25',
    '0.1235',
    '1234.6',
    '1.00e-5',
    'NaN',
  ]);
  expect([0, 59, 60, 3600, 86_400].map(s => ago(0, s * 1000))).toEqual([
    'just now',
    'just now',
    '1 min ago',
    '1 h ago',
    '1 d ago',
  ]);
});

test('CSV quotes, and disarms formulas but not numbers', () => {
  expect(csv([['a,b', '=1+1', '-0.5', 'x"y']])).toBe(`"a,b",'=1+1,-0.5,"x""y"`);
});

test('a link is read as it was written', () => {
  const route = parse(link(['p', 'a/b?c#ü'], { filter: 'params.x = "1&2"' }));
  expect(route.path).toEqual(['p', 'a/b?c#ü']);
  expect(route.query.get('filter')).toBe('params.x = "1&2"');
  expect(parse('#/p/%').path).toEqual(['p', '%']);
});
