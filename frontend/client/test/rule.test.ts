/** The corners of the client's rule: credentials, moves, refusals, resumes that stay unanswered, and what was kept. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client, type ClientOptions } from '../src/client.js';
import { crc32c, crcHex } from '../src/crc32c.js';
import { Cursor } from '../src/cursor.js';
import { uuid } from '../src/ids.js';
import type { Frame } from '../src/wire.js';
import { Gateway } from './gateway.js';
import { Log } from './log.js';
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
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
function made(options: ClientOptions = {}): Client {
  const client = new Client({ url: 'ws://x/v1/ws', WebSocket: gateway.Socket, random: () => 0.5, ...options });
  clients.push(client);
  return client;
}
async function connected(options: ClientOptions = {}): Promise<Client> {
  const client = made(options);
  client.connect();
  await settle();
  return client;
}
const sent = (type: string): Frame[] => gateway.socket.sent.filter((f) => f.type === type) as unknown as Frame[];

describe('credentials', () => {
  it('are had before a socket is opened, because the gateway waits for hello only a moment', async () => {
    let give!: (token: string) => void;
    const client = made({ token: () => new Promise((resolve) => (give = resolve)) });
    client.connect();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(gateway.sockets.length).toBe(0);
    give('late');
    await settle();
    expect([client.state, gateway.socket.sent[0]!.token]).toEqual(['open', 'late']);
  });

  it('that never come are asked for again', async () => {
    let asked = 0;
    const client = made({ token: () => (++asked < 2 ? new Promise(() => {}) : 'second') });
    client.connect();
    await vi.advanceTimersByTimeAsync(22_000);
    expect([client.state, asked, gateway.socket.sent[0]!.token]).toEqual(['open', 2, 'second']);
  });

  it('that change reach the open connection, in place; a bad one changes nothing', async () => {
    let n = 0;
    const client = await connected({ token: () => `t${++n}` });
    await client.refreshToken();
    client.setToken(() => 'other');
    await settle();
    expect(sent('auth').map((f) => f.token)).toEqual(['t2', 'other']);
    gateway.socket.push({ type: 'error', code: 'UNAUTHORIZED', message: 'no', retry: 'never' });
    expect([client.state, client.unauthorized]).toEqual(['open', false]);
  });

  it('that change while a connection is on its way are told once it is there', async () => {
    const client = made({ token: 'old' });
    client.connect();
    const { send } = gateway.Socket.prototype as unknown as { send: (data: string) => void };
    let hello!: () => void;
    (gateway.Socket.prototype as any).send = function (data: string) {
      if (data.includes('hello')) hello = () => send.call(this, data);
      else send.call(this, data);
    };
    await settle();
    client.setToken('new');
    hello();
    await settle();
    expect([gateway.socket.sent[0]!.token, sent('auth').map((f) => f.token)]).toEqual(['old', ['new']]);
  });

  it('that run out are renewed and the answers go on', async () => {
    gateway.text = randomText(seeded(4), 200);
    let n = 0;
    const client = await connected({ token: () => `t${++n}` });
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 60);
    gateway.socket.drop(4005);
    await vi.advanceTimersByTimeAsync(500);
    expect(gateway.socket.sent[0]).toMatchObject({ token: 't2', resume: [{ gen: stream.gen }] });
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
  });

  it('long ones leave less room for resumes in hello, which stays within 32 KiB', async () => {
    gateway.text = 'x'.repeat(20_000);
    const client = await connected({ token: 't'.repeat(12_000) });
    const streams = Array.from({ length: 30 }, () => client.send({ chat: uuid(), input: 'hi' }));
    for (const stream of streams) gateway.grow(stream.gen, 19_000);
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(500);
    const [hello] = gateway.socket.sent;
    expect(JSON.stringify(hello).length).toBeLessThan(32 * 1024);
    expect(hello!.resume.length + sent('resume').length).toBe(30);
  });
});

describe('what is sent', () => {
  it('stays as it was: a change of the request later changes nothing', async () => {
    const client = made();
    const request = { chat: CHAT.toUpperCase(), input: 'hi', params: { system: 'a\ud800', stop: ['\udc00'] } };
    const stream = client.send(request);
    request.params.system = 'changed';
    client.connect();
    await settle();
    expect(sent('send')[0]).toEqual({
      type: 'send',
      gen: stream.gen,
      chat: CHAT,
      input: 'hi',
      params: { system: 'a\ufffd', stop: ['\ufffd'] },
    });
  });

  it('and turns out too large once the limits are known, is refused and not sent', async () => {
    const client = made();
    const large = client.send({ chat: CHAT, input: 'x'.repeat(40_000) });
    client.connect();
    await settle();
    expect([(await large.finished).error?.code, client.state, sent('send').length]).toEqual(['TOO_LARGE', 'open', 0]);
  });

  it('and refused by a gateway that leaves, is asked of the next one', async () => {
    const client = await connected();
    const first = gateway.socket;
    const answer = gateway.onFrame.bind(gateway);
    gateway.onFrame = (socket, frame) => {
      if (socket !== first || frame.type !== 'send') return answer(socket, frame);
      socket.push({ type: 'error', gen: frame.gen, code: 'UPSTREAM_UNAVAILABLE', message: 'leaving', retry: 'backoff' });
    };
    first.push({ type: 'goaway', in_ms: 5000, spread_ms: 100 });
    const stream = client.send({ chat: CHAT, input: 'hi' });
    expect(stream.result).toBe(null);
    await vi.advanceTimersByTimeAsync(1_100);
    gateway.finish(stream.gen);
    expect((await stream.finished).verified).toBe(true);
  });

  it('a cancel of what is not followed waits for a connection', async () => {
    const client = made();
    client.cancel('01930000-0000-7000-8000-0000000000bb');
    client.connect();
    await settle();
    expect(sent('cancel')).toEqual([{ type: 'cancel', gen: '01930000-0000-7000-8000-0000000000bb' }]);
  });
});

describe('moving', () => {
  it('a gateway that welcomes and says goaway at once is not hammered', async () => {
    const client = await connected({ random: () => 0.9 });
    for (let i = 0; i < 5; i++) {
      gateway.socket.push({ type: 'goaway', in_ms: 0, spread_ms: 0 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect([client.state, gateway.sockets.length]).toEqual(['open', 6]);
    gateway.socket.push({ type: 'goaway', in_ms: 0, spread_ms: 0 });
    await vi.advanceTimersByTimeAsync(10);
    expect(gateway.sockets.length).toBe(6);
  });

  it('connections that break as soon as they are welcomed are tried ever more seldom', async () => {
    const client = await connected({ random: () => 1 });
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      gateway.socket.drop(4002);
      waits.push(client.retryAt! - Date.now());
      await vi.advanceTimersByTimeAsync(waits.at(-1)!);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
    await vi.advanceTimersByTimeAsync(11_000);
    gateway.socket.drop(4002);
    expect(client.retryAt! - Date.now()).toBe(500);
  });

  it('browser events wake and put to sleep', async () => {
    const page = new EventTarget() as EventTarget & { document: EventTarget & { visibilityState: string } };
    page.document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
    vi.stubGlobal('document', page.document);
    for (const name of ['addEventListener', 'removeEventListener'] as const) vi.stubGlobal(name, page[name].bind(page));
    const client = await connected();
    page.dispatchEvent(new Event('offline'));
    expect(client.state).toBe('offline');
    await settle();
    gateway.refuse = (socket) => socket.drop();
    gateway.socket.drop();
    await vi.advanceTimersByTimeAsync(30_000);
    gateway.refuse = null;
    page.document.visibilityState = 'visible';
    page.document.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(client.state).toBe('open');
    const before = gateway.sockets.length;
    page.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.sockets.length).toBe(before + 1);
    client.close();
    page.dispatchEvent(new Event('online'));
    await settle();
    expect([client.state, gateway.sockets.length]).toEqual(['closed', before + 1]);
  });
});

describe('resumes', () => {
  async function gap(): Promise<{ client: Client; stream: ReturnType<Client['send']> }> {
    const client = await connected();
    const stream = client.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 4);
    const answer = gateway.onFrame.bind(gateway);
    gateway.onFrame = (socket, frame) => void (frame.type !== 'resume' && answer(socket, frame));
    gateway.mangle = (frame) => (frame.off === 4 ? null : frame);
    gateway.random = () => 0;
    gateway.grow(stream.gen, 6);
    gateway.mangle = (f) => f;
    expect(sent('resume').length).toBe(1);
    return { client, stream };
  }
  const alive = async (ms: number) => {
    for (let t = 0; t < ms; t += 10_000) {
      gateway.socket.push({ type: 'ping' });
      await vi.advanceTimersByTimeAsync(10_000);
    }
  };

  it('that nobody answers are sent again, and prove nothing about the text', async () => {
    const { stream } = await gap();
    await alive(200_000);
    expect(stream.result).toBe(null);
    const asked = sent('resume');
    expect(asked.length).toBe(7);
    expect(new Set(asked.map((f) => f.off))).toEqual(new Set([4]));
  });

  it('that are refused for now are sent again when the gateway says', async () => {
    const { stream } = await gap();
    gateway.socket.push({ type: 'error', gen: stream.gen, code: 'RATE_LIMITED', message: 'wait', retry: 'backoff', after_ms: 700 });
    await vi.advanceTimersByTimeAsync(600);
    expect(sent('resume').length).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect([sent('resume').length, stream.result]).toEqual([2, null]);
  });

  it('a start whose checksum is not ours is a failure like any other', () => {
    const log = new Log(uuid(), 'The answer.');
    const cursor = new Cursor(log.gen);
    cursor.take(log.delta(0, 4));
    const start = { type: 'start', gen: log.gen, epoch: 2, model: 'm', mode: 'prefix', off: 4 };
    expect(cursor.take({ ...start, crc: log.crc(4) })).toEqual({ do: 'drop' });
    expect(cursor.take({ ...start, off: 2, crc: 'ffffffff' })).toEqual({ do: 'drop' });
    expect(cursor.take({ ...start, crc: 'ffffffff' })).toMatchObject({ do: 'resume', position: { off: 4 } });
  });
});

describe('what was kept', () => {
  it('is gone on from: only the rest comes', async () => {
    gateway.text = randomText(seeded(8), 900);
    const first = await connected();
    const stream = first.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 2_000);
    const kept = JSON.parse(JSON.stringify(stream.snapshot()));
    first.close();
    const second = await connected();
    expect([...second.active.values()]).toMatchObject([{ gen: stream.gen, chat: CHAT, state: 'running' }]);
    const again = second.resume(stream.gen, { from: kept });
    expect(again.chat).toBe(CHAT);
    const [resume] = sent('resume');
    expect([resume!.off, resume!.crc]).toEqual([stream.cursor().off, stream.cursor().crc]);
    expect((resume!.marks as unknown[]).length).toBeGreaterThan(4);
    gateway.finish(stream.gen);
    expect((await again.finished).verified).toBe(true);
    expect(again.text).toBe(gateway.text);
    expect(second.active.size).toBe(0);
  });

  it('and is not the log’s, is rewound to where it was', async () => {
    gateway.text = randomText(seeded(9), 900);
    const first = await connected();
    const stream = first.send({ chat: CHAT, input: 'hi' });
    gateway.grow(stream.gen, 2_000);
    const kept = stream.snapshot();
    kept.parts = [{ part: 'text', text: `${gateway.text.slice(0, 900)}something else that nobody wrote` }];
    first.close();
    const again = (await connected()).resume(stream.gen, { from: kept });
    gateway.finish(stream.gen);
    expect((await again.finished).verified).toBe(true);
    expect(again.text).toBe(gateway.text);
  });

  it('whatever it is cut into, has the checksum of its bytes', () => {
    const random = seeded(10);
    for (let i = 0; i < 50; i++) {
      const text = randomText(random, 300);
      const cursor = new Cursor(uuid(), { epoch: 3, parts: [{ part: 'reasoning', text }, { part: 'text', text }] });
      const bytes = new TextEncoder().encode(text + text);
      expect(cursor.position()).toMatchObject({ epoch: 3, off: bytes.length, crc: crcHex(crc32c(bytes)) });
    }
  });
});

it('a listener that throws is heard of, and stops nobody', async () => {
  const client = await connected();
  const stream = client.send({ chat: CHAT, input: 'hi' });
  const thrown: unknown[] = [];
  vi.stubGlobal('queueMicrotask', (f: () => void) => {
    try {
      f();
    } catch (e) {
      thrown.push(e);
    }
  });
  stream.on('text', () => {
    throw new Error('mine');
  });
  let text = '';
  stream.on('text', (e) => (text += e.text));
  gateway.finish(stream.gen);
  vi.unstubAllGlobals();
  expect((await stream.finished).verified).toBe(true);
  expect([text, thrown.length > 0]).toEqual(['The answer.', true]);
});
