//! The project `scale`: 10,000 runs of 100 parameters and 100 metrics, a run of 12,000 metric names, a series of a
//! million points, and 20 runs of 5 curves of 2,000 points.
//!
//!     node test/seed-scale.mjs http://127.0.0.1:5000/api/v1/
import { random } from './png.mjs';
import { client } from './seed.mjs';

const AT_ONCE = 16;

/** The runs of the comparison. */
export const CURVES = Array.from({ length: 20 }, (_, number) => `curve-${number}`);

async function many(count, work) {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let number = next++; number < count; number = next++) await work(number);
    }),
  );
}

export async function seedScale(
  api,
  { runs = 10_000, names = 12_000, points = 1_000_000, log = () => {} } = {},
) {
  const { send, append } = client(api);
  const start_ms = 1_760_000_000_000;
  const begin = (id, name, at, experiment = 'many') =>
    send('POST', 'runs', { project: 'scale', experiment, id, name, user: 'seed', start_ms: start_ms + at });
  await many(runs, async number => {
    const id = `many-${number}`;
    const next = random(number);
    await begin(id, `run ${number}`, number * 1000);
    const params = Array.from({ length: 100 }, (_, key) => [
      `param.${key}`,
      String(key % 3 ? Math.round(next() * 8) / 8 : `choice-${Math.floor(next() * 4)}`),
    ]);
    const metrics = Object.fromEntries(
      Array.from({ length: 100 }, (_, key) => [`metric/${key}`, [[0, start_ms, next()]]]),
    );
    await append(id, {
      params,
      metrics,
      state: { status: 'FINISHED', end_ms: start_ms + number * 1000 + 60_000 },
    });
    if (number % 1000 === 999) log(`${number + 1} runs`);
  });
  await begin('wide', 'a run of many metrics', -1000, 'wide');
  for (let from = 0; from < names; from += 2000)
    await append('wide', {
      metrics: Object.fromEntries(
        Array.from({ length: Math.min(2000, names - from) }, (_, at) => {
          const key = from + at;
          return [
            `layer${Math.floor(key / 40)}/weight${key % 40}`,
            [0, 1, 2, 3].map(step => [step, start_ms + step, Math.sin(key + step)]),
          ];
        }),
      ),
    });
  await begin('long', 'a long run', -2000, 'wide');
  const next = random(5);
  for (let from = 0; from < points; from += 100_000)
    await append('long', {
      metrics: {
        loss: Array.from({ length: Math.min(100_000, points - from) }, (_, at) => {
          const step = from + at;
          return [step, start_ms + step * 10, step === 654_321 ? 50 : 2 / (1 + step / 50_000) + 0.2 * next()];
        }),
      },
    });
  await append('long', { state: { status: 'FINISHED', end_ms: start_ms + points * 10 } });
  for (const [number, id] of CURVES.entries()) {
    await begin(id, `curves ${number}`, -3000 - number, 'curves');
    const metrics = Object.fromEntries(
      ['train/loss', 'train/accuracy', 'valid/loss', 'valid/iou', 'valid/ap50'].map((key, k) => {
        const noise = random(number * 7 + k);
        return [
          key,
          Array.from({ length: 2000 }, (_, step) => [
            step,
            start_ms + step * 100,
            (k % 2 ? 1 - 1 / (1 + step / 200) : 1 / (1 + step / 200)) + 0.05 * noise(),
          ]),
        ];
      }),
    );
    await append(id, {
      metrics,
      params: [['lr', String(number)]],
      state: { status: 'FINISHED', end_ms: start_ms + 200_000 },
    });
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [api] = process.argv.slice(2);
  if (!api) throw new Error('name the address of the native API, such as http://127.0.0.1:5000/api/v1/');
  await seedScale(api, { log: console.log });
}
