/**
 * The client in a Worker and in a SharedWorker, in a real browser against the real gateway: its built modules as they
 * are, under the gateway's own Content-Security-Policy, on a page that has nothing else.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const folder = await mkdtemp(join(tmpdir(), 'lastword-workers-'));
await cp(join(ROOT, 'frontend/client/dist'), join(folder, 'client'), { recursive: true });
await writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>');
await writeFile(
  join(folder, 'page.js'),
  `import { WorkerClient } from '/client/worker.js';
import { SharedWorkerClient } from '/client/shared-worker.js';
Object.assign(globalThis, { WorkerClient, SharedWorkerClient });
document.body.dataset.ready = '';`,
);
process.env.PAGE = folder;
const { Stack, crcOf } = await import('./stack.mjs');

const MODEL = 'richierich';
const ROUTES = `limits: {disconnect_ms: 200}
routes:
  - {model: richierich, to: [{upstream: mock, model: "richierich@rate=150"}]}
  - {model: richierich-echo, to: [{upstream: mock, model: richierich-echo}]}
  - {model: slow, to: [{upstream: mock, model: richierich-slow}]}
  - {model: flood, to: [{upstream: mock, model: "richierich@rate=3000,tokens=3000"}]}
`;
let stack;
before(async () => (stack = await Stack.start(ROUTES)));
afterEach(async () => {
  stack.wire.mend();
  await stack.closePages();
});
after(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

async function open(context) {
  const page = await (context ? stack.openIn(context, '', false) : stack.open({}, false));
  await page.waitForSelector('body[data-ready]', { state: 'attached' });
  return page;
}

/** A client in `page`, connected. */
async function connect(page, kind, options = {}) {
  await page.evaluate(
    async ([kind, options]) => {
      const client = new globalThis[kind](options);
      globalThis.client = client;
      await new Promise((resolve) => {
        client.on('welcome', ({ welcome }) => resolve((globalThis.welcome = welcome)));
        client.connect();
      });
    },
    [kind, options],
  );
}

const send = (page, model, input, more = {}) =>
  page.evaluate(
    ([model, input, more]) => {
      globalThis.stream = client.send({ chat: crypto.randomUUID(), input, model, ...more });
      return stream.gen;
    },
    [model, input, more],
  );

const shows = (page, n) => page.waitForFunction((n) => stream.text.length >= n, n);
const finished = (page) => page.evaluate(async () => ({ ...(await stream.finished), text: stream.text, resumes: stream.resumes }));

async function isWhole(result, model, input) {
  assert.deepEqual([result.state, result.verified], ['complete', true]);
  const whole = await stack.wholeAnswer(model, input);
  assert.equal(result.text, whole);
  assert.equal(result.crc, crcOf(whole));
}

/** Threads of a page that are not its main one. */
const workers = (page) => page.workers().map((w) => new URL(w.url()).pathname);

for (const kind of ['WorkerClient', 'SharedWorkerClient']) {
  test(`${kind}: an answer over a broken network, byte for byte`, async () => {
    const page = await open();
    page.watch.lossy = true;
    await connect(page, kind);
    await send(page, MODEL, 'In a worker');
    await shows(page, 60);
    stack.wire.cut();
    stack.wire.mend();
    const result = await finished(page);
    await isWhole(result, MODEL, 'In a worker');
    assert.ok(result.resumes >= 1);
    assert.deepEqual(workers(page), kind === 'WorkerClient' ? ['/client/worker-script.js'] : []);
  });
}

test('the main thread gets at most one message a frame', async () => {
  const page = await open();
  await page.evaluate(() => {
    globalThis.messages = 0;
    globalThis.frames = 0;
    const make = Worker;
    globalThis.Worker = class extends make {
      set onmessage(listener) {
        super.onmessage = (event) => (event.data.length > 0 && messages++, listener(event));
      }
    };
    const frame = () => (frames++, requestAnimationFrame(frame));
    requestAnimationFrame(frame);
  });
  await connect(page, 'WorkerClient');
  await page.evaluate(() => ((globalThis.messages = 0), (globalThis.frames = 0)));
  await send(page, 'flood', 'Fast');
  const result = await finished(page);
  assert.equal(result.verified, true);
  const [messages, frames] = await page.evaluate(() => [globalThis.messages, globalThis.frames]);
  assert.ok(messages > 5 && messages <= frames + 2, `${messages} messages in ${frames} frames`);
});

test('stop in a Worker', async () => {
  const page = await open();
  await connect(page, 'WorkerClient');
  await send(page, 'slow', 'Stop me');
  await shows(page, 10);
  await page.evaluate(() => stream.cancel());
  const { state, verified, text } = await finished(page);
  assert.deepEqual([state, verified], ['cancelled', true]);
  assert.ok(text.length >= 10);
});

test('two tabs share one connection, and either may close', async () => {
  const one = await open();
  await connect(one, 'SharedWorkerClient');
  const two = await open(one.context());
  await connect(two, 'SharedWorkerClient');
  assert.equal(await one.evaluate(() => client.session), await two.evaluate(() => client.session));
  const gen = await send(one, MODEL, 'For both');
  await shows(one, 40);
  await two.evaluate((gen) => void (globalThis.stream = client.resume(gen)), gen);
  await shows(two, 80);
  await one.close();
  await isWhole(await finished(two), MODEL, 'For both');
});

test('a tab that is killed does not cancel what it asked', async () => {
  const stays = await open();
  await connect(stays, 'SharedWorkerClient');
  const dies = await open(stays.context());
  await connect(dies, 'SharedWorkerClient');
  const gen = await send(dies, MODEL, 'Orphan');
  await shows(dies, 20);
  await dies.close({ runBeforeUnload: false });
  await stays.evaluate((gen) => void (globalThis.stream = client.resume(gen)), gen);
  await isWhole(await finished(stays), MODEL, 'Orphan');
});

test('a tab that is killed is noticed: what only it followed is followed no more', async () => {
  const stays = await open();
  await connect(stays, 'SharedWorkerClient');
  const dies = await open(stays.context());
  await connect(dies, 'SharedWorkerClient');
  const gen = await send(dies, 'slow', 'Only here', { on_disconnect: 'cancel' });
  await shows(dies, 10);
  await dies.close({ runBeforeUnload: false });
  await stays.waitForFunction((gen) => !client.active.has(gen), gen);
  const answer = await (await fetch(`http://127.0.0.1:${stack.gateway.port}/v1/generations/${gen}`)).json();
  assert.equal(answer.state, 'cancelled');
});

test('a reloaded tab finds its running answer', async () => {
  const page = await open();
  await connect(page, 'SharedWorkerClient');
  const gen = await send(page, MODEL, 'Reload');
  await shows(page, 40);
  await page.reload();
  await page.waitForSelector('body[data-ready]', { state: 'attached' });
  await connect(page, 'SharedWorkerClient');
  const active = await page.evaluate(() => welcome.active.map((a) => a.gen));
  assert.deepEqual(active, [gen]);
  await page.evaluate((gen) => void (globalThis.stream = client.resume(gen)), gen);
  await isWhole(await finished(page), MODEL, 'Reload');
});

test('without SharedWorker it is a Worker, without that the page', async () => {
  for (const missing of [['SharedWorker'], ['SharedWorker', 'Worker']]) {
    const page = await open();
    await page.evaluate((names) => names.forEach((name) => void (globalThis[name] = undefined)), missing);
    await connect(page, 'SharedWorkerClient');
    await send(page, 'richierich-echo', 'Fall back');
    await isWhole(await finished(page), 'richierich-echo', 'Fall back');
    assert.equal(workers(page).length, 2 - missing.length);
  }
});

test('a Worker script that is not there is replaced, and nothing asked is lost', async () => {
  const page = await open();
  page.watch.lossy = true;
  await page.evaluate(() => {
    globalThis.client = new WorkerClient({ worker: () => new Worker('/none.js', { type: 'module' }) });
    client.connect();
  });
  await send(page, 'richierich-echo', 'Lost script');
  await isWhole(await finished(page), 'richierich-echo', 'Lost script');
});
