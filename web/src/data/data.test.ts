import { expect, test } from 'vitest';
import { unpack } from './packed';
import { together } from './together';

test('what is asked in one moment is asked at once, by kind, and refused by itself', async () => {
  const calls: string[][] = [];
  const ask = together<string, string>(
    question => question.slice(0, 1),
    async questions => {
      calls.push(questions);
      return questions.map(one => (one.endsWith('!') ? new Error(one) : one.toUpperCase()));
    },
  );
  const asked = [ask('a1'), ask('b1'), ask('a!'), ask('a2')];
  await expect(asked[2]).rejects.toThrow('a!');
  expect(await Promise.all([asked[0], asked[1], asked[3]])).toEqual(['A1', 'B1', 'A2']);
  await ask('a3');
  expect(calls).toEqual([['a1', 'a!', 'a2'], ['b1'], ['a3']]);
});

test('a call that fails refuses all that asked', async () => {
  const ask = together<number, number>(
    () => '',
    () => Promise.reject(new Error('gone')),
  );
  const told = await Promise.allSettled([ask(1), ask(2)]);
  expect(told.map(one => one.status)).toEqual(['rejected', 'rejected']);
});

test('packed curves are read as they were written', () => {
  const head = JSON.stringify({
    series: [
      { run: 'a', key: 'é/loss', points: 2, time_ms: 5 },
      { run: 'b', key: 'm', points: 1, time_ms: 7 },
    ],
  });
  const text = new TextEncoder().encode(head);
  const length = Math.ceil(text.length / 8) * 8;
  const numbers = [0, 3, 0, 40, 1.5, NaN, 9, 0, -2];
  const packed = new ArrayBuffer(8 + length + 8 * numbers.length);
  new DataView(packed).setUint32(0, length, true);
  new Uint8Array(packed, 8, length).fill(32).set(text);
  new Float64Array(packed, 8 + length).set(numbers);
  const plain = unpack(packed, true).map(one => ({
    ...one,
    steps: Array.from(one.steps),
    times: Array.from(one.times ?? []),
    values: Array.from(one.values),
  }));
  expect(plain).toEqual([
    { run: 'a', key: 'é/loss', time_ms: 5, steps: [0, 3], times: [0, 40], values: [1.5, NaN] },
    { run: 'b', key: 'm', time_ms: 7, steps: [9], times: [0], values: [-2] },
  ]);
});
