//! A published project on a plain file server: table, curves and pictures without the tracker.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { seedProject } from './seed.mjs';
import { start } from './serve.mjs';
import { binary, launch, screens, watched } from './stage.mjs';

let folder, files, browser, page, wrong, url;

before(
  async () => {
    const server = await start(binary, { keep: true });
    await seedProject(server.api, { pictures: 4 });
    await server.stop();
    folder = await mkdtemp(join(tmpdir(), 'footpath-published-'));
    await promisify(execFile)(binary, ['--store', server.store, '--publish', 'suburbs', '--out', folder]);
    await rm(server.store, { recursive: true });
    // Python's own server, which knows nothing of the page.
    files = spawn('python3', ['-u', '-m', 'http.server', '0', '--bind', '127.0.0.1', '-d', folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    url = await new Promise(resolve => {
      let told = '';
      files.stdout.on('data', data => {
        told += data;
        const port = /port (\d+)/.exec(told);
        if (port) resolve(`http://127.0.0.1:${port[1]}`);
      });
    });
    browser = await launch();
    ({ page, wrong } = await watched(browser, url));
  },
  { timeout: 180_000 },
);
after(async () => {
  await browser?.close();
  files?.kill();
  if (folder) await rm(folder, { recursive: true });
  assert.deepEqual(wrong ?? [], []);
});

const open = async hash => {
  await page.goto('about:blank');
  await page.goto(`${url}/#/${hash}`);
};
const row = name => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });

test('the table sorts and filters', async () => {
  await open('');
  await page.getByText('Published copy').waitFor();
  await page.getByRole('link', { name: /suburbs/ }).click();
  await page.getByText('26 runs', { exact: true }).waitFor();
  await page.getByRole('columnheader', { name: 'valid/iou best' }).getByRole('button').click();
  await page.waitForFunction(() => document.querySelector('[aria-sort="descending"]'));
  assert.match(await page.getByRole('rowgroup').last().getByRole('row').first().innerText(), /lr0\.001/);
  const filter = page.getByRole('combobox', { name: 'Filter runs' });
  await filter.fill("params.`unet.encoder` = 'resnet50' AND best(metrics.valid/iou) > 0.6");
  await filter.press('Escape');
  await filter.press('Enter');
  await page.getByText('2 runs', { exact: true }).waitFor();
  await row('resnet50-lr0.001-s1').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Archive' }).count(), 0, 'nothing can be changed');
  await page.screenshot({ path: `${screens}published-table.png` });
});

test('curves, pictures and files are there', async () => {
  await open('compare?runs=run-00,run-04');
  await page.locator('.plot canvas').nth(3).waitFor();
  await open('compare?runs=run-00,run-01&tab=pictures');
  await page.locator('.pane').nth(3).waitFor();
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.pane img')].every(img => img.naturalWidth === 128),
  );
  await page.screenshot({ path: `${screens}published-pictures.png` });
  await open('run/run-00?tab=files&file=drawing.svg');
  await page.locator('.preview pre').getByText('parent.hacked=1', { exact: false }).waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await open('run/hostile');
  await page.locator('.markdown').waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

test('a spike of a long series is there', async () => {
  await open('run/run-04?tab=curves');
  await page.locator('.plot').filter({ hasText: 'train/loss' }).locator('canvas').waitFor();
  const project = JSON.parse(await readFile(join(folder, 'data/project.json'), 'utf8'));
  const number = project.runs.findIndex(run => run.id === 'run-04');
  const { packs } = JSON.parse(await readFile(join(folder, `data/runs/${number}/run.json`), 'utf8'));
  const points = JSON.parse(
    await readFile(join(folder, `data/runs/${number}/points-${packs['train/loss']}.json`), 'utf8'),
  );
  assert.ok(points['train/loss'].some(point => point[0] === 901 && point[2] > 2));
});
