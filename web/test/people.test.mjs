//! The things people do, in a real browser against the real server.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { stage } from './stage.mjs';

let s, page;
before(
  async () => {
    s = await stage();
    page = s.page;
  },
  { timeout: 180_000 },
);
after(() => s?.stop());

const row = name => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
const firstRow = () => page.getByRole('rowgroup').last().getByRole('row').first();

/** The steps and values of a metric in an answer of packed curves without times. */
function packed(body, key) {
  const length = body.readUInt32LE(0);
  const { series } = JSON.parse(body.subarray(8, 8 + length).toString());
  const at = series.findIndex(one => one.key === key);
  const before = series.slice(0, at).reduce((sum, one) => sum + 2 * one.points, 0);
  const numbers = count =>
    Array.from({ length: series[at].points }, (_, point) =>
      body.readDoubleLE(8 + length + 8 * (before + count * series[at].points + point)),
    );
  return [numbers(0), numbers(1)];
}

test('1. the best run is found by sorting, and the order has a link', async () => {
  await s.open('');
  await page.getByRole('link', { name: /suburbs/ }).click();
  await page.getByRole('columnheader', { name: 'valid/iou best' }).getByRole('button').click();
  await page.waitForFunction(() => document.querySelector('[aria-sort="descending"]'));
  await row('resnet34-lr0.001-s2').waitFor();
  assert.match(await firstRow().innerText(), /resnet(34|50)-lr0\.001/);
  assert.match(decodeURIComponent(page.url()), /order=best\(metrics\.valid\/iou\)\+DESC/);
  await s.shot('best-run');
});

test('2. three runs are compared', async () => {
  await s.open('p/suburbs');
  for (const name of ['resnet18-lr0.001-s1', 'resnet18-lr0.001-s2', 'resnet18-lr0.001-s3'])
    await page.getByRole('checkbox', { name: `Choose ${name}`, exact: true }).check();
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByRole('heading', { name: '3 runs compared' }).waitFor();
  await page.locator('.plot canvas').nth(3).waitFor();
  const once = page.locator('.plot').filter({ hasText: 'final/buildings' });
  await once.locator('.bars b').nth(2).waitFor();
  assert.deepEqual(await once.locator('.bars b').allInnerTexts(), ['1221', '1228', '1235']);
  const bands = page.getByLabel('Seeds as bands');
  assert.ok(await bands.evaluate(box => (box.click(), box.checked)), 'a click shows at once');
  await page.getByLabel('Log y').check();
  await page.goBack();
  await page.goBack();
  await page.waitForFunction(() => !document.querySelector('.options input:checked'));
  await page.goForward();
  await page.goForward();
  await page.waitForFunction(() => document.querySelectorAll('.options input:checked').length === 2);
  await page.waitForFunction(() => document.querySelectorAll('.plot canvas').length >= 4);
  await s.shot('compare-three');
});

test('3. a spike is zoomed into, exactly, by mouse and by keys', async () => {
  await s.open('run/run-04?tab=curves');
  const plot = page.locator('.plot').filter({ hasText: 'train/loss' });
  const over = plot.locator('.u-over');
  await over.waitFor();
  const box = await over.boundingBox();
  const at = box.x + (box.width * 901) / 1649;
  const zoomed = page.waitForResponse(
    answer => answer.url().endsWith('/envelopes') && answer.request().postDataJSON().zoom.from_step > 0,
  );
  await page.mouse.move(at - 12, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(at + 12, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const [steps, values] = packed(await (await zoomed).body(), 'train/loss');
  assert.equal(steps.length, steps.at(-1) - steps[0] + 1, 'every point is shown by itself');
  assert.ok(values[steps.indexOf(901)] > 2);
  await s.shot('spike');
  await plot.getByRole('button', { name: 'Whole range' }).click();
  const keyed = page.waitForResponse(
    answer => answer.url().endsWith('/envelopes') && answer.request().postDataJSON().zoom.from_step > 0,
  );
  await plot.locator('.canvas').focus();
  await page.keyboard.press('+');
  await keyed;
  await page.keyboard.press('0');
  await plot.getByRole('button', { name: 'Whole range' }).waitFor({ state: 'detached' });
});

test('4. a training run moves live, and a new run appears, within two seconds', async () => {
  await s.open('p/suburbs');
  await page.getByText('Live', { exact: true }).waitFor();
  await row('resnet34-lr0.0005-s4').waitFor();
  await s.append('running', { metrics: { 'valid/iou': [[197, Date.now(), 0.4321]] } });
  await row('resnet34-lr0.0005-s4').getByText('0.4321').waitFor({ timeout: 2000 });
  await s.send('POST', 'runs', {
    project: 'suburbs',
    experiment: 'encoders',
    id: 'fresh',
    name: 'fresh run',
    start_ms: Date.now(),
  });
  await row('fresh run').waitFor({ timeout: 2000 });
  await s.open('run/running');
  await page.locator('.heading .state.running').waitFor();
  await s.append('running', { state: { status: 'FINISHED', end_ms: Date.now() } });
  await page.locator('.heading .state.finished').waitFor({ timeout: 2000 });
});

test('5. wrong predictions: the most regressed image opens its pictures, which zoom as one', async () => {
  await s.open('compare?runs=run-00,run-01&tab=samples');
  await page.getByRole('button', { name: 'Most regressed first', pressed: true }).waitFor();
  const worst = page.getByRole('table', { name: 'Scores by image' }).getByRole('link').first();
  assert.equal(await worst.innerText(), 'town-b_0003.png');
  await s.shot('per-image');
  await worst.click();
  const panes = page.locator('.pane');
  await panes.nth(3).waitFor();
  assert.deepEqual(await panes.locator('figcaption span').allInnerTexts(), [
    'input',
    'truth',
    'resnet18-lr0.0003-s1 · prediction',
    'resnet18-lr0.0003-s2 · prediction',
  ]);
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.pane img')].every(img => img.naturalWidth === 128),
  );
  await page.getByRole('button', { name: 'Zoom in' }).click();
  const moved = await page
    .locator('.pane img')
    .evaluateAll(images => new Set(images.map(img => img.style.transform)).size);
  assert.equal(moved, 1, 'all pictures have one view');
  await page.getByLabel('Fade to input').fill('0.5');
  assert.equal(
    await page
      .locator('.pane img')
      .last()
      .evaluate(img => img.style.opacity),
    '0.5',
  );
  await page.getByLabel('Step', { exact: false }).first().fill('0');
  await page.getByText('Step 395').waitFor();
  await s.shot('pictures');
});

test('6. parameters are held against each other, and only what differs is told', async () => {
  await s.open('compare?runs=run-00,run-04,run-12&tab=parameters');
  const table = page.getByRole('region', { name: 'Parameter' });
  await table.getByText('training.lr').waitFor();
  assert.deepEqual(await table.locator('tbody th').allInnerTexts(), [
    'training.lr',
    'training.seed',
    'unet.encoder',
  ]);
  await page
    .getByRole('group', { name: /by training\.lr/ })
    .locator('circle')
    .first()
    .waitFor();
  await s.shot('parameters');
  await s.open('compare?runs=run-00,run-01&tab=differences');
  await page.getByText('They differ in code, pipeline steps and seeds.').waitFor();
});

test('7. why a run died is read at once', async () => {
  await s.open('run/failed');
  await page.getByText('training diverged: the loss is NaN at step 260').waitFor();
  await page.getByRole('button', { name: 'Pipeline' }).click();
  await page.getByRole('button', { name: /unet: failed/ }).click();
  await page.locator('dl.facts').getByText('an input changed: targets').waitFor();
  await s.shot('died');
});

test('8. runs are tagged, archived, and brought back', async () => {
  await s.open('p/suburbs');
  await page.getByRole('checkbox', { name: 'Choose resnet101-lr0.001-s1' }).check();
  await page.getByRole('button', { name: 'Tag…' }).click();
  await page.getByLabel('Tag', { exact: true }).fill('verdict');
  await page.getByLabel('Value').fill('no good');
  await page.getByRole('button', { name: 'Set tag' }).click();
  await page.getByText('1 run tagged').waitFor();
  assert.equal((await s.send('GET', 'runs/killed')).tags.verdict, 'no good');
  await page.getByRole('checkbox', { name: 'Choose resnet101-lr0.001-s1' }).check();
  await page.getByRole('button', { name: 'Archive', exact: true }).first().click();
  await row('resnet101-lr0.001-s1').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Archive', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Choose resnet101-lr0.001-s1' }).check();
  await s.shot('archive');
  await page.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('Nothing is archived.').waitFor();
});

test('9. a view is saved, and its link shows the same', async () => {
  await s.open(`p/suburbs?filter=${encodeURIComponent("params.`unet.encoder` = 'resnet50'")}`);
  await page.getByText('3 runs', { exact: true }).waitFor();
  await page.getByText('Views ▾').click();
  await page.getByRole('button', { name: 'Save this view…' }).click();
  await page.getByLabel('Name').fill('deep ones');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('View “deep ones” saved').waitFor();
  await s.open('p/suburbs');
  await row('resnet18-lr0.001-s1').waitFor();
  await page.getByText('Views ▾').click();
  await page.getByRole('link', { name: 'deep ones' }).click();
  await page.getByText('3 runs', { exact: true }).waitFor();
  assert.match(decodeURIComponent(page.url()), /filter=params/);
});

test('10. the table is exported with all its digits', async () => {
  await s.open('p/suburbs');
  await row('resnet18-lr0.001-s1').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const text = await readFile(await (await download).path(), 'utf8');
  const [head, ...rows] = text.split('\r\n');
  assert.match(head, /^id,name,State,valid\/ap50 \(best\),valid\/iou \(best\)/);
  assert.equal(rows.length, 27);
  const best = (await s.send('GET', 'runs/run-04')).metrics['valid/iou'].best[2];
  assert.ok(
    rows
      .find(one => one.startsWith('run-04,'))
      .split(',')
      .includes(String(best)),
  );
});

test('a wrong filter points at the spot, a right one filters, and words are completed', async () => {
  await s.open('p/suburbs');
  const filter = page.getByRole('combobox', { name: 'Filter runs' });
  await filter.fill('params.lr >');
  await filter.press('Escape');
  await filter.press('Enter');
  await page.getByRole('alert').locator('mark').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /expected/);
  await filter.fill('');
  await filter.pressSequentially('encod');
  await page.getByRole('option', { name: 'params.unet.encoder' }).waitFor();
  await s.shot('completion');
  await filter.press('Tab');
  assert.equal(await filter.inputValue(), 'params.unet.encoder ');
  await filter.pressSequentially("= 'resnet50' OR status = 'KILLED'");
  await filter.press('Escape');
  await filter.press('Enter');
  await page.getByText('4 runs', { exact: true }).waitFor();
});

test('seeds are grouped, and a verdict says what is real and what cannot be told', async () => {
  await s.open('p/suburbs?group=seeds');
  const groups = page.getByRole('region', { name: 'Groups of runs' });
  await groups.getByRole('checkbox', { name: /lr 0.001, unet.encoder resnet18/ }).check();
  await groups.getByRole('checkbox', { name: /lr 0.003, unet.encoder resnet18/ }).check();
  await s.shot('groups');
  await page.getByText('6 chosen').waitFor();
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.getByRole('button', { name: 'Is it real?' }).click();
  await page.getByRole('heading', { name: /^Real/ }).waitFor();
  await s.shot('verdict');
  await s.open('compare?runs=run-00,run-03&tab=verdict');
  await page.getByText(/n = 1: whatever the images say/).waitFor();
});

test('charts draw every run, and columns are chosen', async () => {
  await s.open('p/suburbs?show=charts');
  await page.locator('.scatter circle').nth(15).waitFor();
  await s.open('p/suburbs');
  await page.getByText('Columns ▾').click();
  await page.getByRole('searchbox', { name: 'Search columns' }).fill('loss last');
  await page.getByRole('button', { name: '+ train/loss · last' }).click();
  await page.getByRole('columnheader', { name: 'train/loss last' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search columns' }).fill('disk');
  await page.getByRole('button', { name: '+ Disk' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'Disk' }).getByRole('button').click();
  await page.waitForFunction(
    () => document.querySelector('[aria-sort="descending"]')?.textContent === 'Disk▼',
  );
  const [most, next] = (
    await s.send('POST', 'runs/search', { project: 'suburbs', order: ['artifact_bytes DESC'] })
  ).runs;
  assert.ok(most.artifact_bytes > 100_000 && most.artifact_bytes >= next.artifact_bytes);
  assert.ok(
    (await firstRow().innerText()).includes(`${Number((most.artifact_bytes / 1000).toPrecision(3))} kB`),
  );
});
