//! What every test of the page needs: the real server with a project in it, and a browser that asks no other host.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { seedProject } from './seed.mjs';
import { start } from './serve.mjs';

export const binary = process.env.FOOTPATH_SERVER;
assert.ok(binary, 'FOOTPATH_SERVER must name the footpath-server program');
export const screens = new URL('../screens/', import.meta.url).pathname;

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
}

/** A page of a browser that fails the test if it asks another host or throws. */
export async function watched(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  page.on('request', request => {
    if (!/^(data|blob|about):/.test(request.url()) && !request.url().startsWith(url))
      wrong.push(`asked ${request.url()}`);
  });
  page.on('pageerror', error => wrong.push(error.message));
  return { page, wrong };
}

/** Server, project and browser; `stop` ends them. */
export async function stage(options = {}) {
  await mkdir(screens, { recursive: true });
  const server = await start(binary, { at: options.at });
  const seeded = options.empty ? {} : await seedProject(server.api, options);
  const browser = await launch();
  const { page, wrong } = await watched(browser, server.url);
  const open = async hash => {
    await page.goto('about:blank');
    await page.goto(`${server.url}/#/${hash}`);
  };
  const shot = name => page.screenshot({ path: `${screens}${name}.png` });
  const stop = async () => {
    await browser.close();
    await server.stop();
    assert.deepEqual(wrong, []);
  };
  return { server, browser, page, open, shot, stop, ...seeded };
}
