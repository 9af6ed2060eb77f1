//! The same cases as the store's own tests: the page must mean what the server means.
import { expect, test } from 'vitest';
import type { Point, Run, Series } from '../data/model';
import { complete, fieldName } from './complete';
import { compareRuns, matches } from './evaluate';
import { FilterError, tokens } from './lexer';
import { parseFilter, parseOrder, problem } from './parse';

function series(values: (number | 'NaN')[]): Series {
  const points = values.map((value, step): Point => [step, step * 10, value]);
  const finite = points.filter(point => point[2] !== 'NaN');
  const sorted = [...finite].sort((a, b) => Number(a[2]) - Number(b[2]));
  const [min = null, max = null] = [sorted[0], sorted.at(-1)];
  return {
    count: values.length,
    nan_count: 0,
    first: points[0] as Point,
    last: points.at(-1) as Point,
    min,
    max,
    best: min,
  };
}

function run(name: string, loss: (number | 'NaN')[], lr?: string, kind?: string): Run {
  return {
    id: name,
    experiment: 0,
    name,
    user: 'me',
    status: 'RUNNING',
    state: 'running',
    reason: null,
    start_ms: 100,
    end_ms: null,
    active_ms: 100,
    lifecycle: 'active',
    dropped: 0,
    artifact_bytes: 0,
    params: lr === undefined ? {} : { lr },
    tags: { 'mlflow.runName': name, ...(kind === undefined ? {} : { kind }) },
    metrics: loss.length ? { loss: series(loss) } : {},
    inputs:
      kind === undefined
        ? []
        : [{ dataset: { name: kind, digest: 'd', source_type: '', source: '' }, tags: {} }],
  };
}

const FIVE = [
  run('a', [3, 0.5, 1], '0.1', 'Big'),
  run('b', [2], '1e-2', 'small'),
  run('c', [1, 'NaN'], 'auto'),
  run('d', [], '0.10', 'big_one'),
  run('e', [-4, 7]),
];
const passing = (filter: string) =>
  FIVE.filter(one => matches(parseFilter(filter), one))
    .map(one => one.name)
    .join('');

test.each([
  ['', 'abcde'],
  ['metrics.loss < 3', 'ab'],
  ['metrics.loss != 1', 'bce'],
  ['NOT metrics.loss = 1', 'bcde'],
  ['min(metrics.loss) < 1', 'ae'],
  ['max(metrics.loss) >= 3', 'ae'],
  ['first(metrics.loss) = 1', 'c'],
  ['best(metrics.loss) <= 0.5', 'ae'],
  ['metrics.loss IS NULL', 'd'],
  ['metrics.loss IS NOT NULL', 'abce'],
  ['metrics.none IS NULL', 'abcde'],
  ['metrics.none < 1 OR metrics.none > 0', ''],
  ["params.lr = '0.1'", 'a'],
  ['params.lr = 0.1', 'ad'],
  ['number(params.lr) = 0.1', 'ad'],
  ['number(params.lr) IS NULL', 'ce'],
  ['params.lr < 0.05', 'b'],
  ["params.lr != '0.1'", 'bcd'],
  ["params.lr LIKE '0.1%'", 'ad'],
  ["params.lr IN ('auto', '1e-2')", 'bc'],
  ["params.lr NOT IN ('auto')", 'abd'],
  ["tags.kind LIKE 'big%'", 'd'],
  ["tags.kind ILIKE 'BIG%'", 'ad'],
  ["tags.kind ILIKE 'b_g'", 'a'],
  ["tags.kind NOT LIKE '%b%'", 'ab'],
  ["tags.kind IS NULL AND (metrics.loss > 5 OR params.lr = 'auto')", 'ce'],
  ["dataset.name = 'small'", 'b'],
  ['dataset.context IS NULL', 'abcde'],
  ["attributes.run_name IN ('a', 'e') OR run_name LIKE 'b'", 'abe'],
  ["user_id = 'me' AND status = 'RUNNING' AND start_time <= 100", 'abcde'],
  ['NOT (start_time < 100.5)', ''],
  ['artifact_bytes = 0 AND duration_ms >= 0', 'abcde'],
  ['artifact_bytes > 0 OR duration_ms < 0', ''],
  ['end_time > 0', ''],
  ['NOT end_time > 0', 'abcde'],
  ["tags.`mlflow.runName` = 'a'", 'a'],
  ["name = 'it''s' OR name = '%'", ''],
])('%s', (filter, names) => expect(passing(filter)).toBe(names));

test('orders put NaN and absence last', () => {
  const ordered = (...orders: string[]) =>
    [...FIVE]
      .sort((a, b) => {
        for (const order of orders) {
          const way = compareRuns(parseOrder(order), a, b);
          if (way) return way;
        }
        return 0;
      })
      .map(one => one.name)
      .join('');
  expect(ordered('metrics.loss', 'run_name')).toBe('abecd');
  expect(ordered('metrics.loss DESC', 'run_name')).toBe('ebacd');
  expect(ordered('min(metrics.loss)', 'run_name')).toBe('eacbd');
  expect(ordered('params.lr', 'run_name')).toBe('adbce');
  expect(ordered('number(params.lr) DESC', 'run_name DESC')).toBe('dabec');
});

test('errors tell the character', () => {
  expect(() => tokens("größe = 'a")).toThrow(FilterError);
  expect([
    problem("größe = 'a")?.position,
    problem('metrics.x = 1.2.3')?.position,
    problem('a ; b')?.message,
  ]).toEqual([8, 12, '`;` belongs in quotes']);
  expect(problem('params.lr >')?.position).toBe(11);
  expect(problem('metric.loss < 1 nad x')?.position).toBe(16);
  expect(problem("best(params.lr) = 'x'")).not.toBeNull();
  expect(problem('metrics.`a b` > 1 AND tags."c" = \'d\'')).toBeNull();
});

test('what may come next is suggested', () => {
  const columns = { metrics: ['valid/iou', 'train loss'], params: ['lr'], tags: [] };
  const at = (text: string, values?: (field: string) => string[]) =>
    complete(text, text.length, columns, values).suggestions.map(one => one.text);
  expect(at('iou')).toEqual(['metrics.valid/iou']);
  expect(at('metrics.')).toEqual(
    [
      'metrics.valid/iou',
      'metrics.`train loss`',
      ...['best', 'last', 'first', 'min', 'max'].map(one => `${one}(metrics.`),
    ].slice(0, 2),
  );
  expect(at('params.lr ')).toContain('>=');
  expect(at('params.lr = 0.1 ')).toEqual(['AND', 'OR']);
  expect(at("status = 'F")).toEqual(["'FINISHED'", "'FAILED'"]);
  expect(at("params.lr = '0.1' AND params.lr = ", field => [field])).toEqual(["'params.lr'"]);
  expect(complete('params.lr = 0.1 AND io', 22, columns).from).toBe(20);
  expect(['a b', 'x`y', 'a.b', '9x'].map(key => fieldName('tags', key))).toEqual([
    'tags.`a b`',
    'tags."x`y"',
    'tags.a.b',
    'tags.`9x`',
  ]);
});
