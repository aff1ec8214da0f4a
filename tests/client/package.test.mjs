/**
 * The package as others get it: packed, installed outside the tree without a network, used by a script against the real
 * gateway, and read by the TypeScript compiler with every kind of resolution; and the README's examples, as they stand.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { addressOf, PACKAGE, ROOT, startStack } from './with.mjs';

const run = promisify(execFile);
const MODULES = join(ROOT, 'tests/client/node_modules');
let folder;
let stack;
let files;

before(async () => {
  stack = await startStack();
  folder = await mkdtemp(join(tmpdir(), 'lastword-package-'));
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: PACKAGE });
  const [{ filename, files: listed }] = JSON.parse(packed.stdout);
  files = listed.map((f) => f.path);
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)], { cwd: folder });
});
after(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

const exported = async () => Object.keys(JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')).exports);

/** Runs a module in the folder, where `WebSocket` is that of `ws` as in a browser it would be its own. */
async function node(name, source, environment = {}) {
  const socket = `import { WebSocket } from '${MODULES}/ws/wrapper.mjs';\nglobalThis.WebSocket = WebSocket;\n`;
  await writeFile(join(folder, 'socket.mjs'), socket);
  await writeFile(join(folder, name), source);
  return run(process.execPath, ['--import', './socket.mjs', name], { cwd: folder, timeout: 30_000, env: { ...process.env, ...environment } });
}

async function tsc(options, sources) {
  await mkdir(join(folder, 'types'), { recursive: true });
  for (const [name, source] of Object.entries(sources)) await writeFile(join(folder, 'types', name), source);
  const files = Object.keys(sources).map((name) => `types/${name}`);
  const args = [join(MODULES, 'typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2022'];
  try {
    await run(process.execPath, [...args, '--lib', 'es2023,dom,dom.iterable', ...options, ...files], { cwd: folder });
  } catch (e) {
    assert.fail(e.stdout);
  }
}

test('the tarball has what it needs and no more', () => {
  assert.ok(files.includes('dist/index.js') && files.includes('dist/index.d.ts') && files.includes('README.md'));
  assert.deepEqual(files.filter((f) => !/^dist\/|^README\.md$|^package\.json$/.test(f)), []);
});

test('installed outside the tree it asks the gateway', async () => {
  const { stdout } = await node(
    'ask.mjs',
    `import { Client, uuid } from '@lastword/client';
const client = new Client({ url: process.env.LASTWORD_URL });
client.connect();
const stream = client.send({ chat: uuid(), input: 'From afar', model: 'echo' });
const { state, verified } = await stream.finished;
console.log(JSON.stringify([state, verified, stream.text]));
client.close();`,
    { LASTWORD_URL: addressOf(stack) },
  );
  assert.deepEqual(JSON.parse(stdout), ['complete', true, 'From afar']);
});

test('every export can be imported', async () => {
  const names = (await exported()).filter((name) => !/-script|json/.test(name));
  const { stdout } = await node(
    'all.mjs',
    names.map((name, i) => `import * as m${i} from '${name.replace('.', '@lastword/client')}';\n`).join('') +
      `console.log([${names.map((_, i) => `Object.keys(m${i}).length`)}].every((n) => n > 0));`,
  );
  assert.equal(stdout.trim(), 'true');
});

test('every export has its types, by each way to resolve them', async () => {
  const names = (await exported()).filter((name) => !name.endsWith('json'));
  const source = names.map((name, i) => `import * as m${i} from '${name.replace('.', '@lastword/client')}';\nexport { m${i} };\n`).join('');
  await tsc(['--module', 'nodenext', '--moduleResolution', 'nodenext'], { 'all.mts': source });
  await tsc(['--module', 'esnext', '--moduleResolution', 'bundler'], { 'all.ts': source });
});

test('the transport is a ChatTransport of ai 6 and 7, and any client will do for it', async () => {
  for (const name of ['ai6', 'ai7']) await symlink(join(MODULES, name), join(folder, 'node_modules', name)).catch(() => {});
  const source = (ai) => `import type { ChatTransport, UIMessage } from '${ai}';
import { LastwordTransport, standingParts } from '@lastword/client/ai-sdk';
import { Client } from '@lastword/client';
import { WorkerClient } from '@lastword/client/worker';
import { SharedWorkerClient } from '@lastword/client/shared-worker';
type Mine = UIMessage<{ mine: string }, { note: { text: string } }>;
for (const client of [new Client(), new WorkerClient(), new SharedWorkerClient()]) {
  const plain: ChatTransport<UIMessage> = new LastwordTransport({ client });
  const mine: ChatTransport<Mine> = new LastwordTransport({ client, params: { temperature: 0 } });
  console.log(plain, mine);
}
export const parts = (message: Mine): Mine['parts'] => standingParts(message);
`;
  const options = ['--module', 'esnext', '--moduleResolution', 'bundler', '--skipLibCheck'];
  await tsc(options, { 'ai6.ts': source('ai6'), 'ai7.ts': source('ai7') });
});

test('the examples of the README', async (t) => {
  const readme = await readFile(join(folder, 'node_modules/@lastword/client/README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^## (.*?)$|^```(js|ts)\n([^]*?)^```$/gm)];
  let section = '';
  let [ran, read] = [0, {}];
  for (const [, title, language, source] of blocks) {
    if (title) section = title;
    else if (language === 'ts') read[`example${Object.keys(read).length}.ts`] = source;
    else {
      await t.test(section, async () => {
        const { stdout } = await node(`example${ran}.mjs`, source.replaceAll('ws://127.0.0.1:8080/v1/ws', addressOf(stack)));
        assert.match(stdout, { Ask: /Hello\n complete true [0-9a-f]{8}/, Stop: /^cancelled\n$/, 'Come back': /^complete true \d{4}\n$/ }[section]);
      });
      ran++;
    }
  }
  assert.equal(ran, 3);
  assert.ok(Object.keys(read).length >= 3);
  await tsc(['--module', 'esnext', '--moduleResolution', 'bundler'], read);
});

test('lastword-ask', async () => {
  const bin = join(folder, 'node_modules/.bin/lastword-ask');
  const env = { ...process.env, LASTWORD_URL: addressOf(stack), NODE_OPTIONS: '--import ./socket.mjs' };
  const ask = (...words) => run(bin, words, { cwd: folder, env, timeout: 30_000 });
  const { stdout } = await ask('--model', 'echo', 'Hello', 'there');
  assert.equal(stdout, 'Hello there\n');
  const json = JSON.parse((await ask('--model', 'brisk', '--json', 'Hello')).stdout);
  assert.deepEqual([json.state, json.verified, json.text], ['complete', true, await stack.wholeAnswer('richierich', 'Hello')]);
  await assert.rejects(ask('--model', 'none', 'Hello'), (e) => e.code === 1 && /NOT_FOUND/.test(e.stderr));
  await assert.rejects(ask(), (e) => e.code === 2 && /usage/.test(e.stderr));
});
