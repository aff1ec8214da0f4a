/** undici as it is: its WebSocket on /v1/ws, its fetch and its EventSource on the HTTP surface. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { EventSource, fetch, WebSocket } from 'undici';
import { crcOf, Stack } from './stack.mjs';
import { until } from './waiting.mjs';

let stack;
before(async () => (stack = await Stack.start('', { browser: false })));
afterEach(() => stack.wire.mend());
after(() => stack.close());

/** A connection past hello: what came, by type. */
async function connect(hello = {}) {
  const socket = new WebSocket(`${stack.url.replace('http', 'ws')}v1/ws`, 'lastword.v1.json');
  const came = [];
  socket.onmessage = ({ data }) => came.push(JSON.parse(data));
  socket.onerror = () => {};
  await new Promise((resolve) => (socket.onopen = resolve));
  const say = (message) => socket.send(JSON.stringify(message));
  say({ type: 'hello', ...hello });
  const first = (type) => until(() => came.find((m) => m.type === type), type);
  await first('welcome');
  return { socket, say, first, text: () => came.filter((m) => m.type === 'delta').map((m) => m.text).join('') };
}

test('WebSocket: an answer, lost in the middle and resumed', async () => {
  const gen = randomUUID();
  const one = await connect();
  assert.equal(one.socket.protocol, 'lastword.v1.json');
  one.say({ type: 'send', gen, chat: randomUUID(), input: 'By undici', model: 'richierich', params: { rate: 200 } });
  await until(() => one.text().length > 100, 'some text');
  stack.wire.cut();
  await until(() => one.socket.readyState === WebSocket.CLOSED, 'the socket is gone');
  stack.wire.mend();
  const held = one.text();
  const two = await connect({ resume: [{ gen, epoch: 1, off: Buffer.byteLength(held), crc: crcOf(held) }] });
  const done = await two.first('done');
  const text = held + two.text();
  assert.equal(text, await stack.wholeAnswer('richierich', 'By undici'));
  assert.deepEqual([done.state, done.crc], ['complete', crcOf(text)]);
  two.socket.close();
});

/** The events of a stream, as they come. */
async function* events(response) {
  let held = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const whole = (held + piece).split('\n\n');
    held = whole.pop();
    yield* whole.map((event) => Object.fromEntries(event.split('\n').map((line) => line.split(/: (.*)/s))));
  }
}

test('fetch: server-sent events of a completion', async () => {
  const response = await fetch(`${stack.url}v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'richierich', stream: true, rate: 400, messages: [{ role: 'user', content: 'By fetch' }] }),
  });
  let text = '';
  let last;
  for await (const { id, data } of events(response)) {
    if (data === '[DONE]') last = id;
    else text += JSON.parse(data).choices[0].delta.content ?? '';
  }
  assert.equal(text, await stack.wholeAnswer('richierich', 'By fetch'));
  assert.equal(last, `1-${Buffer.byteLength(text)}-${crcOf(text)}`);
});

test('EventSource: comes back by itself, by the last id it has', async () => {
  const gen = randomUUID();
  const started = await fetch(`${stack.url}v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': gen },
    body: JSON.stringify({ model: 'richierich', stream: true, rate: 150, messages: [{ role: 'user', content: 'By events' }] }),
  });
  await started.body.cancel();
  let text = '';
  let over = false;
  const source = new EventSource(`${stack.url}v1/generations/${gen}/events`, { node: { reconnectionTime: 50 } });
  source.onmessage = ({ data }) => {
    if (data === '[DONE]') over = true;
    else text += JSON.parse(data).choices[0].delta.content ?? '';
  };
  await until(() => text.length > 100, 'some text');
  stack.wire.cut();
  stack.wire.mend();
  await until(() => over, 'the end');
  source.close();
  assert.equal(text, await stack.wholeAnswer('richierich', 'By events'));
});
