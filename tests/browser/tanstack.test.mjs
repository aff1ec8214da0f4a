/** TanStack AI as it is (webSocket(), ChatClient of useChat) against the gateway: only a URL is given. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { ChatClient, webSocket } from '@tanstack/ai-client';
import { WebSocket } from 'undici';
import { Stack } from './stack.mjs';
import { answerOf, conversationOf, until } from './waiting.mjs';

const FAST = 'upstream: {backoff_ms: 20, breaker_failures: 1000}\n';
const sockets = new Set();

/** As the library makes them, but known here, so that they can be closed in the end. */
class Known extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.add(this);
  }
}

const connect = (stack, body) => webSocket(`${stack.url.replace('http', 'ws')}v1/tanstack/ws`, { WebSocketImpl: Known, body, reconnect: { delayMs: 20, maxAttempts: 50 } });

function clientOf(stack, model, { params = {}, ...options } = {}) {
  const seen = { errors: [], finished: 0, sizes: [] };
  const client = new ChatClient({
    connection: connect(stack, { model, params }),
    ...options,
    onError: (e) => seen.errors.push(e),
    onFinish: () => seen.finished++,
    onMessagesChange: () => seen.sizes.push(last(client).length),
  });
  return Object.assign(client, { seen });
}

const textOf = (message) => message?.parts.filter((p) => p.type === 'text').map((p) => p.content).join('') ?? '';
const last = (client) => textOf(client?.getMessages().findLast((m) => m.role === 'assistant'));
const shows = (client, n) => until(() => last(client).length >= n, `${n} characters`);
const closeAll = () => {
  for (const socket of sockets) socket.close();
  sockets.clear();
};

describe('TanStack AI', () => {
  let stack;
  before(async () => (stack = await Stack.start(FAST, { browser: false })));
  afterEach(() => {
    stack.wire.mend();
    closeAll();
  });
  after(() => stack.close());

  test('an answer streams, and is whole', async () => {
    const client = clientOf(stack, 'richierich', { params: { rate: 400 } });
    await client.sendMessage('Stream');
    assert.equal(last(client), await stack.wholeAnswer('richierich', 'Stream'));
    assert.deepEqual([client.getStatus(), client.seen.finished, client.seen.errors], ['ready', 1, []]);
    assert.ok(new Set(client.seen.sizes).size > 10);
    const { messages } = await conversationOf(stack, 'Stream');
    assert.equal(messages[1].id, client.getMessages()[1].id);
  });

  test('turns are one conversation on one socket; reload answers once more', async () => {
    const client = clientOf(stack, 'richierich-echo', { threadId: '0193a1b2-0000-7000-8000-00000000000a' });
    await client.sendMessage('Turn one');
    await client.sendMessage('Turn two');
    await client.reload();
    assert.equal(last(client), 'Turn two');
    assert.equal(sockets.size, 1);
    const { chat, messages } = await conversationOf(stack, 'Turn one');
    assert.equal(chat, '0193a1b2-0000-7000-8000-00000000000a');
    const [, one, two, , again] = messages;
    assert.deepEqual([two.parent, again.parent], [one.id, one.id]);
  });

  test('stop is a cancel', async () => {
    const client = clientOf(stack, 'richierich-slow');
    const sent = client.sendMessage('Stop me');
    await shows(client, 10);
    client.stop();
    await sent;
    await answerOf(stack, 'Stop me', 'cancelled');
    assert.deepEqual([client.getStatus(), client.seen.errors], ['ready', []]);
  });

  test('cut ten times over one answer: the library comes back by its own cursor', async () => {
    const client = clientOf(stack, 'richierich', { params: { rate: 150 } });
    const sent = client.sendMessage('Cut me often');
    for (let i = 1; i <= 10; i++) {
      await shows(client, 40 * i);
      stack.wire.cut();
      stack.wire.mend();
    }
    await sent;
    assert.equal(last(client), await stack.wholeAnswer('richierich', 'Cut me often'));
    assert.deepEqual([client.getStatus(), client.seen.finished, client.seen.errors, client.getMessages().length], ['ready', 1, [], 2]);
    assert.ok(sockets.size > 10);
    await client.sendMessage('And on');
    assert.equal(client.getMessages().length, 4);
  });

  test('a gateway that comes back without the text says that it does not hold', async () => {
    const control = (up) => fetch(`http://127.0.0.1:${stack.mock.port}/control`, { method: 'POST', body: JSON.stringify({ model: 'richierich', up }) });
    const client = clientOf(stack, 'richierich', { params: { rate: 100 } });
    const sent = client.sendMessage('Kill it');
    await shows(client, 60);
    stack.gateway.child.kill('SIGKILL'); // before it has saved any of it
    await stack.gateway.ended;
    await control(false);
    await stack.startGateway();
    await sent;
    await control(null);
    assert.equal(client.getStatus(), 'error');
    assert.match(client.seen.errors[0].message, /what came so far does not hold/);
  });

  test('joinRun replays a run from its start', async () => {
    const client = clientOf(stack, 'richierich', { params: { rate: 150 } });
    let run;
    const sent = client.sendMessage('Join me');
    await until(() => (run = client.currentRunId));
    await shows(client, 40);
    let text = '';
    const types = [];
    for await (const chunk of connect(stack).joinRun(run)) {
      types.push(chunk.type);
      if (chunk.type === 'TEXT_MESSAGE_CONTENT') text += chunk.delta;
    }
    await sent;
    assert.equal(text, last(client));
    assert.deepEqual([types[0], types[1], types.at(-1)], ['RUN_STARTED', 'TEXT_MESSAGE_START', 'RUN_FINISHED']);
    await assert.rejects(async () => {
      for await (const _ of connect(stack).joinRun('no-such-run'));
    }, (e) => /1008: no such run/.test(e.cause.message));
  });

  test('an upstream that fails is an error in words', async () => {
    const client = clientOf(stack, 'richierich-s04');
    await client.sendMessage('Fail');
    assert.equal(client.getStatus(), 'error');
    assert.ok(client.seen.errors[0].message.length > 10);
    assert.match(client.seen.errors[0].code, /^UPSTREAM_/);
  });

  test('a cut-off answer is never shown as a whole one', async () => {
    const client = clientOf(stack, 'richierich-fast', { params: { fault: 's08', fail_attempts: -1 } });
    await client.sendMessage('Cut off');
    assert.equal(client.getStatus(), 'error');
    assert.match(client.seen.errors[0].message, /broke off and is not complete/);
    assert.equal(last(client), (await answerOf(stack, 'Cut off', 'truncated')).text);
  });

  test('what is not understood is said', async () => {
    const client = clientOf(stack, 'nobody');
    await client.sendMessage('Who?');
    assert.match(client.seen.errors[0].message, /no such model/);
    const image = clientOf(stack, 'richierich-echo');
    await image.sendMessage({ content: [{ type: 'image', source: { type: 'url', value: 'https://example.org/a.png' } }] });
    assert.match(image.seen.errors[0].message, /only text is understood/);
  });
});

describe('TanStack AI, where an answer begins anew', () => {
  let stack;
  before(async () => (stack = await Stack.start(FAST, { browser: false, goesOn: false })));
  after(() => (closeAll(), stack.close()));

  test('what does not hold is thrown away', async () => {
    const client = clientOf(stack, 'richierich-s08');
    await client.sendMessage('Before');
    const asked = client.getMessages().map((m) => m.id);
    client.seen.sizes.length = 0;
    await client.sendMessage('Begin anew');
    assert.ok(client.seen.sizes.some((n, i, all) => n < all[i - 1]), 'it fell back');
    assert.equal(last(client), await stack.wholeAnswer('richierich-s08', 'Begin anew'));
    assert.deepEqual([client.getStatus(), client.seen.errors, client.getMessages().length], ['ready', [], 4]);
    assert.deepEqual(client.getMessages().slice(0, 2).map((m) => m.id), asked);
  });
});
