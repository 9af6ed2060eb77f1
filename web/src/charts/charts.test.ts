import { expect, test } from 'vitest';
import type { Curve, Point } from '../data/model';
import { isOnce } from './Bars';
import { assign, COLOURS } from './colours';
import { curve, envelope } from './envelope';
import { band, between, line, smooth, stepsWithin } from './lines';
import { model, PLAIN } from './model';
import { scaleOf } from './scale';

const series = (run: string, key: string, ...points: Point[]): Curve =>
  curve(run, key, envelope(points, { width_px: 1000, scale: 'linear', times: true }));

test('a curve keeps the spike and breaks where a value is not finite', () => {
  const points: Point[] = [
    [0, 5, 1],
    [4, 6, 99],
    [6, 7, 5],
    [9, 8, 'NaN'],
  ];
  const found = curve('r', 'm', envelope(points, { width_px: 1, scale: 'linear', times: true }));
  expect(found).toEqual({
    run: 'r',
    key: 'm',
    steps: [0, 4, 9],
    time_ms: 5,
    times: [0, 1, 3],
    values: [1, 99, NaN],
  });
  expect(line(found, { by: 'step' }, 0)).toEqual({ x: [0, 4, 9], y: [1, 99, null], steps: [0, 4, 9] });
});

test('an envelope has one bucket a pixel and hides no spike', () => {
  const points = Array.from({ length: 10_000 }, (_, step): Point => [step, step, step === 4321 ? 99 : 0]);
  const buckets = envelope(points, { width_px: 100, scale: 'linear', times: true });
  expect(buckets.length).toBe(100);
  expect(buckets.filter(one => one.max?.[2] === 99).map(one => one.max?.[0])).toEqual([4321]);
  expect(
    envelope(points, { width_px: 100, scale: 'linear', times: true, from_step: 4320, to_step: 4322 }).map(
      one => one.first[0],
    ),
  ).toEqual([4320, 4321, 4322]);
  expect(envelope([], { width_px: 10, scale: 'log', times: true })).toEqual([]);
});

test('lines stand on any axis', () => {
  const loss = series('r', 'loss', [0, 1000, 3], [10, 3000, 2], [20, 5000, 1]);
  expect(line(loss, { by: 'relative' }, 1000).x).toEqual([0, 2, 4]);
  expect(line(loss, { by: 'wall' }, 1000).x).toEqual([1, 3, 5]);
  const epoch = series('r', 'epoch', [0, 0, 0], [20, 0, 2]);
  expect(line(loss, { by: 'metric', key: 'epoch' }, 0, epoch).x).toEqual([0, 1, 2]);
  expect(line(loss, { by: 'metric', key: 'none' }, 0).x).toEqual([]);
  expect(stepsWithin(line(loss, { by: 'relative' }, 1000), 1.5, 2.5)).toEqual([0, 20]);
  expect([between([0, 10], [0, 5], 4), between([0, 10], [0, 5], 11), between([], [], 0)]).toEqual([
    2,
    null,
    null,
  ]);
});

test('smoothing begins where the line does and keeps gaps', () => {
  expect(smooth([4, 4, null, 4], 0.9).map(v => v && Number(v.toFixed(9)))).toEqual([4, 4, null, 4]);
  expect(smooth([0, 1], 0.5)[1]).toBeCloseTo(2 / 3, 12);
});

test('a band spans its runs where they are', () => {
  const of = (x: number[], y: number[]) => ({ x, y, steps: x });
  const found = band([of([0, 2], [0, 4]), of([0, 1, 2, 3], [2, 2, 2, 9])]);
  expect([found.x, found.mean, found.low, found.high]).toEqual([
    [0, 1, 2, 3],
    [1, 2, 3, 9],
    [0, 2, 2, 9],
    [2, 2, 4, 9],
  ]);
});

test('groups are drawn as mean and band, single runs as lines', () => {
  const runs = ['a', 'b', 'c'].map((id, at) => ({
    id,
    name: id,
    colour: '#102030',
    start_ms: 0,
    group: at < 2 ? 'g' : 'h',
  }));
  const drawn = model(
    runs.map(run => series(run.id, 'm', [0, 0, 1], [1, 0, 2])),
    'm',
    runs,
    { ...PLAIN, bands: true },
  );
  expect([drawn.told.length, drawn.bands.length, drawn.series.length, drawn.data.length]).toEqual([
    2, 1, 5, 5,
  ]);
  const log = model([series('a', 'm', [0, 0, -1], [1, 0, 2])], 'm', runs, {
    ...PLAIN,
    logX: true,
    logY: true,
  });
  expect([...(log.data[0] ?? [])]).toEqual([1]);
});

test('what was told once is no curve', () => {
  const runs = ['a', 'b'].map(id => ({ id, name: id, colour: '#102030', start_ms: 0 }));
  const drawn = (...of: Curve[]) => isOnce(model(of, 'm', runs, PLAIN));
  expect(drawn(series('a', 'm', [3, 0, 1]), series('b', 'm', [5, 0, 2]))).toBe(true);
  expect(drawn(series('a', 'm', [3, 0, 1]), series('b', 'm', [5, 0, 2], [6, 0, 2]))).toBe(false);
  expect(drawn()).toBe(false);
});

test('runs shown together have colours of their own, and the same run the same', () => {
  const ids = Array.from({ length: COLOURS.length }, (_, at) => `run ${at}`);
  expect(new Set(assign(ids, {})).size).toBe(COLOURS.length);
  expect(assign(['x', 'y'], { x: '#123456' })[0]).toBe('#123456');
  expect(assign(['run 3'], {})).toEqual(assign(['run 3'], {}));
});

test('axes of numbers, decades and texts', () => {
  expect(scaleOf([0, 5, 10]).place(5)).toBe(0.5);
  const log = scaleOf([0.0001, 0.01, 1]);
  expect([log.log, log.place(0.01)]).toEqual([true, 0.5]);
  const texts = scaleOf(['b', 'a', undefined]);
  expect([texts.place('a'), texts.place('b'), texts.place(undefined)]).toEqual([0, 1, null]);
  expect(scaleOf([3, 3]).place(3)).toBe(0.5);
});
