/**
 * A gateway in memory for the client's tests: fake sockets, time in the hands of the test, generations that
 * grow when told to. It speaks PROTOCOL.md as far as a client can see.
 */
import type { SocketClass, SocketLike } from '../src/link.js';
import type { Frame, Position } from '../src/wire.js';
import { Log } from './log.js';

type Dict = Record<string, any>;

export class FakeSocket implements SocketLike {
  readyState = 0;
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: { data: any }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  sent: Dict[] = [];
  closedWith: number | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string | string[] | undefined,
    private readonly gateway: Gateway,
  ) {
    gateway.sockets.push(this);
    queueMicrotask(() => gateway.onSocket(this));
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error('not open');
    const frame = JSON.parse(data) as Dict;
    this.sent.push(frame);
    this.gateway.onFrame(this, frame);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
    this.readyState = 3;
  }

  // ---- the gateway's end ----

  accept(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  push(frame: Frame): void {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(code = 1006, reason = ''): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

interface Running {
  log: Log;
  chat: string;
  request: Dict;
  /** Bytes of the log that exist so far. */
  grown: number;
  state: string | null;
  followers: Map<FakeSocket, number>;
}

export class Gateway {
  sockets: FakeSocket[] = [];
  runs = new Map<string, Running>();
  /** How many sends began a generation. */
  begun = 0;
  /** The next sockets do this instead of being accepted. */
  refuse: ((socket: FakeSocket) => void) | null = null;
  /** Text of the next answers. */
  text = 'The answer.';
  token: string | null = null;
  random: () => number = () => 0.999;
  /** Changes a frame on its way, or loses it. */
  mangle: (frame: Frame) => Frame | null = (f) => f;

  readonly Socket: SocketClass;

  constructor() {
    const gateway = this;
    this.Socket = class extends FakeSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, gateway);
      }
    };
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  onSocket(socket: FakeSocket): void {
    if (this.refuse) this.refuse(socket);
    else socket.accept();
  }

  onFrame(socket: FakeSocket, frame: Dict): void {
    if (frame.type === 'hello') this.#hello(socket, frame);
    else if (frame.type === 'send') this.#send(socket, frame);
    else if (frame.type === 'resume') this.#resume(socket, frame as unknown as Position);
    else if (frame.type === 'cancel') this.finish(frame.gen as string, 'cancelled');
  }

  #hello(socket: FakeSocket, frame: Dict): void {
    if (this.token && frame.token !== this.token) {
      socket.push({ type: 'error', code: 'UNAUTHORIZED', message: 'no', retry: 'never' });
      return socket.drop(4501);
    }
    const limits = { message: 65536, prompt: 32768, disconnect_ms: 10000 };
    const active = [...this.runs.values()].filter((r) => !r.state).map((r) => ({ gen: r.log.gen, chat: r.chat, state: 'running', off: r.grown }));
    socket.push({ type: 'welcome', session: 's', node: 'a', ping_ms: 25000, limits, active });
    for (const position of (frame.resume ?? []) as Position[]) this.#resume(socket, position);
  }

  #send(socket: FakeSocket, frame: Dict): void {
    const gen = frame.gen as string;
    let run = this.runs.get(gen);
    if (!run) {
      this.begun++;
      run = { log: new Log(gen, this.text), chat: frame.chat as string, request: frame, grown: 0, state: null, followers: new Map() };
      this.runs.set(gen, run);
    }
    socket.push({ type: 'accepted', gen, chat: run.chat, message: `m-${gen}`, parent: `p-${gen}` });
    this.#resume(socket, { gen, epoch: 1, off: 0, crc: '00000000' });
  }

  #resume(socket: FakeSocket, position: Position): void {
    const run = this.runs.get(position.gen);
    if (!run) {
      socket.push({ type: 'error', gen: position.gen, code: 'NOT_FOUND', message: 'unknown', retry: 'never' });
      return;
    }
    const { log } = run;
    const agrees = (off: number, crc: string) => off <= run!.grown && log.boundary(off) && log.crc(off) === crc;
    let from = position.off;
    if (!agrees(position.off, position.crc)) {
      from = 0;
      for (const [off, crc] of position.marks ?? []) if (off > from && agrees(off, crc)) from = off;
      this.push(socket, log.rewind(from, 'diverged'));
    }
    run.followers.set(socket, from);
    this.#flow(run, socket);
    this.push(socket, { type: 'live', gen: log.gen, off: run.grown });
    if (run.state) this.push(socket, log.done(run.state));
  }

  /** The generation has `to` bytes now; followers get them. */
  grow(gen: string, to = Infinity): void {
    const run = this.runs.get(gen)!;
    run.grown = Math.min(run.log.bytes.length, to);
    while (!run.log.boundary(run.grown)) run.grown++;
    for (const socket of run.followers.keys()) this.#flow(run, socket);
  }

  finish(gen: string, state = 'complete'): void {
    const run = this.runs.get(gen);
    if (!run || run.state) return;
    if (state === 'cancelled') run.log.bytes = run.log.bytes.slice(0, run.grown);
    else this.grow(gen);
    run.state = state;
    for (const socket of run.followers.keys()) this.push(socket, run.log.done(state));
  }

  push(socket: FakeSocket, frame: Frame): void {
    const sent = this.mangle(frame);
    if (sent) socket.push(sent);
  }

  #flow(run: Running, socket: FakeSocket): void {
    let from = run.followers.get(socket)!;
    while (from < run.grown) {
      let to = Math.min(run.grown, from + 1 + Math.floor(this.random() * 12));
      while (!run.log.boundary(to)) to++;
      this.push(socket, run.log.delta(from, to));
      from = to;
    }
    run.followers.set(socket, from);
  }
}
