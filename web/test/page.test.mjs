//! What people do, in a real browser against the real server: FOOTPATH_SERVER names its program.
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { start } from './serve.mjs';

const HOSTILE = '<img src=x onerror="window.hacked=1">';
const binary = process.env.FOOTPATH_SERVER;
assert.ok(binary, 'FOOTPATH_SERVER must name the footpath-server program');
const screens = new URL('../screens/', import.meta.url).pathname;
let server, browser, context, page;

async function send(method, path, body) {
  const answer = await fetch(server.api + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}
const append = (run, sequence, batch) => send('POST', `runs/${run}/append`, { writer: 'test', sequence, batch });

before(async () => {
  await mkdir(screens, { recursive: true });
  server = await start(binary);
  const start_ms = Date.now() - 3_600_000;
  for (let number = 0; number < 300; number++) {
    const id = `r${number}`;
    await send('POST', 'runs', { project: 'maps', experiment: 'unet', id, name: `run ${number}`, start_ms: start_ms + number * 1000 });
    const steps = number === 0 ? 20_000 : 40;
    const loss = Array.from({ length: steps }, (_, step) => [step, start_ms + step, step === 12_345 ? 99 : 1 / (1 + step / 10)]);
    const iou = loss.map(([step, time]) => [step, time, 0.4 + number / 1000 - 0.2 / (1 + step)]);
    await append(id, 1, { params: [['lr', String(number % 3 ? 0.001 : 0.01)], ['seed', String(number)]], metrics: { 'train/loss': loss, 'valid/iou': iou, [HOSTILE]: [[0, start_ms, 1]] } });
  }
  await append('r1', 2, { tags: { 'mlflow.note.content': `# Note\n<script>window.hacked=1</script>${HOSTILE}` }, state: { status: 'FAILED', reason: 'ValueError: bad tile 7', end_ms: Date.now() } });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('request', request => assert.ok(/^(data|blob):/.test(request.url()) || request.url().startsWith(server.url), request.url()));
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = async hash => { await page.goto('about:blank'); await page.goto(`${server.url}/#/${hash}`); };
const row = name => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });

test('the script of the first page is under 250 kB compressed', async () => {
  const folder = new URL('../dist/assets/', import.meta.url);
  const scripts = (await readdir(folder)).filter(name => name.endsWith('.js'));
  const sizes = await Promise.all(scripts.map(async name => gzipSync(await readFile(new URL(name, folder))).length));
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 250_000);
});

test('the best run is found by sorting, and the order has a link', async () => {
  await open('');
  await page.getByRole('link', { name: /maps/ }).click();
  await page.getByRole('button', { name: 'valid/iou (best)' }).click();
  await page.getByRole('columnheader', { name: 'valid/iou (best) ↓' }).waitFor();
  await row('run 299').waitFor();
  const first = page.getByRole('rowgroup').last().getByRole('row').first();
  assert.match(await first.innerText(), /run 299\s/);
  assert.match(page.url(), /order=best/);
});

test('a wrong filter points at the spot, a right one filters', async () => {
  await open('p/maps');
  const filter = page.getByRole('searchbox', { name: 'Filter runs' });
  await filter.fill('params.lr >');
  await filter.press('Enter');
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /\^/);
  await filter.fill('params.seed = "7" OR params.seed = "8"');
  await filter.press('Enter');
  await page.getByText('2 runs', { exact: true }).waitFor();
});

test('three runs are compared and only what differs is told', async () => {
  await open('p/maps');
  for (const name of ['run 299', 'run 298', 'run 297']) await page.getByRole('checkbox', { name: `Choose ${name}`, exact: true }).check();
  await page.getByRole('link', { name: 'Compare' }).click();
  await page.getByRole('heading', { name: 'Compare 3 runs' }).waitFor();
  assert.match(await page.getByRole('region', { name: 'Parameter' }).innerText(), /seed/);
  await page.locator('.plot canvas').first().waitFor();
});

test('a spike in a long series is zoomed into, exactly', async () => {
  await open('run/r0?tab=curves');
  const plot = page.locator('.plot').filter({ hasText: 'train/loss' });
  const over = plot.locator('.u-over');
  await over.waitFor();
  await page.waitForTimeout(300);
  const box = await over.boundingBox();
  const at = box.x + (box.width * 12_345) / 19_999;
  const asked = page.waitForResponse(answer => answer.url().endsWith('/envelopes') && !!answer.request().postDataJSON().zoom.from_step);
  await page.mouse.move(at - 15, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(at + 15, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const told = await (await asked).json();
  assert.ok(told.series[0].buckets.some(bucket => bucket.max[2] === 99 && bucket.max[0] === 12_345));
  await plot.getByRole('button', { name: 'Whole range' }).click();
});

test('why a run died is read, and hostile names and notes are text', async () => {
  await open('run/r1');
  await page.getByText('ValueError: bad tile 7').waitFor();
  await page.getByText('<script>window.hacked=1</script>', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'curves' }).click();
  await page.getByText(HOSTILE, { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

test('a new run appears within two seconds', async () => {
  await open('p/maps');
  await page.getByText('Live', { exact: true }).waitFor();
  await row('run 299').waitFor();
  await send('POST', 'runs', { project: 'maps', experiment: 'unet', id: 'fresh', name: 'fresh run', start_ms: Date.now() });
  await row('fresh run').waitFor({ timeout: 2000 });
});

test('runs are tagged and deleted in bulk', async () => {
  await open('p/maps');
  await page.getByRole('checkbox', { name: 'Choose fresh run' }).check();
  page.once('dialog', dialog => void dialog.accept('keep=yes'));
  await page.getByRole('button', { name: 'Tag', exact: true }).click();
  await page.getByText('1 runs tagged').waitFor();
  await page.getByRole('checkbox', { name: 'Choose fresh run' }).check();
  await page.getByRole('button', { name: 'Delete' }).click();
  await row('fresh run').waitFor({ state: 'detached' });
});

test('a view is saved and its link opens; the table is exported', async () => {
  await open(`p/maps?filter=${encodeURIComponent('params.seed = "7"')}`);
  await page.getByText('1 runs', { exact: true }).waitFor();
  page.once('dialog', dialog => void dialog.accept('seven'));
  await page.getByRole('button', { name: 'Save view' }).click();
  await page.getByText('View “seven” saved').waitFor();
  await open('p/maps');
  await page.getByRole('combobox', { name: 'Saved views' }).selectOption({ label: 'seven' });
  await page.getByText('1 runs', { exact: true }).or(page.getByText('View “seven” saved')).waitFor();
  await row('run 299').waitFor({ state: 'detached' });
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  assert.match(await readFile(await (await download).path(), 'utf8'), /^id,name,State.*\r\nr7,run 7,/s);
});

for (const scheme of ['light', 'dark'])
  test(`axe finds nothing serious on any screen, ${scheme}`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    const places = { projects: '', runs: 'p/maps', run: 'run/r1', curves: 'run/r0?tab=curves', pipeline: 'run/r1?tab=pipeline', files: 'run/r1?tab=files', compare: 'compare?runs=r297,r298,r299' };
    for (const [name, hash] of Object.entries(places)) {
      await open(hash);
      await page.getByRole('heading').first().waitFor();
      await page.waitForLoadState('load');
      await page.waitForTimeout(400);
      for (const width of [1440, 1024, 768]) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: `${screens}${name}-${scheme}-${width}.png` });
      }
      const found = await new AxeBuilder({ page }).analyze();
      const serious = found.violations.filter(one => one.impact === 'serious' || one.impact === 'critical');
      assert.deepEqual(serious.map(one => `${name}: ${one.id}: ${one.nodes[0]?.html} ${one.nodes[0]?.failureSummary}`), []);
      await page.setViewportSize({ width: 1440, height: 900 });
    }
  });
