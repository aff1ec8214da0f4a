/**
 * The transport for the `ai` package, with both versions as they are installed, against the real gateway: what an
 * application sees of answers that break, rewind, are stopped, and are read again after a reload.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import * as ai6 from 'ai6';
import * as ai7 from 'ai7';
import { addressOf, Client, crcOf, PACKAGE, startStack, until, WebSocket } from './with.mjs';

const { LastwordTransport, LastwordError, chatUuid, metadataOf, standingParts } = await import(`${PACKAGE}/dist/ai-sdk.js`);

let stack;
let whole;
const clients = [];
before(async () => {
  stack = await startStack();
  whole = await startStack({ goesOn: false });
});
afterEach(() => {
  stack.wire.mend();
  for (const client of clients.splice(0)) client.close();
});
after(async () => {
  await stack.close();
  await whole.close();
});

/** A page's storage, which outlives the page. */
function storage() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** A page: a connection, a transport, and a chat that is no more than `ai` makes it. */
function pageOf(ai, { id = randomUUID(), model = 'brisk', messages = [], store = storage(), at = stack } = {}) {
  const client = new Client({ url: addressOf(at), WebSocket });
  clients.push(client);
  client.connect();
  const transport = new LastwordTransport({ client, model, store });
  const seen = { errors: [], finished: [], data: [], statuses: [] };
  const state = {
    error: undefined,
    messages,
    pushMessage: (message) => (state.messages = [...state.messages, message]),
    popMessage: () => (state.messages = state.messages.slice(0, -1)),
    replaceMessage: (index, message) => (state.messages = state.messages.map((m, i) => (i === index ? structuredClone(message) : m))),
    snapshot: (thing) => structuredClone(thing),
    get status() {
      return seen.statuses.at(-1) ?? 'ready';
    },
    set status(status) {
      seen.statuses.push(status);
    },
  };
  class Chat extends ai.AbstractChat {}
  const chat = new Chat({
    id,
    state,
    transport,
    onError: (e) => seen.errors.push(e),
    onFinish: (f) => seen.finished.push(f),
    onData: (d) => seen.data.push(d),
  });
  return { chat, client, transport, seen, store, id };
}

const textIn = (message) => standingParts(message).flatMap((p) => (p.type === 'text' ? [p.text] : [])).join('');
const answer = (page) => page.chat.messages.findLast((m) => m.role === 'assistant');
const shown = (page) => (answer(page) ? textIn(answer(page)) : '');
const shows = (page, n) => until(() => shown(page).length >= n, `${n} characters`);
const history = (page, at = stack) => at.history(chatUuid(page.id));

/** The answer is the mock's, whole, and says that it was verified. */
async function isWhole(page, model, input, at = stack) {
  const text = await at.wholeAnswer(model, input);
  assert.equal(shown(page), text);
  const said = metadataOf(answer(page));
  assert.deepEqual([said.state, said.verified, said.crc], ['complete', true, crcOf(text)]);
  assert.deepEqual([page.chat.status, page.seen.errors], ['ready', []]);
}

for (const [name, ai] of Object.entries({ ai6, ai7 })) {
  describe(name, () => {
    test('an answer streams, is whole, and says what it is', async () => {
      const page = pageOf(ai);
      const sizes = new Set();
      const sent = page.chat.sendMessage({ text: 'Stream' });
      await until(() => (sizes.add(shown(page).length), page.chat.status === 'ready' && sizes.size > 1));
      await sent;
      assert.ok(sizes.size > 10, `${sizes.size} steps`);
      await isWhole(page, 'richierich', 'Stream');
      const said = metadataOf(answer(page));
      assert.equal(answer(page).id, said.gen);
      assert.deepEqual(answer(page).parts.map((p) => [p.type, p.state]), [['step-start', undefined], ['text', 'done']]);
      assert.ok(said.usage.completion_tokens > 0 && said.timing.total_ms > 0 && said.model.startsWith('richierich'));
      assert.deepEqual(page.seen.finished.map((f) => [f.finishReason, f.isError, f.isAbort]), [['stop', false, false]]);
      const { messages } = await history(page);
      assert.deepEqual(messages.map((m) => [m.id, m.parent]), [[said.parent, null], [said.message, said.parent]]);
    });

    test('breaks inside an answer are not seen', async () => {
      const page = pageOf(ai);
      const sent = page.chat.sendMessage({ text: 'Cut' });
      for (const n of [40, 200, 400]) {
        await shows(page, n);
        stack.wire.cut();
        stack.wire.mend();
      }
      await sent;
      await isWhole(page, 'richierich', 'Cut');
      assert.deepEqual(page.seen.statuses.filter((s) => s === 'error'), []);
      assert.equal(answer(page).parts.length, 2);
    });

    test('turns, an edited message and a regenerated answer are one conversation with branches', async () => {
      const page = pageOf(ai, { id: `my chat ${name}`, model: 'echo' });
      await page.chat.sendMessage({ text: 'One' });
      await page.chat.sendMessage({ text: 'Two' });
      await page.chat.regenerate();
      const user = page.chat.messages[2];
      await page.chat.sendMessage({ text: 'Two, edited', messageId: user.id });
      assert.equal(shown(page), 'Two, edited');
      const { messages } = await history(page);
      const [one, first, two, , again, edited] = messages;
      assert.deepEqual([one.parent, first.parent, two.parent], [null, one.id, first.id]);
      assert.deepEqual([again.role, again.parent], ['assistant', two.id]);
      assert.deepEqual([edited.role, edited.text, edited.parent], ['user', 'Two, edited', first.id]);
    });

    test('after a reload the next message goes on, and an answer can be made again', async () => {
      const page = pageOf(ai, { model: 'echo' });
      await page.chat.sendMessage({ text: 'Before' });
      const kept = JSON.parse(JSON.stringify(page.chat.messages));
      const next = pageOf(ai, { id: page.id, store: page.store, messages: kept, model: 'echo' });
      await next.chat.sendMessage({ text: 'After' });
      await next.chat.regenerate({ messageId: kept[1].id });
      assert.equal(shown(next), 'Before');
      const { messages } = await history(next);
      assert.equal(messages[2].parent, messages[1].id);
      assert.deepEqual(messages.slice(4).map((m) => [m.text, m.role]), [['Before', 'user'], ['Before', 'assistant']]);
      assert.equal(messages[4].parent, null);
    });

    test('a page reloaded in mid-answer replays it under the same message id', async () => {
      const page = pageOf(ai);
      page.chat.sendMessage({ text: 'Reload' });
      await shows(page, 100);
      const kept = JSON.parse(JSON.stringify(page.chat.messages));
      page.client.close();
      const next = pageOf(ai, { id: page.id, store: page.store, messages: kept });
      await next.chat.resumeStream();
      await isWhole(next, 'richierich', 'Reload');
      assert.deepEqual(next.chat.messages.map((m) => m.id), kept.map((m) => m.id));
      assert.equal(metadataOf(answer(next)).message, metadataOf(kept[1]).message);
    });

    test('without anything kept, a running answer is found all the same; without one there is nothing', async () => {
      const page = pageOf(ai);
      page.chat.sendMessage({ text: 'Found' });
      await shows(page, 50);
      const { gen } = metadataOf(answer(page));
      page.client.close();
      const next = pageOf(ai, { id: page.id, store: null });
      await next.chat.resumeStream();
      await isWhole(next, 'richierich', 'Found');
      assert.equal(answer(next).id, gen);
      const idle = pageOf(ai);
      await idle.chat.resumeStream();
      assert.deepEqual([idle.chat.messages, idle.chat.status], [[], 'ready']);
    });

    test('an answer that ended while the page was away is read to its end', async () => {
      const page = pageOf(ai, { model: 'quick' });
      page.chat.sendMessage({ text: 'Away' });
      await shows(page, 50);
      const kept = JSON.parse(JSON.stringify(page.chat.messages));
      page.client.close();
      await until(async () => (await history(page)).messages.at(-1).state === 'complete');
      const next = pageOf(ai, { id: page.id, store: page.store, messages: kept });
      await next.chat.resumeStream();
      await isWhole(next, 'richierich', 'Away');
      const later = pageOf(ai, { id: page.id, store: page.store });
      await later.chat.resumeStream();
      assert.deepEqual(later.chat.messages, []);
    });

    test('a second resume takes the place of the first and cancels nothing', async () => {
      const page = pageOf(ai);
      page.chat.sendMessage({ text: 'Twice' });
      await shows(page, 50);
      page.client.close();
      const next = pageOf(ai, { id: page.id, store: page.store });
      const first = next.chat.resumeStream();
      const second = next.chat.resumeStream();
      await Promise.all([first, second]);
      await isWhole(next, 'richierich', 'Twice');
      const third = pageOf(ai, { model: 'slow' });
      third.chat.sendMessage({ text: 'Thrice' });
      await shows(third, 10);
      third.client.close();
      const reader = pageOf(ai, { id: third.id, store: third.store });
      reader.chat.resumeStream();
      await shows(reader, 10);
      reader.chat.resumeStream();
      await shows(reader, 40);
      assert.equal((await history(reader)).messages.at(-1).state, 'running');
      await reader.chat.stop();
      await until(async () => (await history(reader)).messages.at(-1).state === 'cancelled');
    });

    test('stop cancels, before a reload and after', async () => {
      const page = pageOf(ai, { model: 'slow' });
      page.chat.sendMessage({ text: 'Stop' });
      await shows(page, 10);
      await page.chat.stop();
      await until(async () => (await history(page)).messages.at(-1).state === 'cancelled');
      assert.deepEqual([page.chat.status, page.seen.errors], ['ready', []]);
      page.chat.sendMessage({ text: 'Stop later' });
      await until(() => page.chat.messages.length === 4 && shown(page).length >= 10);
      page.client.close();
      const next = pageOf(ai, { id: page.id, store: page.store });
      next.chat.resumeStream();
      await shows(next, 10);
      await next.chat.stop();
      await until(async () => (await history(next)).messages.at(-1).state === 'cancelled');
    });

    test('stop before anything was sent asks nothing', async () => {
      const page = pageOf(ai);
      stack.wire.cut();
      await until(() => page.client.state !== 'open');
      const sent = page.chat.sendMessage({ text: 'Never' });
      await until(() => page.chat.status === 'submitted');
      await page.chat.stop();
      await sent;
      stack.wire.mend();
      page.client.wake();
      await until(() => page.client.state === 'open');
      assert.equal((await history(page)).messages, undefined);
      assert.deepEqual(page.seen.errors, []);
    });

    test('a rewind is told, and what stays is exactly the answer', async () => {
      const page = pageOf(ai, { model: 'cut-once', at: whole });
      const before = [];
      const sent = page.chat.sendMessage({ text: `Rewind ${name}` });
      await until(() => (before.push(shown(page)), page.chat.status === 'ready' && page.seen.finished.length > 0));
      await sent;
      await isWhole(page, 'richierich', `Rewind ${name}`, whole);
      const types = answer(page).parts.map((p) => p.type);
      const told = ['data-lastword-rewind', 'text'];
      assert.deepEqual(types, ai === ai7 ? ['step-start', ...told] : ['step-start', 'text', ...told]);
      assert.deepEqual(answer(page).parts.find((p) => p.type === told[0]).data, { off: 0, reason: 'restarted' });
      assert.ok(before.some((text, i) => i > 0 && text.length < before[i - 1].length));
      assert.ok(page.seen.data.some((d) => d.type === 'data-lastword-status'));
    });

    test('a cut-off answer is an error, never whole', async () => {
      const page = pageOf(ai, { model: 'cut-forever', at: whole });
      await page.chat.sendMessage({ text: 'Truncate' });
      assert.equal(page.chat.status, 'error');
      const { state, verified } = metadataOf(answer(page));
      assert.deepEqual([state, verified], [state === 'error' ? 'error' : 'truncated', true]);
      assert.equal(page.seen.errors.length, 1);
      assert.equal(page.seen.finished[0].isError, true);
    });

    test('refusals are errors with a code', async () => {
      const page = pageOf(ai, { model: 'no such model' });
      await page.chat.sendMessage({ text: 'Who' });
      const [error] = page.seen.errors;
      assert.ok(error instanceof LastwordError);
      assert.deepEqual([error.code, error.retry, page.chat.status], ['NOT_FOUND', 'never', 'error']);
      await page.chat.sendMessage({ files: [{ type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' }] });
      assert.equal(page.seen.errors[1].code, 'BAD_REQUEST');
    });

    test('readUIMessageStream reads it, and a request may name its own model', async () => {
      const page = pageOf(ai);
      const messages = [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'Read' }] }];
      const request = { trigger: 'submit-message', chatId: page.id, messageId: undefined, messages, abortSignal: undefined };
      const stream = await page.transport.sendMessages({ ...request, body: { model: 'echo' } });
      let last;
      for await (const message of ai.readUIMessageStream({ stream })) last = message;
      assert.equal(textIn(last), 'Read');
      assert.equal(last.metadata.lastword.verified, true);
    });
  });
}

test('a chat id that is no UUID stands for one, always the same', () => {
  assert.equal(chatUuid('0193A1B2-0000-7000-8000-000000000001'), '0193a1b2-0000-7000-8000-000000000001');
  const ids = new Set(Array.from({ length: 20_000 }, (_, i) => chatUuid(`chat-${i}`)));
  assert.equal(ids.size, 20_000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(chatUuid('chat-1'), chatUuid('chat-1'));
});
