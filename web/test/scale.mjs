//! How quick the page is with 10,000 runs of 200 columns, 12,000 metric names and a million points. Prints what it
//! measured, and fails where a bound is missed: FOOTPATH_SERVER names the server's program, built for release.
//!
//! A first paint is the time from the start of the navigation to the frame after what is waited for stands in the
//! page.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { CURVES, seedScale } from './seed-scale.mjs';
import { stage } from './stage.mjs';

const BOUNDS = { leaderboard: 1000, longTask: 100, comparison: 1000 };
const RUNS = Number(process.env.SCALE_RUNS ?? 10_000);
const NAMES = Number(process.env.SCALE_NAMES ?? 12_000);
const POINTS = Number(process.env.SCALE_POINTS ?? 1_000_000);

// With SCALE_STORE the seeded store is kept there, and not seeded again.
const at = process.env.SCALE_STORE;
const seeded = at !== undefined && existsSync(at);
const s = await stage({ empty: true, at });
const { page } = s;
const began = Date.now();
const log = text => console.log(`# ${text}`);
if (!seeded) {
  await seedScale(s.server.api, { runs: RUNS, names: NAMES, points: POINTS, log });
  log(`seeded in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}

/** Opens a screen; gives the milliseconds until as many elements of a kind are painted. */
async function painted(hash, selector, count) {
  await s.open(hash);
  return page.evaluate(
    ([selector, count]) =>
      new Promise(resolve => {
        const look = () => {
          if (document.querySelectorAll(selector).length >= count)
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
          else requestAnimationFrame(look);
        };
        look();
      }),
    [selector, count],
  );
}

/**
 * The longest task of the page's thread while something is done, in milliseconds, by a Chrome trace: as the clock on
 * the wall has it, and the thread's own, which other work on the machine does not lengthen.
 */
async function longest(name, work) {
  await page.waitForTimeout(500);
  await s.browser.startTracing(page, {
    categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'],
  });
  await work();
  await page.waitForTimeout(500);
  const { traceEvents } = JSON.parse((await s.browser.stopTracing()).toString());
  const of = event => `${event.pid} ${event.tid}`;
  const named = traceEvents.filter(
    event => event.name === 'thread_name' && event.args.name === 'CrRendererMain',
  );
  const threads = new Set(named.map(of));
  const tasks = traceEvents.filter(
    event => event.ph === 'X' && event.name.endsWith('RunTask') && threads.has(of(event)),
  );
  found[`${name}_longest_task_ms`] = Math.round(Math.max(0, ...tasks.map(task => task.dur / 1000)));
  found[`${name}_longest_task_cpu_ms`] = Math.round(
    Math.max(0, ...tasks.map(task => (task.tdur ?? 0) / 1000)),
  );
}

const median = values => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
async function repeated(work, times = 5) {
  const values = [];
  for (let time = 0; time < times; time += 1) values.push(await work());
  return Math.round(median(values));
}

const columns = [
  ...Array.from({ length: 100 }, (_, key) => `best:metric/${key}`),
  ...Array.from({ length: 100 }, (_, key) => `param:param.${key}`),
];
const all = `p/scale?columns=${encodeURIComponent(columns.join('\n'))}`;
// Told as it is measured.
const found = new Proxy(
  {},
  {
    set(all, name, measured) {
      all[name] = measured;
      console.log(`${name}: ${measured}`);
      return true;
    },
  },
);
const rows = '.table [data-row]';

found.leaderboard_ms = await repeated(() => painted('p/scale', rows, 15));
found.leaderboard_200_columns_ms = await repeated(() => painted(all, rows, 15));
await page.mouse.move(800, 500);
await longest('scroll', async () => {
  for (let step = 0; step < 120; step += 1) {
    await page.mouse.wheel(0, 600);
    await page.waitForTimeout(16);
  }
  for (let step = 0; step < 80; step += 1) {
    await page.mouse.wheel(step < 40 ? 500 : -500, 0);
    await page.waitForTimeout(16);
  }
});
const sorts = [];
await longest('sort', async () => {
  await page.locator('.table').evaluate(table => table.scrollTo(0, 0));
  for (const key of [0, 1, 2]) {
    const answered = page.waitForResponse(
      answer =>
        answer.url().endsWith('/search') &&
        answer.request().postDataJSON().order[0]?.includes(`metric/${key}`),
    );
    const from = Date.now();
    await page
      .getByRole('columnheader', { name: `metric/${key} best`, exact: true })
      .getByRole('button')
      .click();
    await answered;
    await page.waitForFunction(
      key => document.querySelector('[aria-sort="descending"]')?.textContent.startsWith(`metric/${key}`),
      key,
    );
    sorts.push(Date.now() - from);
  }
});
found.sort_ms = median(sorts);
found.comparison_20_runs_5_metrics_ms = await repeated(() =>
  painted(`compare?runs=${CURVES.join(',')}`, '.plot .u-over', 5),
);
found.wide_first_plots_ms = await repeated(() => painted('run/wide?tab=curves', '.plot .u-over', 3), 3);
await longest('wide_scroll', async () => {
  for (let step = 0; step < 60; step += 1) {
    await page.mouse.wheel(0, 800);
    await page.waitForTimeout(30);
  }
});
found.million_points_ms = await repeated(() => painted('run/long?tab=curves', '.plot .u-over', 1), 3);
found.first_script_bytes = (
  await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(entry => entry.name.endsWith('.js'))
      .map(entry => entry.encodedBodySize),
  )
).reduce((a, b) => a + b, 0);
await s.shot('scale');
await s.stop();

assert.ok(found.leaderboard_200_columns_ms < BOUNDS.leaderboard, 'the leaderboard is painted too late');
assert.ok(
  found.scroll_longest_task_cpu_ms < BOUNDS.longTask && found.sort_longest_task_cpu_ms < BOUNDS.longTask,
  'scrolling or sorting has a long task',
);
assert.ok(found.comparison_20_runs_5_metrics_ms < BOUNDS.comparison, 'the comparison is drawn too late');
