//! Every screen in light and dark at three widths: pictures to look at, and what axe finds.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import { stage } from './stage.mjs';

const SCREENS = {
  projects: '',
  table: 'p/suburbs',
  groups: 'p/suburbs?group=seeds',
  charts: 'p/suburbs?show=charts',
  overview: 'run/run-00',
  failed: 'run/failed',
  curves: 'run/run-04?tab=curves',
  pictures: 'run/run-00?tab=pictures',
  parameters: 'run/run-00?tab=parameters',
  pipeline: 'run/run-00?tab=pipeline',
  json: 'run/run-00?tab=files&file=metrics.json',
  csv: 'run/run-00?tab=files&file=scores.csv',
  map: 'run/run-00?tab=files&file=found.geojson',
  console: 'run/run-00?tab=console',
  source: 'run/run-00?tab=source',
  inputs: 'run/run-00?tab=inputs',
  system: 'run/run-00?tab=system',
  'compare-curves': 'compare?runs=run-00,run-01,run-03,run-04&bands=1',
  'compare-parameters': 'compare?runs=run-00,run-04,run-12&tab=parameters',
  'compare-pictures': 'compare?runs=run-00,run-03&tab=pictures',
  'compare-samples': 'compare?runs=run-00,run-03&tab=samples',
  verdict: 'compare?runs=run-00,run-01,run-02,run-03,run-04,run-05&tab=verdict',
  differences: 'compare?runs=run-00,run-04&tab=differences',
};

let s, page;
before(
  async () => {
    s = await stage();
    page = s.page;
  },
  { timeout: 180_000 },
);
after(() => s?.stop());

test('the script of the first page is under 250 kB compressed', async () => {
  const dist = new URL('../dist/', import.meta.url);
  const index = await readFile(new URL('index.html', dist), 'utf8');
  const first = [...index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(found => found[1]);
  const sizes = await Promise.all(
    first.map(async name => gzipSync(await readFile(new URL(name, dist))).length),
  );
  const all = (await readdir(new URL('assets/', dist))).filter(name => name.endsWith('.js'));
  assert.ok(first.length > 0 && all.length > first.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total < 250_000, `${total}`);
  console.log(`# first script: ${total} bytes compressed`);
});

for (const scheme of ['light', 'dark'])
  test(`axe finds nothing serious, ${scheme}`, { timeout: 600_000 }, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    const serious = [];
    for (const [name, hash] of Object.entries(SCREENS)) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await s.open(hash);
      await page.locator('h1').first().waitFor();
      await page.waitForLoadState('networkidle').catch(() => undefined);
      await page.waitForFunction(() => !document.querySelector('[role="status"]:not(.live)'));
      for (const width of [1440, 1024, 768]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(150);
        await s.shot(`${name}-${scheme}-${width}`);
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.ok(wide <= 0, `${name} is ${wide} px wider than ${width}`);
      }
      const found = await new AxeBuilder({ page }).analyze();
      serious.push(
        ...found.violations
          .filter(one => one.impact === 'serious' || one.impact === 'critical')
          .map(one => `${name}: ${one.id}: ${one.nodes[0]?.html} ${one.nodes[0]?.failureSummary}`),
      );
    }
    assert.deepEqual(serious, []);
  });

test('everything is reached by keys', async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await s.open('p/suburbs');
  await page.getByRole('link', { name: 'resnet18-lr0.001-s1' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  const seen = new Set();
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    seen.add(
      await page.evaluate(() => {
        const at = document.activeElement;
        return at.getAttribute('aria-label') ?? at.textContent.trim();
      }),
    );
  }
  for (const name of [
    'Filter runs',
    'Table',
    'Charts',
    'Group ▾',
    'Columns ▾',
    'Views ▾',
    'Archive',
    'CSV',
    'Runs',
  ])
    assert.ok(seen.has(name), `${name} is not reached: ${[...seen].join(' | ')}`);
  await page.getByRole('link', { name: 'resnet34-lr0.0005-s4' }).focus();
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement.closest('[data-row="1"]'));
});
