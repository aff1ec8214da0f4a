import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backoff } from '../src/backoff.js';
import { Client, type ClientOptions } from '../src/client.js';
import type { Stream, StreamEvent } from '../src/stream.js';
import { uuid } from '../src/ids.js';
import { comesBack } from '../src/wire.js';
import { Gateway } from './gateway.js';
import { randomText, seeded } from './random.js';

const CHAT = '01930000-0000-7000-8000-0000000000aa';
let gateway: Gateway;
let clients: Client[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  gateway = new Gateway();
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

async function connected(options: ClientOptions = {}): Promise<Client> {
  const client = new Client({ url: 'ws://x/v1/ws', WebSocket: gateway.Socket, random: () => 0.5, ...options });
  clients.push(client);
  client.connect();
  await settle();
  return client;
}

function events(stream: Stream): StreamEvent[] {
  const all: StreamEvent[] = [];
  stream.on((e) => all.push(e));
  return all;
}

describe('the connection', () => {
  it('offers the subprotocol and says hello', async () => {
    const client = await connected({ name: 'test/1', token: 'secret' });
    expect(client.state).toBe('open');
    expect(gateway.socket.protocols).toBe('lastword.v1.json');
    expect(gateway.socket.sent[0]).toEqual({ type: 'hello', client: 'test/1', token: 'secret' });
    expect([client.node, client.limits?.prompt]).toEqual(['a', 32768]);
  });

  it('answers ping, and holds any frame for life', async () => {
    const client = await connected();
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(25_000);
      gateway.socket.push({ type: 'ping' });
    }
    expect(gateway.socket.sent.filter((f) => f.type === 'pong').length).toBe(5);
    expect([client.state, gateway.sockets.length]).toEqual(['open', 1]);
  });

  it('takes ping_ms + 10 s of silence for death, not a moment less', async () => {
    const client = await connected();
    await vi.advanceTimersByTimeAsync(34_900);
    expect(client.state).toBe('open');
    await vi.advanceTimersByTimeAsync(200);
    expect(client.state).toBe('reconnecting');
    expect(gateway.sockets[0]!.closedWith).toBe(4004);
    await vi.advanceTimersByTimeAsync(500);
    expect([client.state, gateway.sockets.length]).toEqual(['open', 2]);
  });

  it('gives up on a socket that is never welcomed', async () => {
    gateway.refuse = () => {};
    await connected();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(gateway.sockets.length).toBe(2);
  });

  it('comes back with full jitter, doubling to 20 s', async () => {
    gateway.refuse = (socket) => socket.drop();
    const client = await connected({ random: () => 1 });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(client.retryAt! - Date.now());
      await vi.advanceTimersByTimeAsync(client.retryAt! - Date.now());
      await settle();
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    gateway.refuse = null;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(client.state).toBe('open');
  });

  it('knows since when it is away, over all tries', async () => {
    const client = await connected();
    const lost = Date.now();
    gateway.refuse = (socket) => socket.drop();
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(9_000);
    expect([client.state, client.since]).toEqual(['reconnecting', lost]);
  });

  it('stays away where the code says so, and comes back where it does', () => {
    const back = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4001, 4002, 4003, 4004, 4005, 4006];
    const away = [1002, 1003, 1007, 1008, 1009, 1010, 4500, 4501, 4503, 4505, 4506];
    expect(back.filter((c) => !comesBack(c))).toEqual([]);
    expect(away.filter((c) => comesBack(c))).toEqual([]);
  });

  it('does not try again after 4503, and its streams end as detached', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.socket.drop(4503);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([client.state, gateway.sockets.length]).toEqual(['closed', 1]);
    expect((await stream.finished).state).toBe('detached');
  });

  it('without the right credential it waits for one, and goes on where it was', async () => {
    gateway.token = 'right';
    const client = await connected({ token: 'wrong' });
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await settle();
    expect([client.state, client.unauthorized, stream.result]).toEqual(['closed', true, null]);
    client.setToken('right');
    client.connect();
    await settle();
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
  });

  it('asks for the credential anew for each connection, and tries again when there is none to be had', async () => {
    let asked = 0;
    const token = async () => {
      asked++;
      if (asked === 2) throw new Error('no token today');
      return `t${asked}`;
    };
    const client = await connected({ token });
    gateway.socket.drop(4005);
    await vi.advanceTimersByTimeAsync(3_000);
    expect([client.state, asked, gateway.socket.sent[0]!.token]).toEqual(['open', 3, 't3']);
  });

  it('an address that is none closes it, in words', async () => {
    const Broken = class {
      constructor() {
        throw new SyntaxError('bad address');
      }
    } as unknown as ClientOptions['WebSocket'];
    const client = await connected({ WebSocket: Broken! });
    expect([client.state, client.reason]).toEqual(['closed', 'bad address']);
  });

  it('moves on goaway without losing or repeating anything', async () => {
    gateway.text = randomText(seeded(7), 400);
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 100);
    const first = gateway.socket;
    first.push({ type: 'goaway', in_ms: 5000, spread_ms: 1000 });
    await vi.advanceTimersByTimeAsync(499);
    expect(gateway.sockets.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2);
    expect([gateway.sockets.length, client.state, first.closedWith]).toEqual([2, 'open', 1000]);
    gateway.finish(stream.gen);
    expect(await stream.finished).toMatchObject({ state: 'complete', verified: true });
    expect(stream.text).toBe(gateway.text);
  });

  it('tries at once when the network is back', async () => {
    const client = await connected({ random: () => 1 });
    gateway.refuse = (socket) => socket.drop();
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(20_000);
    gateway.refuse = null;
    const before = gateway.sockets.length;
    client.wake(true);
    await settle();
    expect([client.state, gateway.sockets.length]).toEqual(['open', before + 1]);
  });

  it('on a network change moves an open connection, too', async () => {
    const client = await connected();
    client.wake(true);
    await settle();
    await settle();
    expect([client.state, gateway.sockets.length, gateway.sockets[0]!.closedWith]).toEqual(['open', 2, 1000]);
  });

  it('when the network goes it does not wait for the socket to notice', async () => {
    gateway.text = randomText(seeded(11), 300);
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 50);
    gateway.refuse = (socket) => socket.drop();
    client.lost();
    expect(client.state).toBe('offline');
    await vi.advanceTimersByTimeAsync(5_000);
    gateway.refuse = null;
    client.wake(true);
    await settle();
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
    expect(stream.text).toBe(gateway.text);
  });

  it('after sleep it looks at once whether the silence was too long', async () => {
    const client = await connected();
    vi.setSystemTime(Date.now() + 60_000);
    client.wake();
    expect(client.state).toBe('reconnecting');
  });
});

describe('a stream', () => {
  it('is sent, accepted, grows and is done, verified', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi', model: 'm' });
    const seen = events(stream);
    expect(gateway.socket.sent.at(-1)).toMatchObject({ type: 'send', gen: stream.gen, chat: CHAT, input: 'hi', model: 'm' });
    gateway.grow(stream.gen, 4);
    gateway.finish(stream.gen);
    const result = await stream.finished;
    expect(result).toMatchObject({ state: 'complete', verified: true, persisted: true, usage: { completion_tokens: 2 }, timing: { ttft_ms: 3 } });
    expect(stream.text).toBe('The answer.');
    expect(stream.cursor()).toMatchObject({ off: 11, crc: result.crc });
    expect(seen.filter((e) => e.type === 'text').map((e) => e.text).join('')).toBe('The answer.');
    expect(gateway.socket.sent.at(-1)).toEqual({ type: 'ack', gen: stream.gen, off: 11 });
  });

  it('is an async iterable, and a late one begins with what was', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 4);
    const reading = (async () => {
      let text = '';
      for await (const event of stream) if (event.type === 'text') text += event.text;
      return text;
    })();
    gateway.finish(stream.gen);
    expect(await reading).toBe('The answer.');
    let late = '';
    for await (const event of stream) if (event.type === 'text') late += event.text;
    expect(late).toBe('The answer.');
    const reader = stream.readable().getReader();
    expect((await reader.read()).value).toMatchObject({ type: 'accepted' });
    expect((await reader.read()).value).toMatchObject({ type: 'text', text: 'The answer.' });
  });

  it('asked before the connection is there, is sent when it is, once', async () => {
    const client = new Client({ url: 'ws://x', WebSocket: gateway.Socket });
    clients.push(client);
    const stream = client.send({ chat: CHAT, input: 'early' });
    client.connect();
    await settle();
    gateway.finish(stream.gen);
    await stream.finished;
    expect(gateway.begun).toBe(1);
  });

  it('lost before accepted, is sent again under the same gen and runs once', async () => {
    const client = await connected();
    gateway.mangle = (frame) => (frame.type === 'accepted' ? null : frame);
    const lose = gateway.socket;
    const push = lose.push.bind(lose);
    lose.push = (frame) => (frame.type === 'ping' ? push(frame) : undefined);
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.mangle = (f) => f;
    lose.drop();
    await vi.advanceTimersByTimeAsync(500);
    expect(gateway.socket.sent.filter((f) => f.type === 'send').length).toBe(1);
    gateway.finish(stream.gen);
    await stream.finished;
    expect(gateway.begun).toBe(1);
  });

  it('after a break resumes in hello from its position', async () => {
    gateway.text = randomText(seeded(3), 900);
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    const seen = events(stream);
    gateway.grow(stream.gen, 1500);
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(500);
    const [hello] = gateway.socket.sent;
    expect(hello!.resume[0]).toMatchObject({ gen: stream.gen, off: gateway.runs.get(stream.gen)!.grown });
    expect(hello!.resume[0].marks.length).toBeGreaterThan(2);
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
    expect(stream.text).toBe(gateway.text);
    expect(seen.filter((e) => e.type === 'rewind').length).toBe(0);
  });

  it('puts only what fits into hello and resumes the rest after welcome', async () => {
    gateway.text = 'x'.repeat(20_000);
    const client = await connected();
    const streams = Array.from({ length: 40 }, () => client.send({ chat: uuid(), input: 'hi' }));
    for (const stream of streams) gateway.grow(stream.gen, 19_000);
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(500);
    const { sent } = gateway.socket;
    expect(JSON.stringify(sent[0]).length).toBeLessThan(32_000);
    expect(sent[0]!.resume.length + sent.filter((f) => f.type === 'resume').length).toBe(40);
    for (const stream of streams) gateway.finish(stream.gen);
    for (const stream of streams) expect((await stream.finished).verified).toBe(true);
  });

  it('cancels, also while away', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 4);
    gateway.socket.drop();
    stream.cancel();
    stream.cancel();
    await vi.advanceTimersByTimeAsync(500);
    expect(await stream.finished).toMatchObject({ state: 'cancelled', verified: true, off: 4 });
    expect(gateway.socket.sent.filter((f) => f.type === 'cancel').length).toBe(1);
  });

  it('an abort is a cancel; what was never sent is not sent', async () => {
    const client = await connected();
    const abort = new AbortController();
    const stream = client.send({ chat: CHAT, input: 'hi' }, { signal: abort.signal });
    abort.abort();
    expect((await stream.finished).state).toBe('cancelled');
    gateway.refuse = (socket) => socket.drop();
    gateway.socket.drop();
    await settle();
    const never = client.send({ chat: CHAT, input: 'hi' });
    never.cancel();
    expect(await never.finished).toMatchObject({ state: 'cancelled', verified: false });
    expect(gateway.begun).toBe(1);
  });

  it('is refused with the words of the gateway', async () => {
    const client = await connected();
    gateway.onFrame = (socket, frame) => {
      if (frame.type === 'send') socket.push({ type: 'error', gen: frame.gen, code: 'BUSY', message: 'busy', retry: 'backoff', after_ms: 100 });
    };
    const stream = client.send({ chat: CHAT, input: 'hi' });
    expect(await stream.finished).toMatchObject({ state: 'refused', verified: false, error: { code: 'BUSY', message: 'busy', retry: 'backoff', after_ms: 100 } });
  });

  it('too large is refused here, because the gateway would close the connection', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'ä'.repeat(20_000) });
    expect(await stream.finished).toMatchObject({ state: 'refused', error: { code: 'TOO_LARGE' } });
    expect(gateway.socket.sent.length).toBe(1);
  });

  it('replaces lone surrogates, which have no UTF-8', async () => {
    const client = await connected();
    client.send({ chat: CHAT, input: 'a\ud800b🙂\udc00' });
    expect(gateway.socket.sent.at(-1)!.input).toBe('a\ufffdb🙂\ufffd');
  });

  it('that is unknown on resume is gone', async () => {
    const client = await connected();
    expect(await client.resume(uuid()).finished).toMatchObject({ state: 'gone', error: { code: 'NOT_FOUND' } });
  });

  it('found after a reload is followed from 0', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 5);
    const second = await connected();
    const same = second.resume(stream.gen);
    expect(same.text).toBe('The a');
    gateway.finish(stream.gen);
    expect((await same.finished).verified).toBe(true);
  });

  it('whose text is wrong three times is told, never shown as good', async () => {
    const client = await connected();
    gateway.mangle = (frame) => (frame.type === 'delta' ? { ...frame, text: `${String(frame.text)}?` } : frame);
    const stream = client.send({ chat: CHAT, input: 'hi' });
    const seen = events(stream);
    gateway.grow(stream.gen, 5);
    const result = await stream.finished;
    expect(result).toMatchObject({ state: 'mismatch', verified: false, error: { code: 'MISMATCH' } });
    expect(seen.filter((e) => e.type === 'resuming').length).toBe(2);
    expect(gateway.socket.sent.at(-1)).toEqual({ type: 'unfollow', gen: stream.gen });
  });

  it('mends one corrupted frame by resuming there', async () => {
    gateway.text = randomText(seeded(5), 300);
    const client = await connected();
    let once = true;
    gateway.mangle = (frame) => {
      if (!once || frame.type !== 'delta' || Number(frame.off) < 200) return frame;
      once = false;
      return { ...frame, text: 'wrong' };
    };
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
    expect([stream.text, stream.resumes]).toEqual([gateway.text, 1]);
  });

  it('whose resume nobody answers asks again', async () => {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 4);
    const keepAlive = setInterval(() => gateway.socket.push({ type: 'ping' }), 5_000);
    gateway.mangle = () => null;
    gateway.grow(stream.gen, 6);
    gateway.mangle = (f) => (f.type === 'delta' ? f : null);
    const answer = gateway.onFrame.bind(gateway);
    gateway.onFrame = (socket, frame) => void (frame.type !== 'resume' && answer(socket, frame));
    gateway.grow(stream.gen, 8);
    expect(gateway.socket.sent.at(-1)).toMatchObject({ type: 'resume', off: 4 });
    gateway.onFrame = answer;
    gateway.mangle = (f) => f;
    await vi.advanceTimersByTimeAsync(31_000);
    gateway.finish(stream.gen);
    clearInterval(keepAlive);
    expect((await stream.finished).verified).toBe(true);
    expect(stream.text).toBe('The answer.');
  });
});

describe('in a storm of broken connections', () => {
  it('every answer ends with exactly its bytes, and none runs twice', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      gateway = new Gateway();
      gateway.random = random;
      const client = await connected({ random });
      const streams: Stream[] = [];
      const texts: string[] = [];
      for (let i = 0; i < 3; i++) {
        gateway.text = randomText(random, 200);
        texts.push(gateway.text);
        streams.push(client.send({ chat: uuid(), input: 'hi' }));
      }
      for (let step = 0; step < 60; step++) {
        const kind = random();
        if (kind < 0.12) gateway.socket.drop(random() < 0.5 ? 1006 : 4001);
        else if (kind < 0.18) gateway.socket.push({ type: 'goaway', in_ms: 0, spread_ms: 300 });
        else if (kind < 0.22) client.wake(true);
        else await vi.advanceTimersByTimeAsync(Math.floor(random() * 400));
        for (const stream of streams) {
          const run = gateway.runs.get(stream.gen);
          if (run && !run.state) gateway.grow(stream.gen, run.grown + Math.floor(random() * 40));
        }
      }
      await vi.advanceTimersByTimeAsync(60_000);
      for (const stream of streams) gateway.finish(stream.gen);
      await vi.advanceTimersByTimeAsync(60_000);
      for (const [i, stream] of streams.entries()) {
        expect(stream.result, `seed ${seed}`).toMatchObject({ state: 'complete', verified: true });
        expect(stream.text).toBe(texts[i]);
      }
      expect(gateway.begun).toBe(3);
      client.close();
    }
  });
});

describe('small things', () => {
  it('backoff: at once when told, only once', () => {
    const backoff = new Backoff(() => 0.5);
    backoff.now();
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 250, 500]);
  });

  it('ids are UUIDs of version 7, in order of time', () => {
    const a = uuid(1_000_000_000_000);
    const b = uuid(1_000_000_000_001);
    expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(a < b).toBe(true);
    expect(new Set(Array.from({ length: 1000 }, () => uuid())).size).toBe(1000);
  });
});
