/** The `openai` package as it is, with only a base URL: chat completions, responses, and ResponsesWS. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { Stack } from './stack.mjs';

const ECHO = 'richierich-echo';
const FAST = 'upstream: {backoff_ms: 20, breaker_failures: 1000}\n';
const openai = (stack, options = {}) => new OpenAI({ baseURL: `${stack.url}v1`, apiKey: 'none', maxRetries: 0, ...options });
const deltasOf = (events) => events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join('');
const last = (events) => events.at(-1);
const heard = (ws, event) => new Promise((resolve) => ws.once(event, resolve));

async function all(stream, until = () => false) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (until(events)) break;
  }
  return events;
}

function rises(events) {
  for (let i = 1; i < events.length; i++) assert.ok(events[i].sequence_number > events[i - 1].sequence_number);
}

const fails = (promise, status, param, message) =>
  assert.rejects(promise, (e) => {
    assert.equal(e.status, status);
    assert.equal(e.param, param);
    assert.match(e.message, message);
    return true;
  });

describe('with a model that goes on where it broke off', () => {
  let stack, client;
  before(async () => {
    stack = await Stack.start(FAST, { browser: false });
    client = openai(stack);
  });
  after(() => stack.close());

  // ---- chat.completions ----

  test('chat completions: whole, streamed, through a broken upstream', async () => {
    const ask = { model: ECHO, messages: [{ role: 'user', content: 'hello world' }] };
    assert.equal((await client.chat.completions.create(ask)).choices[0].message.content, 'hello world');
    const broken = { model: 'richierich-s08', messages: [{ role: 'user', content: 'cut me' }] };
    const stream = client.chat.completions.stream(broken);
    assert.equal(await stream.finalContent(), await stack.wholeAnswer('richierich', 'cut me'));
    assert.equal((await client.models.list()).data.some((m) => m.id === ECHO), true);
  });

  test('chat completions: an abort ends the stream, and the answer is in history', async () => {
    const stop = new AbortController();
    const { data: stream, response } = await client.chat.completions
      .create({ model: 'richierich', messages: [{ role: 'user', content: 'abort me' }], stream: true }, { signal: stop.signal })
      .withResponse();
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0].delta.content;
      if (text.length > 40) stop.abort();
    }
    const kept = await stack.history(response.headers.get('lastword-chat'));
    assert.deepEqual(kept.messages.map((m) => m.role), ['user', 'assistant']);
    await client.delete(`/generations/${response.headers.get('lastword-gen')}`);
  });

  test('chat completions: errors are the package’s', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    await fails(client.chat.completions.create({ model: 'nobody', messages }), 404, 'model', /no such model/);
    await fails(client.chat.completions.create({ model: ECHO, messages: [] }), 400, 'messages', /empty/);
    await assert.rejects(client.chat.completions.create({ model: 'richierich-s12', messages }), OpenAI.BadRequestError);
  });

  // ---- responses over HTTP ----

  test('a response: whole, with everything said again', async () => {
    const r = await client.responses.create({
      model: ECHO, input: 'hello world', instructions: 'be short', metadata: { a: 'b' }, temperature: 0.5, max_output_tokens: 99,
    });
    assert.equal(r.output_text, 'hello world');
    assert.equal(r.status, 'completed');
    assert.deepEqual([r.instructions, r.metadata, r.temperature, r.max_output_tokens], ['be short', { a: 'b' }, 0.5, 99]);
    assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
    assert.deepEqual(await client.responses.retrieve(r.id), r);
    const kept = await stack.history(r.conversation.id.slice('conv_'.length));
    assert.deepEqual(kept.messages.map((m) => m.text), ['hello world', 'hello world']);
  });

  test('a response: streamed, and from each of its events on again', async () => {
    const events = await all(await client.responses.create({ model: ECHO, input: 'one two three four', stream: true }));
    rises(events);
    assert.equal(deltasOf(events), 'one two three four');
    assert.equal(last(events).type, 'response.completed');
    const { id } = last(events).response;
    for (const [i, { sequence_number }] of events.entries()) {
      const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: sequence_number }));
      assert.equal(deltasOf(rest), deltasOf(events.slice(i + 1)));
      const others = (list) => list.filter((e) => !e.type.endsWith('.delta'));
      assert.deepEqual(others(rest), others(events.slice(i + 1)));
    }
  });

  test('responses.stream of the package: its snapshot is the answer, also of a finished one', async () => {
    const final = await client.responses.stream({ model: 'richierich-fast', input: 'long', tokens: 500 }).finalResponse();
    assert.equal(final.output_text, last(final.output).content[0].text);
    const again = await client.responses.stream({ response_id: final.id, starting_after: 5 }).finalResponse();
    assert.equal(again.output_text, final.output_text);
  });

  test('a broken upstream is mended below', async () => {
    const r = await client.responses.stream({ model: 'richierich-s08', input: 'mend me' }).finalResponse();
    assert.equal(r.output_text, await stack.wholeAnswer('richierich', 'mend me'));
  });

  test('previous_response_id goes on in the conversation, and input_items shows it', async () => {
    const first = await client.responses.create({ model: ECHO, input: 'one' });
    const second = await client.responses.create({ model: ECHO, input: 'two', previous_response_id: first.id });
    assert.equal(second.conversation.id, first.conversation.id);
    const listed = async (id) => {
      const items = [];
      for await (const item of client.responses.inputItems.list(id, { order: 'asc' })) items.push([item.role, item.content[0].text]);
      return items;
    };
    assert.deepEqual(await listed(second.id), [['user', 'one'], ['assistant', 'one'], ['user', 'two']]);
    // A branch from the first; and a history sent by hand, followed twice.
    const branch = await client.responses.create({ model: ECHO, input: 'other', previous_response_id: first.id });
    assert.deepEqual(await listed(branch.id), [['user', 'one'], ['assistant', 'one'], ['user', 'other']]);
    const byHand = [...second.output, { role: 'developer', content: 'd' }, { role: 'user', content: 'three' }];
    const third = await client.responses.create({ model: ECHO, input: byHand, previous_response_id: first.id, instructions: 'i' });
    const fourth = await client.responses.create({ model: ECHO, input: 'four', previous_response_id: third.id });
    assert.deepEqual(await listed(fourth.id), [
      ['user', 'one'], ['assistant', 'one'], ['assistant', 'two'], ['developer', 'd'], ['user', 'three'], ['assistant', 'three'], ['user', 'four'],
    ]);
  });

  test('background: runs on, outlives the gateway, and goes on after any event', async () => {
    const asked = { model: 'richierich', rate: 150, input: 'background', background: true, metadata: { job: '7' } };
    const started = await client.responses.create(asked);
    assert.match(started.status, /queued|in_progress/);
    assert.equal(started.background, true);
    const before = await all(await client.responses.retrieve(started.id, { stream: true }), (e) => deltasOf(e).length > 100);
    await stack.gateway.stop('SIGKILL').catch(() => {});
    await stack.startGateway();
    const rest = await all(await client.responses.retrieve(started.id, { stream: true, starting_after: last(before).sequence_number }));
    rises([...before, ...rest]);
    assert.equal(deltasOf([...before, ...rest]), await stack.wholeAnswer('richierich', 'background'));
    assert.equal(last(rest).type, 'response.completed');
    assert.deepEqual(last(rest).response.metadata, { job: '7' });
    assert.equal((await client.responses.retrieve(started.id)).status, 'completed');
  });

  test('background and stream: a cut line, and the rest', async () => {
    const stream = await client.responses.create({ model: 'richierich', rate: 150, input: 'cut line', background: true, stream: true });
    const before = [];
    await assert.rejects(async () => {
      for await (const event of stream) {
        before.push(event);
        if (deltasOf(before).length > 60) stack.wire.cut();
      }
    });
    stack.wire.mend();
    const { id } = before[0].response;
    const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: last(before).sequence_number }));
    assert.equal(deltasOf([...before, ...rest]), await stack.wholeAnswer('richierich', 'cut line'));
  });

  test('cancel, twice', async () => {
    const started = await client.responses.create({ model: 'richierich-slow', input: 'stop me', background: true });
    const follower = client.responses.retrieve(started.id, { stream: true }).then(all);
    const cancelled = await client.responses.cancel(started.id);
    assert.equal(cancelled.status, 'cancelled');
    assert.equal((await client.responses.cancel(started.id)).status, 'cancelled');
    const end = last(await follower);
    assert.deepEqual([end.type, end.response.status], ['response.incomplete', 'cancelled']);
  });

  test('delete forgets a conversation of one answer, and no other', async () => {
    const first = await client.responses.create({ model: ECHO, input: 'one' });
    const second = await client.responses.create({ model: ECHO, input: 'two', previous_response_id: first.id });
    await fails(client.responses.delete(second.id), 409, null, /other answers/);
    const alone = await client.responses.create({ model: ECHO, input: 'alone' });
    await client.responses.delete(alone.id);
    await fails(client.responses.retrieve(alone.id), 404, null, /no such/i);
  });

  test('what ends badly says so', async () => {
    const length = await client.responses.create({ model: 'richierich-length', input: 'x' });
    assert.deepEqual([length.status, length.incomplete_details.reason], ['incomplete', 'max_output_tokens']);
    await assert.rejects(client.responses.create({ model: 'richierich-s12', input: 'x' }), OpenAI.BadRequestError);
    const failed = last(await all(await client.responses.create({ model: 'richierich-s12', input: 'x', stream: true })));
    assert.deepEqual([failed.type, failed.response.status], ['response.failed', 'failed']);
    await fails(client.responses.create({ model: 'nobody', input: 'x' }), 404, 'model', /no such model/);
    await fails(client.responses.create({ model: ECHO, input: 'x', tools: [{ type: 'web_search' }] }), 400, 'tools', /tools/);
    const nobody = 'resp_00000000-0000-4000-8000-000000000000';
    await fails(client.responses.create({ model: ECHO, input: 'x', previous_response_id: nobody }), 404, 'previous_response_id', /no response/);
  });

  // ---- ResponsesWS ----

  /** Asks, and gives the events of that response. */
  async function create(ws, body) {
    const events = [];
    const listener = (event) => events.push(event);
    ws.on('event', listener);
    ws.send({ type: 'response.create', ...body });
    await Promise.race(['completed', 'incomplete', 'failed'].map((end) => heard(ws, `response.${end}`)));
    ws.off('event', listener);
    return events;
  }

  test('ResponsesWS: the same events, one response after the other', async () => {
    const ws = new ResponsesWS(client);
    const first = await create(ws, { model: ECHO, input: 'over a socket' });
    rises(first);
    assert.equal(deltasOf(first), 'over a socket');
    const { id } = last(first).response;
    assert.deepEqual(await all(await client.responses.retrieve(id, { stream: true })).then((e) => e.at(-1)), last(first));
    const second = await create(ws, { model: ECHO, input: 'and on', previous_response_id: id });
    assert.equal(last(second).response.conversation.id, last(first).response.conversation.id);
    const texts = [];
    ws.on('response.completed', (e) => texts.push(e.response.output[0].content[0].text));
    for (const input of ['a', 'b', 'c']) ws.send({ type: 'response.create', model: ECHO, input });
    while (texts.length < 3) await heard(ws, 'response.completed');
    assert.deepEqual(texts, ['a', 'b', 'c']);
    ws.close();
  });

  test('the example of the README', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const [, code] = /```js\n([^`]*?'openai'[^`]*?)```/s.exec(readme);
    const body = code.replace(/^import .*$/gm, '').replace('http://127.0.0.1:8080/', stack.url);
    const AsyncFunction = (async () => {}).constructor;
    const said = new Promise((log) => AsyncFunction('OpenAI', 'ResponsesWS', 'console', body)(OpenAI, ResponsesWS, { log: (...words) => log(words.join(' ')) }));
    assert.equal(await said, 'in the background | over a socket');
  });

  test('ResponsesWS: what is refused is an error event, and the connection lives on', async () => {
    const ws = new ResponsesWS(client);
    const errors = [];
    ws.on('error', (e) => errors.push(e.error));
    ws.send({ type: 'response.create', model: ECHO, input: 'x', tools: [{ type: 'web_search' }] });
    ws.send({ type: 'response.create', model: 'nobody', input: 'x' });
    ws.send({ type: 'response.dance' });
    ws.sendRaw('not json');
    assert.equal(deltasOf(await create(ws, { model: ECHO, input: 'still here' })), 'still here');
    assert.deepEqual(errors.map((e) => [e.status, e.error.param]), [[400, 'tools'], [404, 'model'], [400, 'type'], [400, null]]);
    ws.close();
  });

  test('ResponsesWS: a cut line costs nothing', async () => {
    const ws = new ResponsesWS(client);
    ws.on('error', () => {});
    const events = [];
    ws.on('event', (event) => {
      events.push(event);
      if (deltasOf(events).length > 60) stack.wire.cut();
    });
    ws.send({ type: 'response.create', model: 'richierich', rate: 150, input: 'cut socket' });
    await heard(ws, 'close');
    stack.wire.mend();
    const { id } = events[0].response;
    const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: last(events).sequence_number }));
    assert.equal(deltasOf([...events, ...rest]), await stack.wholeAnswer('richierich', 'cut socket'));
  });
});

test('an answer that had to be begun anew is an error, never two texts in one', async () => {
  const stack = await Stack.start(FAST, { browser: false, goesOn: false });
  const client = openai(stack);
  const seen = [];
  const asked = { model: 'richierich-s08', input: 'begin anew', stream: true };
  await assert.rejects(async () => {
    for await (const event of await client.responses.create(asked)) seen.push(event);
  }, /begun anew/);
  const whole = await stack.wholeAnswer('richierich', 'begin anew');
  assert.ok(deltasOf(seen).length > 0 && whole.startsWith(deltasOf(seen)));
  const again = await client.responses.stream({ response_id: seen[0].response.id }).finalResponse();
  assert.equal(again.output_text, whole);
  await stack.close();
});

test('a key is asked for, on both ways', async () => {
  const keys = ['alice', 'bob'].map((name) => `  - {name: ${name}, owner: t/${name}, key: 0123456789abcdef-${name}}`);
  const stack = await Stack.start(`auth: {mode: keys}\nkeys:\n${keys.join('\n')}\n`, { browser: false });
  const [alice, bob, nobody] = ['0123456789abcdef-alice', '0123456789abcdef-bob', 'wrong'].map((apiKey) => openai(stack, { apiKey }));
  const r = await alice.responses.create({ model: ECHO, input: 'mine' });
  await fails(bob.responses.retrieve(r.id), 404, null, /no such/i);
  await fails(nobody.responses.create({ model: ECHO, input: 'x' }), 401, null, /credential/);
  const ws = new ResponsesWS(nobody);
  const error = await heard(ws, 'error');
  assert.match(error.message, /401/);
  const good = new ResponsesWS(alice);
  good.send({ type: 'response.create', model: ECHO, input: 'on', previous_response_id: r.id });
  const done = await heard(good, 'response.completed');
  assert.equal(done.response.conversation.id, r.conversation.id);
  good.close();
  await stack.close();
});
