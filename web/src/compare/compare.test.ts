import { expect, test } from 'vitest';
import { groupRuns, isSeed, differing } from '../board/groups';
import type { Picture, Run, Step } from '../data/model';
import { causes, differingSteps, summary } from './causes';
import { rowsOf } from './Samples';
import { atStep } from './useSamples';

const run = (params: Record<string, string>, tags: Record<string, string> = {}) =>
  ({ params, tags, inputs: [], metrics: {} }) as unknown as Run;
const step = (name: string, key: string, inputs: string[]): Step => ({
  pipeline: 'p',
  step: name,
  key,
  outcome: 'computed',
  inputs,
  time_ms: 0,
  seconds: 0,
});
const picture = (at: number, sample: string, score?: number): Picture => ({
  key: 'k',
  step: at,
  sample,
  score,
  caption: '',
  layers: [],
});

test('seeds are told by name, and runs that differ in nothing else are one group', () => {
  expect(['seed', 'training.seed', 'random_state', 'seeded', 'proceed'].map(isSeed)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  const groups = groupRuns(
    [run({ lr: '1', seed: '1' }), run({ lr: '1', seed: '2' }), run({ lr: '2', seed: '1' })],
    null,
  );
  expect(groups.map(group => group.runs.length)).toEqual([2, 1]);
  expect(groupRuns([run({ lr: '1' }), run({})], ['lr']).map(group => group.params)).toEqual([
    { lr: '1' },
    {},
  ]);
});

test('only what differs is told', () => {
  expect(differing([run({ lr: '1', seed: '1' }), run({ lr: '1', seed: '2', new: 'x' })])).toEqual([
    'new',
    'seed',
  ]);
});

test('where the steps of two runs part', () => {
  const from = [
    step('load', 'a', []),
    step('fit', 'b', ['load']),
    step('score', 'c', ['fit']),
    step('same', 's', []),
  ];
  const to = [
    step('load', 'a2', []),
    step('fit', 'b2', ['load']),
    step('score', 'c2', ['fit']),
    step('same', 's', []),
  ];
  expect(differingSteps(from, to).map(row => [row.name, row.note])).toEqual([
    ['p/load', 'begins here'],
    ['p/fit', 'follows from its inputs'],
    ['p/score', 'follows from its inputs'],
  ]);
});

test('causes are named, the likeliest first', () => {
  const found = causes(
    run({ lr: '1', seed: '1' }, { 'mlflow.source.git.commit': 'x' }),
    run({ lr: '2', seed: '2' }),
    [],
    [],
  );
  expect(found.map(cause => cause.title)).toEqual(['Code', 'Parameters', 'Seeds']);
  expect(summary(found)).toBe('They differ in code, parameters and seeds.');
  expect(summary(causes(run({ lr: '1' }), run({ lr: '2' }), [], []))).toBe('They differ only in lr.');
  expect(summary([])).toMatch(/alike/);
});

test('the worst change of an image over the runs', () => {
  const base = atStep([picture(1, 'a', 0.2), picture(2, 'a', 0.8), picture(2, 'b', 0.5)], 5);
  const other = atStep([picture(2, 'a', 0.7), picture(2, 'b', 0.9)], 2);
  const rows = rowsOf([base, other]);
  expect(rows.map(row => [row.name, Number(row.worst.toFixed(6))])).toEqual([
    ['a', -0.1],
    ['b', 0.4],
  ]);
  expect(atStep([picture(3, 'a')], 2).size).toBe(0);
});
