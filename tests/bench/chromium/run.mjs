#!/usr/bin/env node
/**
 * The page in Chromium, beside React with Streamdown and useChat with Streamdown, on the same feed: Markdown at 500
 * tokens/s from the real gateway and mock, while somebody types.
 *
 *     npm ci; node run.mjs            everything, about five minutes; prints Markdown
 *     --only lastword,streamdown      some of: lastword, streamdown, usechat
 *     --parts 1x,4x,heap              some of: 1x, 4x (processor throttled), heap (ten answers)
 *     --tokens 3000                   a shorter answer
 *     --build FOLDER                  where lastword and richierich are (default: build/release)
 *     --page FOLDER                   the built page (default: frontend/app/dist)
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildPage } from './pages.mjs';
import { gateway, Line, program, Program } from './programs.mjs';
import { heap, stream } from './measure.mjs';
import { heapTable, streamTable } from './table.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const { values: o } = parseArgs({
  options: {
    only: { type: 'string', default: 'lastword,streamdown,usechat' },
    parts: { type: 'string', default: '1x,4x,heap' },
    tokens: { type: 'string', default: '10000' },
    build: { type: 'string', default: join(ROOT, 'build/release') },
    page: { type: 'string', default: join(ROOT, 'frontend/app/dist') },
  },
});
const feed = { tokens: Number(o.tokens), rate: 500 };
const parts = o.parts.split(',');

async function measure(name, folder, mock) {
  const page = name === 'lastword' ? o.page : await buildPage(name, join(folder, name), ROOT);
  const server = await gateway(program(o.build, 'lastword'), folder, name, page, mock.port, feed);
  const line = await new Line().start(server.port);
  const got = { name };
  try {
    for (const part of parts) {
      if (part === 'heap') got.heap = await heap(name, line);
      else got[part] = await stream(name, line, feed, parseInt(part, 10));
      console.error(name, part, JSON.stringify(got[part]));
    }
  } finally {
    line.stop();
    await server.stop();
  }
  return got;
}

const folder = await mkdtemp(join(tmpdir(), 'lastword-bench-'));
const mock = await new Program([program(o.build, 'richierich', 'upstream/mock/richierich'), '--port', '0']).start();
try {
  console.log(`${feed.tokens} tokens of Markdown at ${feed.rate}/s on ${cpus().length} processors (${cpus()[0].model}), load ${loadavg()[0].toFixed(2)} at the start\n`);
  const results = [];
  for (const name of o.only.split(',')) results.push(await measure(name, folder, mock));
  for (const part of parts) console.log(part === 'heap' ? heapTable(results) : streamTable(results, part));
} finally {
  await mock.stop();
  await rm(folder, { recursive: true, force: true });
}
