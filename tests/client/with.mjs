/**
 * What the tests of the client share: the real gateway and mock (tests/browser/stack.mjs, without a browser), the built
 * client on `ws`, and waiting on a state.
 */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

const HERE = dirname(fileURLToPath(import.meta.url));
process.env.PAGE = join(HERE, 'page');
const { Stack } = await import('../browser/stack.mjs');

export { WebSocket };
export const ROOT = join(HERE, '../..');
export const PACKAGE = join(ROOT, 'frontend/client');
export const { Client, crc32c, crcHex, uuid } = await import(join(PACKAGE, 'dist/index.js'));

/** Models of these tests, by what of the mock they are. */
const ROUTES = {
  brisk: 'richierich@rate=400',
  quick: 'richierich@rate=1000',
  slow: 'richierich-slow',
  echo: 'richierich-echo@rate=0',
  flood: 'richierich@rate=3000,tokens=3000',
  'cut-once': 'richierich-s08-rst-once@rate=200,fault_after=30',
  'cut-forever': 'richierich-s08-rst-forever@fault_after=20',
};
const routes = Object.entries(ROUTES).map(([model, to]) => `  - {model: ${model}, to: [{upstream: mock, model: "${to}"}]}\n`);

/** No browser; upstreams that are tried again at once. */
export const startStack = (options = {}) =>
  Stack.start(`upstream: {backoff_ms: 20, breaker_failures: 1000}\nroutes:\n${routes.join('')}`, { browser: false, ...options });

export const addressOf = (stack) => `ws://127.0.0.1:${stack.wire.port}/v1/ws`;

export const crcOf = (text) => crcHex(crc32c(new TextEncoder().encode(text)));

/** What `look` gives once it is truthy. */
export async function until(look, what = look.toString(), timeout = 30_000) {
  for (const end = Date.now() + timeout; ; ) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
