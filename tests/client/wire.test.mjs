/**
 * The client in Node.js against the real gateway, on the WebSockets of two libraries: many answers at once over a line that
 * breaks again and again, what was kept of one, and a gateway that is killed.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket as Undici } from 'undici';
import { addressOf, Client, crcOf, startStack, until, uuid, WebSocket as Ws } from './with.mjs';

let stack;
const clients = [];
before(async () => (stack = await startStack()));
afterEach(() => {
  stack.wire.mend();
  for (const client of clients.splice(0)) client.close();
});
after(() => stack.close());

function connect(WebSocket, options = {}) {
  const client = new Client({ url: addressOf(stack), WebSocket, ...options });
  clients.push(client);
  client.connect();
  return client;
}

async function isWhole(stream, input, model = 'richierich') {
  const { state, verified, crc } = await stream.finished;
  const text = await stack.wholeAnswer(model, input);
  assert.deepEqual([state, verified, crc], ['complete', true, crcOf(text)]);
  assert.equal(stream.text, text);
}

for (const [name, WebSocket] of Object.entries({ ws: Ws, undici: Undici })) {
  test(`${name}: thirty answers over a line that breaks again and again, byte for byte`, async () => {
    const client = connect(WebSocket, { random: () => 0 });
    const inputs = Array.from({ length: 30 }, (_, i) => `${name} ${i}`);
    const streams = inputs.map((input) => client.send({ chat: uuid(), input, model: 'brisk' }));
    let breaks = 0;
    while (streams.some((s) => !s.result)) {
      const before = streams.reduce((sum, s) => sum + s.text.length, 0);
      await until(() => streams.reduce((sum, s) => sum + s.text.length, 0) > before + 2_000 || streams.every((s) => s.result));
      stack.wire.cut();
      stack.wire.mend();
      breaks++;
    }
    assert.ok(breaks >= 3, `${breaks} breaks`);
    for (const [i, stream] of streams.entries()) await isWhole(stream, inputs[i]);
  });
}

test('what was kept of an answer is gone on from, by another client', async () => {
  const first = connect(Ws);
  const stream = first.send({ chat: uuid(), input: 'Kept', model: 'brisk' });
  await until(() => stream.text.length > 200);
  const kept = JSON.parse(JSON.stringify(stream.snapshot()));
  first.close();
  const second = connect(Undici);
  const again = second.resume(stream.gen, { from: kept });
  const began = [];
  again.on('text', (event) => began.push(event.off));
  await isWhole(again, 'Kept');
  assert.equal(began[0], new TextEncoder().encode(kept.parts[0].text).length);
});

test('a gateway that is killed and comes back: the answer ends, verified, and its client never gave up', async () => {
  const client = connect(Ws);
  const states = [];
  client.on('state', ({ state }) => states.push(state));
  const stream = client.send({ chat: uuid(), input: 'Killed', model: 'slow' });
  await until(() => stream.text.length > 30);
  await stack.gateway.stop('SIGKILL');
  await until(() => client.state === 'reconnecting');
  await stack.startGateway();
  client.wake();
  await until(() => client.state === 'open');
  stream.cancel();
  const { state, verified } = await stream.finished;
  assert.ok(['cancelled', 'truncated', 'error'].includes(state), state);
  assert.equal(verified, true);
  assert.deepEqual(states, [...states].filter((s) => s !== 'closed'));
});

test('an answer that nobody follows goes on', async () => {
  const client = connect(Ws);
  const on = client.send({ chat: uuid(), input: 'Goes on', model: 'brisk' });
  await until(() => on.text.length > 20);
  client.unfollow(on.gen);
  assert.equal(on.result.state, 'detached');
  await isWhole(client.resume(on.gen), 'Goes on');
});
