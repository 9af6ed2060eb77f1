//! A project as a team leaves it after a week: seeds, failures, a run under way, pictures, files, pipelines.
import { random, tile } from './png.mjs';

const HOUR = 3_600_000;
export const HOSTILE = '<img src=x onerror="window.hacked=1">';

let writers = 0;

/** Calls of a server's native API. */
export function client(api) {
  const send = async (method, path, body, type = 'application/json') => {
    const answer = await fetch(api + path, {
      method,
      headers: { 'content-type': type },
      body: type === 'application/json' ? JSON.stringify(body) : body,
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const writer = `seed ${(writers += 1)}`;
  const sequences = new Map();
  const append = (run, batch) => {
    const sequence = (sequences.get(run) ?? 0) + 1;
    sequences.set(run, sequence);
    return send('POST', `runs/${run}/append`, { writer, sequence, batch });
  };
  const file = (run, path, content) =>
    send('PUT', `runs/${run}/files/${path}`, content, 'application/octet-stream');
  return { send, append, file };
}

const DIFF = `diff --git a/crates/net/src/loss.rs b/crates/net/src/loss.rs
index 3f2a1c0..9d1b7e4 100644
--- a/crates/net/src/loss.rs
+++ b/crates/net/src/loss.rs
@@ -41,7 +41,7 @@ pub fn dice(prediction: &Tensor, truth: &Tensor) -> f32 {
     let overlap = (prediction * truth).sum();
-    2.0 * overlap / (prediction.sum() + truth.sum())
+    2.0 * (overlap + SMOOTH) / (prediction.sum() + truth.sum() + SMOOTH)
 }
`;

const NOTE = `# Weighted loss, second try

The **distance weight** now grows with \`w0 = 50\`. See the [paper](https://arxiv.org/abs/1505.04597).

| encoder | AP50 |
| --- | --- |
| resnet18 | 0.61 |
| resnet34 | 0.66 |

- [x] three seeds
- [ ] larger tiles
`;

const STEPS = (hit, failed) =>
  [
    ['images', [], 'hit', 'found', 0.2, 81_000_000],
    [
      'targets',
      ['annotations'],
      hit ? 'hit' : 'computed',
      hit ? undefined : 'configuration changed: weights.w0',
      38,
      2_400_000,
    ],
    [
      'unet',
      ['images', 'targets'],
      failed ? 'failed' : 'computed',
      'an input changed: targets',
      5400,
      failed ? undefined : 97_000_000,
    ],
    ['probabilities', ['unet', 'images'], 'computed', 'an input changed: unet', 96, 41_000_000],
    ['objects', ['probabilities'], 'computed', 'an input changed: probabilities', 12, 900_000],
    ['metrics', ['objects', 'annotations'], 'computed', 'an input changed: objects', 2, 4_000],
  ]
    .slice(0, failed ? 3 : 6)
    .map(([step, inputs, outcome, reason, seconds, bytes], at) => ({
      pipeline: 'unet_weighted',
      step,
      key: `${at}${hit ? 'a' : 'b'}`.repeat(32),
      outcome,
      reason,
      inputs,
      time_ms: 1,
      seconds,
      bytes,
    }));

/** Makes the project `suburbs`; gives the ids of its runs. */
export async function seedProject(api, { now = Date.now(), pictures = 16 } = {}) {
  const { send, append, file } = client(api);
  const ids = [];
  const tiles = Array.from({ length: pictures }, (_, at) => tile(at + 1));
  for (const [e, encoder] of ['resnet18', 'resnet34', 'resnet50'].entries())
    for (const [l, lr] of [0.0003, 0.001, 0.003].entries())
      for (const seed of [1, 2, 3]) {
        if (encoder === 'resnet50' && seed > 1) continue;
        const number = ids.length;
        const id = `run-${String(number).padStart(2, '0')}`;
        const next = random(number + 17);
        const start = now - (30 - number) * 5 * HOUR;
        await send('POST', 'runs', {
          project: 'suburbs',
          experiment: encoder === 'resnet50' ? 'deeper' : 'encoders',
          id,
          name: `${encoder}-lr${lr}-s${seed}`,
          user: ['ada', 'grace'][number % 2],
          start_ms: start,
          tags: {
            'mlflow.source.name': 'footpath train -c town.yaml --pipeline unet_weighted',
            host: 'node-3',
            'mlflow.source.git.commit': '9c0f4b7e1d2a3b4c5d6e7f8091a2b3c4d5e6f708',
            'mlflow.source.git.branch': 'weights',
            'mlflow.source.git.dirty': String(number % 4 === 0),
            ...(number % 5 === 0 ? { reviewed: 'yes' } : {}),
          },
        });
        const top =
          0.58 + 0.035 * Math.min(e, 1) + 0.02 * (l === 1) - 0.05 * (l === 2) + 0.012 * (next() - 0.5);
        const epochs = 25;
        const perEpoch = 66;
        const at = step => start + step * 3200;
        const train = [];
        for (let step = 0; step < epochs * perEpoch; step += 1)
          train.push([
            step,
            at(step),
            0.25 + 0.9 / (1 + step / 120) + 0.12 * (next() - 0.5) + (step === 901 && number === 4 ? 2.4 : 0),
          ]);
        const valid = { iou: [], ap50: [], loss: [] };
        const epoch = [];
        for (let n = 1; n <= epochs; n += 1) {
          const step = n * perEpoch - 1;
          const grown = 1 - Math.exp(-n / 6);
          valid.iou.push([step, at(step), top * grown + 0.012 * (next() - 0.5)]);
          valid.ap50.push([step, at(step), (top - 0.06) * grown + 0.02 * (next() - 0.5)]);
          valid.loss.push([
            step,
            at(step),
            0.32 + 0.6 * Math.exp(-n / 5) + 0.004 * Math.max(0, n - 15) + 0.02 * (next() - 0.5),
          ]);
          epoch.push([step, at(step), n]);
        }
        const machine = Array.from({ length: 120 }, (_, k) => [k, start + k * 44_000]);
        await append(id, {
          params: [
            ['unet.encoder', encoder],
            ['training.lr', String(lr)],
            ['training.seed', String(seed)],
            ['training.batch_size', '8'],
            ['training.epochs', '25'],
            ['weights.w0', number % 3 ? '50' : '50'],
            ['data.train', 'town-a'],
            ['data.val', 'town-b'],
            ['postprocess.threshold', '0.5'],
            ['postprocess.split.kind', 'core'],
          ],
          metrics: {
            'train/loss': train,
            'valid/iou': valid.iou,
            'valid/ap50': valid.ap50,
            'valid/loss': valid.loss,
            epoch,
            'final/buildings': [[0, at(epochs * perEpoch - 1), 1200 + 7 * number]],
            'system/cpu_utilization_percentage': machine.map(([k, t]) => [k, t, 88 + 10 * next()]),
            'system/system_memory_usage_megabytes': machine.map(([k, t]) => [
              k,
              t,
              2900 + 4 * k + 60 * next(),
            ]),
          },
          steps: STEPS(number % 3 !== 0, false),
          inputs: [
            {
              dataset: {
                name: 'town-a',
                digest: 'b3:51c2f0a9',
                source_type: 'local',
                source: 'data/town-a/train',
                profile: '{"images": 264}',
              },
              tags: { 'mlflow.data.context': 'training' },
            },
            {
              dataset: {
                name: 'town-b',
                digest: 'b3:90aa17e3',
                source_type: 'local',
                source: 'data/town-b/val',
                profile: '{"images": 56}',
              },
              tags: { 'mlflow.data.context': 'validation' },
            },
          ],
          texts: Array.from({ length: epochs }, (_, n) => ({
            key: 'console',
            step: (n + 1) * perEpoch,
            time_ms: at((n + 1) * perEpoch),
            text: `epoch ${n + 1}/25  loss ${train[(n + 1) * perEpoch - 1][2].toFixed(4)}  val_iou ${valid.iou[n][2].toFixed(4)}`,
          })),
          state: { status: 'FINISHED', end_ms: at(epochs * perEpoch) },
        });
        ids.push(id);
      }
  await pictured(api, ids.slice(0, 6), tiles);
  await filed(file, append, ids[0], tiles[0]);
  await troubled(api, now);
  return { ids, ...client(api) };
}

/** Validation pictures of runs at three steps, with a score an image. */
async function pictured(api, ids, tiles) {
  const { append, file } = client(api);
  const layer = async (run, path, content, role) => {
    const { blob } = await file(run, path, content);
    return { role, digest: blob.digest, media_type: 'image/png', width_px: 128, height_px: 128 };
  };
  for (const [r, run] of ids.entries()) {
    const next = random(r + 5);
    const images = [];
    for (const [t, one] of tiles.entries()) {
      const input = await layer(run, `pictures/${t}-input.png`, one.input, 'input');
      const truth = await layer(run, `pictures/${t}-truth.png`, one.truth, 'truth');
      for (const [s, step] of [395, 989, 1649].entries()) {
        const missing = [...(next() < 0.5 - 0.15 * s ? [0] : []), ...(t === 3 && r % 2 ? [0, 1, 2] : [])];
        const error = Math.round((3 - s) * next());
        const prediction = await layer(
          run,
          `pictures/${t}-${step}-prediction.png`,
          one.prediction(error, missing),
          'prediction',
        );
        const score = Math.max(
          0,
          0.9 - 0.06 * (2 - s) - 0.07 * missing.length - 0.02 * error + 0.01 * (r >= 3) + 0.02 * next(),
        );
        images.push({
          key: 'valid/pictures',
          step,
          time_ms: 1,
          sample: `town-b_${String(t).padStart(4, '0')}.png`,
          score: Number(score.toFixed(4)),
          caption: missing.length ? `${missing.length} missed` : '',
          layers: [input, truth, prediction],
        });
      }
    }
    await append(run, { images });
  }
}

async function filed(file, append, run, one) {
  await append(run, { tags: { 'mlflow.note.content': NOTE } });
  await file(run, 'source/dirty.diff', DIFF);
  await file(
    run,
    'metrics.json',
    JSON.stringify(
      { ap: 0.41, ap50: 0.62, by_size: { small: 0.31, medium: 0.55, large: 0.6 }, tiles: 56 },
      null,
      2,
    ),
  );
  await file(
    run,
    'scores.csv',
    `image,iou,note\n${Array.from({ length: 40 }, (_, i) => `"town-b_${i}.png",${(0.5 + i / 100).toFixed(3)},"a ""quoted"" note, ${i}"`).join('\n')}\n`,
  );
  const ring = house =>
    [
      [house.x, house.y],
      [house.x + house.w, house.y],
      [house.x + house.w, house.y + house.h],
      [house.x, house.y + house.h],
      [house.x, house.y],
    ].map(([x, y]) => [85.5 + x * 1e-5, 27.6 - y * 1e-5]);
  await file(
    run,
    'found.geojson',
    JSON.stringify({
      type: 'FeatureCollection',
      features: one.houses.map(house => ({
        type: 'Feature',
        properties: {},
        geometry: { type: 'Polygon', coordinates: [ring(house)] },
      })),
    }),
  );
  await file(run, 'tile.png', one.input);
  await file(
    run,
    'drawing.svg',
    '<svg xmlns="http://www.w3.org/2000/svg"><script>parent.hacked=1;top.hacked=1</script><rect width="9" height="9"/></svg>',
  );
  await file(run, 'page.html', '<script>parent.hacked=1</script>');
  await file(run, 'model/unet.safetensors', Buffer.alloc(4096, 7));
}

/** Runs that failed, were killed, crashed, are under way, and one with hostile names. */
async function troubled(api, now) {
  const { send, append } = client(api);
  const begin = (id, name, ago, more = {}) =>
    send('POST', 'runs', {
      project: 'suburbs',
      experiment: 'encoders',
      id,
      name,
      user: 'ada',
      start_ms: now - ago,
      ...more,
    });
  const params = [
    ['unet.encoder', 'resnet34'],
    ['training.lr', '0.03'],
    ['training.seed', '1'],
    ['training.batch_size', '8'],
  ];
  await begin('failed', 'resnet34-lr0.03-s1', 9 * HOUR);
  await append('failed', {
    params,
    metrics: {
      'train/loss': Array.from({ length: 300 }, (_, k) => [
        k,
        now - 9 * HOUR + k * 3000,
        k < 260 ? 1.2 + k / 200 : 'NaN',
      ]),
    },
    steps: STEPS(true, true),
    state: {
      status: 'FAILED',
      end_ms: now - 8.6 * HOUR,
      reason:
        'training diverged: the loss is NaN at step 260\n  in step `unet` of pipeline `unet_weighted`\n  lower training.lr (0.03), or clip gradients with training.clip_norm',
    },
  });
  await begin('killed', 'resnet101-lr0.001-s1', 7 * HOUR);
  await append('killed', {
    params,
    state: { status: 'KILLED', end_ms: now - 6.5 * HOUR, reason: 'SIGTERM' },
  });
  await begin('crashed', 'resnet152-lr0.001-s1', 6 * HOUR, { lease_ms: 1 });
  await append('crashed', { params, metrics: { 'train/loss': [[0, now - 6 * HOUR, 1.4]] } });
  await begin('running', 'resnet34-lr0.0005-s4', 0.4 * HOUR, { lease_ms: HOUR });
  await append('running', {
    params: [
      ['unet.encoder', 'resnet34'],
      ['training.lr', '0.0005'],
      ['training.seed', '4'],
      ['training.batch_size', '8'],
    ],
    metrics: {
      'train/loss': Array.from({ length: 400 }, (_, k) => [
        k,
        now - 0.4 * HOUR + k * 3200,
        0.3 + 0.9 / (1 + k / 120),
      ]),
      'valid/iou': [
        [65, now, 0.21],
        [131, now, 0.33],
      ],
    },
  });
  await begin('hostile', `${HOSTILE}`, 5 * HOUR);
  await append('hostile', {
    params: [[HOSTILE, HOSTILE], ...params],
    tags: {
      [HOSTILE]: HOSTILE,
      'mlflow.note.content': `# Note\n<script>window.hacked=1</script>\n\n${HOSTILE}\n\n[x](javascript:window.hacked=1)`,
    },
    metrics: {
      [HOSTILE]: [
        [0, now, 1],
        [1, now, 2],
      ],
    },
    texts: [{ key: 'console', step: 0, time_ms: now, text: HOSTILE }],
    state: { status: 'FAILED', reason: HOSTILE, end_ms: now },
  });
}
