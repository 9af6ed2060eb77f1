//! The real server, with the built page in front of it under the policy the server sends with it.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const KINDS = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Starts both; `url` is the page's address, `stop` ends them; the store goes too unless it is kept or was there. */
export async function start(binary, { keep = false, at } = {}) {
  const store = at ?? (await mkdtemp(join(tmpdir(), 'footpath-page-')));
  const server = spawn(binary, ['--listen', '127.0.0.1:0', '--store', store], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const back = await new Promise((resolve, reject) => {
    let told = '';
    server.on('error', reject);
    server.on('exit', code => reject(new Error(`the server ended with ${code}`)));
    server.stdout.on('data', data => {
      told += data;
      const address = /listening on (http:\/\/\S+)/.exec(told);
      if (address) resolve(new URL(address[1]));
    });
  });
  const front = http.createServer(async (request, response) => {
    const path = new URL(request.url, back).pathname;
    if (path.startsWith('/api')) {
      const headers = { ...request.headers, host: back.host };
      delete headers.origin;
      const passed = http.request(new URL(request.url, back), { method: request.method, headers }, answer => {
        response.writeHead(answer.statusCode, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      });
      passed.on('error', () => response.destroy());
      response.on('close', () => passed.destroy());
      request.pipe(passed);
      return;
    }
    try {
      const file = normalize(join(dist, path === '/' ? 'index.html' : path));
      if (!file.startsWith(dist)) throw new Error('outside');
      const content = await readFile(file);
      response
        .writeHead(200, {
          'content-type': KINDS[extname(file)] ?? 'application/octet-stream',
          'content-security-policy': POLICY,
        })
        .end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise(resolve => front.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    front.closeAllConnections();
    front.close();
    server.removeAllListeners('exit');
    server.kill();
    await new Promise(resolve => server.once('exit', resolve));
    if (!keep && !at) await rm(store, { recursive: true });
  };
  return {
    url: `http://127.0.0.1:${front.address().port}`,
    api: new URL('/api/v1/', back).href,
    store,
    stop,
  };
}
