import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientApi, ClientEvent } from '../src/api.js';
import type { StreamEvent, StreamHandle } from '../src/handle.js';
import { uuid } from '../src/ids.js';
import { RemoteClient, type Kind, type RemoteOptions } from '../src/remote/client.js';
import { Hub } from '../src/remote/hub.js';
import type { Port } from '../src/remote/messages.js';
import { Gateway } from './gateway.js';
import { randomText, seeded } from './random.js';

const CHAT = '01930000-0000-7000-8000-0000000000aa';
let gateway: Gateway;
let hub: Hub;
let clients: ClientApi[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  gateway = new Gateway();
  hub = new Hub({ WebSocket: gateway.Socket, random: () => 0.5 });
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Two ends; what one says the other hears as a copy, a turn later, unless it is frozen. */
class End implements Port {
  onmessage: ((event: { data: any }) => void) | null = null;
  other!: End;
  said = 0;
  closed = false;
  postMessage(message: unknown): void {
    this.said++;
    const data = structuredClone(message);
    queueMicrotask(() => this.other.closed || this.other.onmessage?.({ data }));
  }
  close(): void {
    this.closed = true;
  }
}
function pair(): [End, End] {
  const [a, b] = [new End(), new End()];
  [a.other, b.other] = [b, a];
  return [a, b];
}

interface Tab {
  client: RemoteClient;
  page: End;
  worker: End;
}
function tab(options: RemoteOptions = {}, kind: Partial<Kind> = {}): Tab {
  const [page, worker] = pair();
  const open = () => {
    hub.attach(worker);
    return { port: page, end: () => page.close() };
  };
  const client = new RemoteClient({ url: 'ws://x/v1/ws', watchNetwork: false, ...options }, { ways: [open], ...kind });
  clients.push(client);
  return { client, page, worker };
}
async function connected(options: RemoteOptions = {}, kind: Partial<Kind> = {}): Promise<Tab> {
  const it = tab(options, kind);
  it.client.connect();
  await turns();
  expect(it.client.state).toBe('open');
  return it;
}
const turns = () => vi.advanceTimersByTimeAsync(40);
function events(stream: StreamHandle): StreamEvent[] {
  const all: StreamEvent[] = [];
  stream.on((e) => all.push(e));
  return all;
}

describe('a client in a Worker', () => {
  it('is connected, and says the same as a client of this thread', async () => {
    const seen: ClientEvent[] = [];
    const { client } = tab({ token: 'secret', name: 'page/1' });
    client.on((e) => seen.push(e));
    client.connect();
    expect(client.state).toBe('connecting');
    await turns();
    expect(gateway.socket.sent[0]).toEqual({ type: 'hello', client: 'page/1', token: 'secret' });
    expect([client.state, client.node, client.session, client.limits?.prompt]).toEqual(['open', 'a', 's', 32768]);
    expect(seen.map((e) => e.type)).toEqual(['state', 'state', 'state', 'welcome']);
  });

  it('streams: text, position, checksum, end', async () => {
    const { client } = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    const seen = events(stream);
    await turns();
    gateway.grow(stream.gen, 4);
    await turns();
    expect([stream.text, stream.cursor().off, stream.accepted, stream.message]).toEqual(['The ', 4, true, `m-${stream.gen}`]);
    gateway.finish(stream.gen);
    await turns();
    expect(await stream.finished).toMatchObject({ state: 'complete', verified: true, usage: { completion_tokens: 2 } });
    expect(stream.cursor().crc).toBe(stream.result!.crc);
    expect(seen.map((e) => e.type)).toEqual(['accepted', 'text', 'text', 'done']);
    expect(client.stream(stream.gen)).toBe(undefined);
  });

  it('gets at most one message a frame, however many deltas there are', async () => {
    gateway.text = randomText(seeded(2), 4000);
    const { client, worker } = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await turns();
    const before = worker.said;
    let deltas = 0;
    gateway.mangle = (frame) => (frame.type === 'delta' && deltas++, frame);
    for (let ms = 0; ms < 160; ms += 2) {
      gateway.grow(stream.gen, gateway.runs.get(stream.gen)!.grown + 60);
      await vi.advanceTimersByTimeAsync(2);
    }
    expect(deltas).toBeGreaterThan(80);
    expect(worker.said - before).toBeLessThanOrEqual(12);
    gateway.finish(stream.gen);
    await turns();
    expect(stream.text).toBe(gateway.text);
  });

  it('a page that does not paint gets one large message when it does', async () => {
    gateway.text = randomText(seeded(3), 900);
    const { client, page, worker } = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await turns();
    const hear = page.onmessage;
    const held: unknown[] = [];
    page.onmessage = ({ data }) => void held.push(data);
    const before = worker.said;
    for (let i = 0; i < 50; i++) {
      gateway.grow(stream.gen, gateway.runs.get(stream.gen)!.grown + 60);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(worker.said - before).toBe(1);
    page.onmessage = hear;
    for (const data of held) hear!({ data });
    gateway.finish(stream.gen);
    await turns();
    await turns();
    expect(stream.text).toBe(gateway.text);
    expect(worker.said - before).toBeLessThanOrEqual(3);
  });

  it('rewinds cut its parts where the Worker cut them', async () => {
    const { client } = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    const seen = events(stream);
    await turns();
    gateway.grow(stream.gen, 9);
    await turns();
    const { log } = gateway.runs.get(stream.gen)!;
    gateway.socket.push(log.rewind(4, 'restarted'));
    await turns();
    expect([stream.text, stream.parts, stream.cursor().off]).toEqual(['The ', [{ part: 'text', text: 'The ' }], 4]);
    expect(seen.at(-1)).toEqual({ type: 'rewind', off: 4, reason: 'restarted', text: 4, reasoning: 0 });
  });

  it('cancels, aborts, is refused, and is an async iterable', async () => {
    const { client } = await connected();
    const abort = new AbortController();
    const stream = client.send({ chat: CHAT, input: 'hi' }, { signal: abort.signal });
    await turns();
    gateway.grow(stream.gen, 4);
    abort.abort();
    await turns();
    expect(await stream.finished).toMatchObject({ state: 'cancelled', verified: true, off: 4 });
    let text = '';
    for await (const event of stream) if (event.type === 'text') text += event.text;
    expect(text).toBe('The ');
    const large = client.send({ chat: CHAT, input: 'ä'.repeat(20_000) });
    await turns();
    expect(await large.finished).toMatchObject({ state: 'refused', error: { code: 'TOO_LARGE' } });
    const never = client.send({ chat: CHAT, input: 'hi' }, { signal: AbortSignal.abort() });
    await turns();
    expect((await never.finished).state).toBe('cancelled');
  });

  it('asks the page for each credential, and tells the open connection of a new one', async () => {
    let n = 0;
    const { client } = await connected({ token: async () => `t${++n}` });
    expect(gateway.socket.sent[0]!.token).toBe('t1');
    const refreshed = client.refreshToken();
    await turns();
    await turns();
    await refreshed;
    expect(gateway.socket.sent.at(-1)).toEqual({ type: 'auth', token: 't2' });
    client.setToken('fixed');
    await turns();
    expect(gateway.socket.sent.at(-1)).toEqual({ type: 'auth', token: 'fixed' });
    gateway.socket.drop(4005);
    await vi.advanceTimersByTimeAsync(600);
    expect(gateway.socket.sent[0]!.token).toBe('fixed');
  });

  it('asks a page for a credential that has not painted for long', async () => {
    let n = 0;
    const { page } = await connected({ token: () => `t${++n}` });
    const hear = page.onmessage!;
    page.onmessage = (event) => event.data.every((item: { of: string }) => item.of === 'token') && hear(event);
    gateway.socket.drop(4005);
    await vi.advanceTimersByTimeAsync(600);
    expect(gateway.socket.sent[0]!.token).toBe('t2');
  });

  it('without the right credential waits for one', async () => {
    gateway.token = 'right';
    const { client } = tab({ token: 'wrong' });
    client.connect();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await turns();
    expect([client.state, client.unauthorized, stream.result]).toEqual(['closed', true, null]);
    client.setToken('right');
    client.connect();
    await turns();
    gateway.finish(stream.gen);
    await turns();
    expect((await stream.finished).verified).toBe(true);
  });

  it('that does not start is replaced by the next way, and what was asked is asked there', async () => {
    const [dead] = pair();
    let fail!: () => void;
    const broken = (failed: () => void) => ((fail = failed), { port: dead, end: () => dead.close() });
    const [page, worker] = pair();
    const open = () => (hub.attach(worker), { port: page, end: () => {} });
    const throws = () => {
      throw new Error('no Worker here');
    };
    const client = new RemoteClient({ url: 'ws://x', watchNetwork: false }, { ways: [throws, broken, open] });
    clients.push(client);
    client.connect();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await turns();
    expect(client.state).toBe('connecting');
    fail();
    await turns();
    gateway.finish(stream.gen);
    await turns();
    expect([client.state, stream.result?.verified, dead.closed]).toEqual(['open', true, true]);
  });

  it('closed, it detaches its streams, and can be connected again', async () => {
    const { client } = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    await turns();
    client.close();
    expect([client.state, stream.result?.state]).toEqual(['closed', 'detached']);
    await turns();
    expect([gateway.socket.closedWith, gateway.runs.get(stream.gen)!.state]).toEqual([1000, null]);
  });

  it('in a storm every answer ends with exactly its bytes', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = seeded(seed);
      gateway = new Gateway();
      gateway.random = random;
      hub = new Hub({ WebSocket: gateway.Socket, random });
      const { client } = await connected();
      gateway.text = randomText(random, 300);
      const stream = client.send({ chat: uuid(), input: 'hi' });
      await turns();
      for (let step = 0; step < 60; step++) {
        if (random() < 0.15) gateway.socket.drop(1006);
        else await vi.advanceTimersByTimeAsync(Math.floor(random() * 400));
        const run = gateway.runs.get(stream.gen);
        if (run) gateway.grow(stream.gen, run.grown + Math.floor(random() * 40));
      }
      await vi.advanceTimersByTimeAsync(60_000);
      gateway.finish(stream.gen);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(stream.result, `seed ${seed}`).toMatchObject({ state: 'complete', verified: true });
      expect(stream.text).toBe(gateway.text);
      client.close();
    }
  });
});

describe('tabs that share a Worker', () => {
  it('share one connection, and see each other’s answers', async () => {
    const [a, b] = [await connected(), await connected()];
    expect(gateway.sockets.length).toBe(1);
    const heard: ClientEvent[] = [];
    b.client.on((e) => heard.push(e));
    const stream = a.client.send({ chat: CHAT, input: 'hi' });
    await turns();
    expect(heard).toEqual([{ type: 'active', info: { gen: stream.gen, chat: CHAT, state: 'running', off: 0 } }]);
    gateway.grow(stream.gen, 4);
    await turns();
    const same = b.client.resume(stream.gen);
    await turns();
    expect([same.text, same.message, same.chat]).toEqual(['The ', stream.message, CHAT]);
    gateway.finish(stream.gen);
    await turns();
    expect([stream.result?.verified, same.result?.verified]).toEqual([true, true]);
    expect(gateway.socket.sent.filter((f) => f.type === 'resume' || f.type === 'send').length).toBe(1);
  });

  it('a tab that comes later is told what runs', async () => {
    const a = await connected();
    const stream = a.client.send({ chat: CHAT, input: 'hi' });
    await turns();
    const late = tab();
    const heard: ClientEvent[] = [];
    late.client.on('welcome', (e) => heard.push(e));
    late.client.connect();
    await turns();
    expect(heard).toMatchObject([{ welcome: { active: [{ gen: stream.gen, chat: CHAT, state: 'running' }] } }]);
  });

  it('a tab that goes cancels nothing; what nobody looks at is unfollowed', async () => {
    const [a, b] = [await connected(), await connected()];
    const both = a.client.send({ chat: CHAT, input: 'hi' });
    const alone = a.client.send({ chat: CHAT, input: 'ho' });
    await turns();
    const seen = b.client.resume(both.gen);
    await turns();
    a.client.close();
    await turns();
    expect(gateway.socket.sent.filter((f) => f.type === 'unfollow')).toEqual([{ type: 'unfollow', gen: alone.gen }]);
    expect(gateway.socket.sent.some((f) => f.type === 'cancel')).toBe(false);
    gateway.finish(both.gen);
    await turns();
    expect([seen.result?.verified, b.client.state]).toEqual([true, 'open']);
    b.client.close();
    await turns();
    expect(gateway.socket.closedWith).toBe(1000);
  });

  it('a tab whose lock is let go is gone', async () => {
    let release!: () => void;
    const locks = { request: async (_: string, held: () => void) => void (release = held) };
    vi.stubGlobal('navigator', { locks });
    const live: Kind['live'] = (tell) => (tell({ do: 'lock', name: 'n' }), () => {});
    const [a, b] = [await connected({}, { live }), await connected()];
    const stream = a.client.send({ chat: CHAT, input: 'hi' });
    await turns();
    release();
    await turns();
    expect(gateway.socket.sent.at(-1)).toEqual({ type: 'unfollow', gen: stream.gen });
    expect(b.client.state).toBe('open');
    vi.unstubAllGlobals();
  });

  it('a tab that was silent for long is forgotten, and when it wakes goes on', async () => {
    const [a, b] = [await connected(), await connected()];
    const keep = setInterval(() => (gateway.socket.push({ type: 'ping' }), b.client.wake()), 20_000);
    const stream = a.client.send({ chat: CHAT, input: 'hi' });
    await turns();
    gateway.grow(stream.gen, 4);
    await turns();
    const seen = events(stream);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(gateway.socket.sent.at(-1)!.type === 'pong' && gateway.socket.sent.some((f) => f.type === 'unfollow')).toBe(true);
    a.client.wake();
    await turns();
    await turns();
    gateway.finish(stream.gen);
    await turns();
    await turns();
    clearInterval(keep);
    expect(stream.result).toMatchObject({ verified: true });
    expect(stream.text).toBe('The answer.');
    expect(seen[0]).toMatchObject({ type: 'rewind', off: 0 });
    expect(gateway.socket.sent.filter((f) => f.type === 'resume').at(-1)).toMatchObject({ off: 4 });
  });

  it('asks another tab for a credential when the first does not answer', async () => {
    const tokens: string[] = [];
    const frozen = () => new Promise<string>(() => {});
    const a = tab({ token: frozen });
    const b = tab({ token: () => (tokens.push('b'), 'b') });
    a.client.connect();
    b.client.connect();
    await vi.advanceTimersByTimeAsync(6_000);
    expect([gateway.socket.sent[0]!.token, tokens.length, b.client.state]).toEqual(['b', 1, 'open']);
  });

  it('tabs with different credentials or scopes share nothing', async () => {
    await connected({ token: 'x' });
    await connected({ token: 'y' });
    await connected({ token: 'y' }, { scope: 'other' });
    await connected({ token: 'y' });
    expect(gateway.sockets.map((s) => s.sent[0]!.token)).toEqual(['x', 'y', 'y']);
  });
});
