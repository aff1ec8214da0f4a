/** The `ai` package as it is (WebSocketChatTransport, Chat of useChat) against the gateway: only a URL is given. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Chat } from '@ai-sdk/react';
import { WebSocketChatTransport } from 'ai';
import { WebSocket } from 'undici';
import { Stack } from './stack.mjs';
import { answerOf, conversationOf, conversations, until } from './waiting.mjs';

const FAST = 'upstream: {backoff_ms: 20, breaker_failures: 1000}\n';
const transports = [];

/** A page's chat, over the line that can be cut. `params` go to the mock: pace and faults. */
function chatOf(stack, model, { params = {}, ...options } = {}, headers = {}) {
  const transport = new WebSocketChatTransport({ url: `${stack.url}v1/ai/ws`, webSocket: WebSocket, body: { model, params }, headers });
  transports.push(transport);
  const seen = { errors: [], finished: [], data: [] };
  const chat = new Chat({
    transport,
    ...options,
    onError: (e) => seen.errors.push(e.message),
    onFinish: (f) => seen.finished.push(f),
    onData: (d) => seen.data.push(d),
  });
  return Object.assign(chat, { seen });
}

const textOf = (message) => message?.parts.filter((p) => p.type === 'text').map((p) => p.text).join('') ?? '';
const last = (chat) => textOf(chat.messages.findLast((m) => m.role === 'assistant'));
const shows = (chat, n) => until(() => last(chat).length >= n, `${n} characters`);
const closeAll = () => transports.splice(0).forEach((t) => t.close());

describe('the ai package', () => {
  let stack;
  before(async () => (stack = await Stack.start(FAST, { browser: false })));
  afterEach(() => {
    stack.wire.mend();
    closeAll();
  });
  after(() => stack.close());

  test('an answer streams, and is whole', async () => {
    const chat = chatOf(stack, 'richierich', { params: { rate: 100 } });
    const sizes = new Set();
    const sent = chat.sendMessage({ text: 'Stream' });
    await until(() => (sizes.add(last(chat).length), chat.status === 'ready' && sizes.size > 1));
    await sent;
    assert.ok(sizes.size > 10, `${sizes.size} steps`);
    assert.equal(last(chat), await stack.wholeAnswer('richierich', 'Stream'));
    assert.deepEqual(chat.seen.finished.map((f) => [f.finishReason, f.isError, f.isAbort]), [['stop', false, false]]);
    const { messages } = await conversationOf(stack, 'Stream');
    assert.equal(messages[1].id, chat.messages[1].id);
    assert.equal(messages[1].text, last(chat));
  });

  test('turns are one conversation, and what the page sends is what the model is asked', async () => {
    const chat = chatOf(stack, 'richierich-echo');
    await chat.sendMessage({ text: 'Turn one' });
    await chat.sendMessage({ text: 'Turn two' });
    await chat.sendMessage({ text: 'Turn two, edited', messageId: chat.messages[2].id });
    assert.equal(last(chat), 'Turn two, edited');
    const { messages } = await conversationOf(stack, 'Turn one');
    const [one, answer, two, , edited] = messages;
    assert.deepEqual([one.parent, two.parent, edited.parent], [null, answer.id, answer.id]);
    assert.ok(messages[5].usage.prompt_tokens > messages[1].usage.prompt_tokens);
  });

  test('a conversation that the gateway does not know', async () => {
    const part = (text) => [{ type: 'text', text }];
    const messages = [
      { id: 'u', role: 'user', parts: part('Asked elsewhere') },
      { id: '0193a1b2-0000-7000-8000-000000000009', role: 'assistant', parts: [{ type: 'step-start' }, ...part('Answered elsewhere')] },
    ];
    const chat = chatOf(stack, 'richierich-echo', { messages });
    await chat.sendMessage({ text: 'Brought along' });
    assert.equal(last(chat), 'Brought along');
    const known = await conversationOf(stack, 'Brought along');
    assert.equal(known.messages.length, 2);
    assert.equal(known.messages[0].parent, null);
    assert.ok(known.messages[1].usage.prompt_tokens > 10, 'the model was asked all of it');
  });

  test('stop is a cancel', async () => {
    const chat = chatOf(stack, 'richierich-slow');
    const sent = chat.sendMessage({ text: 'Stop me' });
    await shows(chat, 10);
    await chat.stop();
    await sent;
    assert.equal(chat.status, 'ready');
    const answer = await answerOf(stack, 'Stop me', 'cancelled');
    assert.ok(answer.text.startsWith(last(chat)));
    await chat.sendMessage({ text: 'After the stop' }, { body: { model: 'richierich-echo' } });
    assert.equal(last(chat), 'After the stop');
  });

  test('the socket is lost in the middle; resumeStream replays under the same id, and stop works after it', async () => {
    const chat = chatOf(stack, 'richierich-slow', { params: { rate: 40 } });
    const sent = chat.sendMessage({ text: 'Lose me' });
    await shows(chat, 30);
    const { id } = chat.messages[1];
    stack.wire.cut();
    await sent;
    assert.equal(chat.status, 'error');
    assert.ok(chat.seen.finished[0].isDisconnect);
    stack.wire.mend();
    const before = last(chat);
    const resumed = chat.resumeStream();
    await shows(chat, before.length + 20);
    assert.deepEqual(chat.messages.map((m) => m.id), [chat.messages[0].id, id]);
    assert.ok(last(chat).startsWith(before));
    await chat.stop();
    await resumed;
    await answerOf(stack, 'Lose me', 'cancelled');
  });

  test('a disconnect never cancels: what ended meanwhile is replayed whole', async () => {
    const chat = chatOf(stack, 'richierich', { params: { rate: 150 } });
    const sent = chat.sendMessage({ text: 'Go on without me' });
    await shows(chat, 30);
    stack.wire.cut();
    await sent;
    assert.equal(chat.status, 'error');
    await answerOf(stack, 'Go on without me', 'complete');
    stack.wire.mend();
    await chat.resumeStream();
    assert.equal(chat.status, 'ready');
    assert.equal(last(chat), await stack.wholeAnswer('richierich', 'Go on without me'));
    assert.equal(chat.messages.length, 2);
  });

  test('a reload in the middle: a new page finds the answer by the id of its chat', async () => {
    const first = chatOf(stack, 'richierich', { id: 'reloaded', params: { rate: 150 } });
    void first.sendMessage({ text: 'Reload me' });
    await shows(first, 30);
    const page = chatOf(stack, 'richierich', { id: 'reloaded', messages: structuredClone(first.messages) });
    closeAll();
    await page.resumeStream();
    assert.equal(last(page), await stack.wholeAnswer('richierich', 'Reload me'));
    assert.deepEqual(page.messages.map((m) => m.role), ['user', 'assistant']);
    assert.equal(page.messages[1].id, first.messages[1].id);
  });

  test('there is nothing to resume', async () => {
    const chat = chatOf(stack, 'richierich');
    await chat.resumeStream();
    assert.deepEqual([chat.status, chat.messages.length, chat.seen.errors], ['ready', 0, []]);
  });

  test('regenerate answers the same message once more', async () => {
    const chat = chatOf(stack, 'richierich-echo');
    await chat.sendMessage({ text: 'Once more' });
    const first = chat.messages[1].id;
    await chat.regenerate();
    assert.notEqual(chat.messages[1].id, first);
    const { messages } = await conversationOf(stack, 'Once more');
    assert.deepEqual(messages.map((m) => [m.role, m.parent]), [['user', null], ['assistant', messages[0].id], ['assistant', messages[0].id]]);
  });

  test('an upstream that fails is an error in words', async () => {
    const chat = chatOf(stack, 'richierich-s04');
    await chat.sendMessage({ text: 'Fail' });
    assert.equal(chat.status, 'error');
    assert.ok(chat.seen.errors[0].length > 10, chat.seen.errors[0]);
    assert.equal((await answerOf(stack, 'Fail', 'error')).text, '');
    assert.ok(chat.seen.data.some((d) => d.type === 'data-lastword-status' && d.data.state === 'retrying'));
  });

  test('a cut-off answer is never shown as a whole one', async () => {
    const chat = chatOf(stack, 'richierich-fast', { params: { fault: 's08', fail_attempts: -1 } });
    await chat.sendMessage({ text: 'Cut off' });
    assert.equal(chat.status, 'error');
    assert.match(chat.seen.errors[0], /broke off and is not complete/);
    assert.equal(chat.seen.finished[0].finishReason, 'error');
    assert.equal(last(chat), (await answerOf(stack, 'Cut off', 'truncated')).text);
    chat.clearError();
    await chat.resumeStream();
    assert.equal(chat.status, 'error', 'nor after a resume');
  });

  test('the ends that are neither', async () => {
    for (const [fault, reason] of [['length', 'length'], ['s13', 'content-filter']]) {
      const chat = chatOf(stack, 'richierich-fast', { params: { fault, fault_mode: fault === 's13' ? 'stream' : undefined } });
      await chat.sendMessage({ text: `End ${fault}` });
      assert.deepEqual([chat.status, chat.seen.finished[0].finishReason], ['ready', reason]);
    }
  });

  test('a busy chat refuses, unless it is told to interrupt', async () => {
    const first = chatOf(stack, 'richierich-slow', { id: 'busy' });
    const sent = first.sendMessage({ text: 'I am busy' });
    await shows(first, 10);
    const second = chatOf(stack, 'richierich-echo', { id: 'busy' });
    await second.sendMessage({ text: 'Me too' });
    assert.match(second.seen.errors[0], /already has a running generation/);
    await second.regenerate({ body: { if_busy: 'interrupt' } });
    assert.equal(last(second), 'Me too');
    await sent;
    assert.equal(first.status, 'ready');
    await answerOf(stack, 'Me too', 'complete');
  });

  test('what is not understood is said', async () => {
    const chat = chatOf(stack, 'richierich-echo');
    await chat.sendMessage({ parts: [{ type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' }] });
    assert.match(chat.seen.errors[0], /only text is understood/);
    const unknown = chatOf(stack, 'nobody');
    await unknown.sendMessage({ text: 'Who?' });
    assert.match(unknown.seen.errors[0], /no such model/);
  });
});

describe('the ai package, where an answer begins anew', () => {
  let stack;
  before(async () => (stack = await Stack.start(FAST, { browser: false, goesOn: false })));
  after(() => (closeAll(), stack.close()));

  test('what does not hold is thrown away', async () => {
    const chat = chatOf(stack, 'richierich-s08');
    const lengths = [];
    const sent = chat.sendMessage({ text: 'Begin anew' });
    chat['~registerMessagesCallback'](() => lengths.push(last(chat).length));
    await sent;
    assert.ok(lengths.some((n, i) => n < lengths[i - 1]), 'it fell back');
    assert.equal(last(chat), await stack.wholeAnswer('richierich-s08', 'Begin anew'));
    assert.equal(chat.status, 'ready');
    assert.equal(chat.messages.length, 2);
  });
});

describe('the ai package, where one must say who one is', () => {
  const KEYS = `auth: {mode: keys}
keys:
  - {name: alice, owner: default/alice, key: alice-key-0123456789abcdef}
  - {name: bob, owner: default/bob, key: bob-key-0123456789abcdef00}
`;
  let stack;
  before(async () => (stack = await Stack.start(KEYS, { browser: false })));
  after(() => (closeAll(), stack.close()));

  test('the credential comes in the headers of a frame', async () => {
    const nobody = chatOf(stack, 'richierich-echo', { id: 'mine' });
    await nobody.sendMessage({ text: 'Let me in' });
    assert.match(nobody.seen.errors[0], /credential/);
    const authorization = 'Bearer alice-key-0123456789abcdef';
    const alice = chatOf(stack, 'richierich-echo', { id: 'mine' }, { Authorization: authorization });
    await alice.sendMessage({ text: 'It is me' });
    assert.equal(last(alice), 'It is me');
    const bob = chatOf(stack, 'richierich-echo', { id: 'mine' }, { Authorization: 'Bearer bob-key-0123456789abcdef00' });
    await bob.resumeStream();
    assert.deepEqual([bob.status, bob.messages.length], ['ready', 0]);
    assert.equal((await conversations(stack, { authorization })).length, 1);
  });
});
