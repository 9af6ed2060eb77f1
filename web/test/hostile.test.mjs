//! Names, notes and files that would run something if they could: all of them are text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HOSTILE } from './seed.mjs';
import { stage } from './stage.mjs';

let s, page;
before(
  async () => {
    s = await stage({ pictures: 1 });
    page = s.page;
  },
  { timeout: 180_000 },
);
after(() => s?.stop());

const hacked = () => page.evaluate(() => window.hacked);

test('names of metrics, parameters, tags and runs', async () => {
  const places = [
    'p/suburbs',
    'p/suburbs?group=seeds',
    'run/hostile',
    'run/hostile?tab=curves',
    'run/hostile?tab=parameters',
    'run/hostile?tab=console',
    'compare?runs=hostile,failed',
    'compare?runs=hostile,failed&tab=parameters',
  ];
  for (const hash of places) {
    await s.open(hash);
    await page.getByText(HOSTILE).filter({ visible: true }).first().waitFor();
    await page.waitForTimeout(300);
    assert.equal(await hacked(), undefined, hash);
  }
});

test('a note in Markdown shows its script and goes nowhere', async () => {
  await s.open('run/hostile');
  const note = page.locator('.markdown');
  await note.getByText('<script>window.hacked=1</script>', { exact: false }).waitFor();
  assert.equal(await note.locator('script, img, a').count(), 0);
  assert.equal(await hacked(), undefined);
});

test('a drawing and a page with scripts are shown as text', async () => {
  for (const [file, words] of [
    ['drawing.svg', 'parent.hacked=1;top.hacked=1'],
    ['page.html', 'parent.hacked=1'],
  ]) {
    await s.open(`run/run-00?tab=files&file=${file}`);
    await page.locator('.preview pre').getByText(words, { exact: false }).waitFor();
    assert.equal(await hacked(), undefined);
  }
  // Opened by itself it is saved, not shown.
  const answer = await fetch(new URL('runs/run-00/files/drawing.svg?show', s.server.api));
  assert.match(answer.headers.get('content-disposition'), /^attachment/);
  assert.match(answer.headers.get('content-security-policy'), /sandbox/);
});
