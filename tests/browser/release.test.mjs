/** The page as a file of a release: the same bytes each time, unpacked without Node.js, served with its caching and compression. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { PAGE, ROOT, Stack } from './stack.mjs';

const run = promisify(execFile);
let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'lastword-release-'))));
after(() => rm(folder, { recursive: true, force: true }));

const pack = async (to) => (await run(join(ROOT, 'deploy/page'), [join(folder, to)])).stdout.trim();

/** What deploy/up does of it, in a tree of its own and with a PATH that has no Node.js. */
async function unpack(tar) {
  const tree = join(folder, 'tree');
  await cp(join(ROOT, 'deploy/lib.sh'), join(tree, 'deploy/lib.sh'));
  const script = 'set -euo pipefail; . "$1/deploy/lib.sh"; node() { exit 9; }; npm() { exit 9; }; build_page; echo "$page_dir"';
  return (await run('bash', ['-c', script, 'sh', tree], { env: { PATH: '/usr/bin:/bin', LASTWORD_PAGE_TAR: tar } })).stdout.trim();
}

test('packed twice it is the same, and unpacked it is the page', async () => {
  const [one, two] = [await pack('one'), await pack('two')];
  assert.deepEqual(await readFile(one), await readFile(two));
  await run('sha256sum', ['-c', `${one}.sha256`], { cwd: join(folder, 'one') });
  const page = await unpack(one);
  const names = (await readdir(PAGE, { recursive: true })).sort();
  assert.deepEqual((await readdir(page, { recursive: true })).sort(), names);
  for (const name of names) {
    if ((await stat(join(PAGE, name))).isFile()) assert.deepEqual(await readFile(join(page, name)), await readFile(join(PAGE, name)), name);
  }
  const bytes = await readFile(one);
  bytes[bytes.length >> 1] ^= 1;
  await writeFile(one, bytes);
  await assert.rejects(unpack(one), /not what its .sha256 says/);
});

/** Status, headers and raw body. */
const get = (url, encoding) =>
  new Promise((resolve, reject) => {
    request(url, { headers: { 'accept-encoding': encoding } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    })
      .on('error', reject)
      .end();
  });

test('assets are kept for long, the page is asked for anew, both come compressed', async () => {
  const stack = await Stack.start();
  try {
    const plain = await readFile(join(PAGE, 'index.html'));
    const html = await get(stack.url, 'br');
    assert.equal(html.headers['cache-control'], 'no-cache');
    assert.deepEqual(brotliDecompressSync(html.body), plain);
    const assets = [...String(plain).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);
    assert.ok(assets.length >= 3, assets.join());
    for (const path of assets) {
      assert.match(path, /-[\w-]{8}\.\w+$/);
      const whole = await readFile(join(PAGE, path));
      for (const [encoding, undo] of [['gzip', gunzipSync], ['br', brotliDecompressSync], ['identity', (b) => b]]) {
        const { status, headers, body } = await get(new URL(path, stack.url), encoding);
        assert.equal(status, 200);
        assert.match(headers['cache-control'], /max-age=31536000, immutable/);
        assert.equal(headers['content-encoding'], encoding === 'identity' ? undefined : encoding);
        assert.deepEqual(undo(body), whole);
      }
    }
  } finally {
    await stack.close();
  }
});
