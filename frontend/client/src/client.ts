/**
 * The client: keeps one connection to a gateway, or is on the way to one, and the streams that live on it.
 *
 *     idle -> connecting -> open <-> reconnecting | offline -> closed
 *                            |
 *                     current link ---- goaway, network change ----> next link (hello carries every resume)
 *                            \------------ retired once next is welcomed ------------/
 *
 * A move is make-before-break: both links may deliver for a moment, and the cursors drop what comes twice. It
 * never decides that an answer is finished or lost; `done` and cursor.ts do.
 */
import { Backoff } from './backoff.js';
import { uuid } from './ids.js';
import { Link, type SocketClass } from './link.js';
import { Stream, type StreamError, type StreamOptions } from './stream.js';
import {
  closeReason,
  comesBack,
  type ActiveInfo,
  type ErrorFrame,
  type Frame,
  type Limits,
  type Position,
  type SendRequest,
  type WelcomeFrame,
} from './wire.js';

export type ClientState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'offline' | 'closed';

export type ClientEvent =
  | { type: 'state'; state: ClientState; since: number; reason: string | null; retryAt: number | null }
  | { type: 'welcome'; welcome: WelcomeFrame }
  | { type: 'active'; info: ActiveInfo }
  /** An error that belongs to no generation. */
  | { type: 'error'; error: StreamError };

type Token = string | null | undefined;

export interface ClientOptions {
  /** ws: or wss: address of `/v1/ws`; in a page, the page's own gateway if absent. */
  url?: string;
  /** Asked for each connection, so it may change. */
  token?: Token | (() => Token | Promise<Token>);
  /** Name of this client, for the gateway's log. */
  name?: string;
  WebSocket?: SocketClass;
  /** Follow the browser's `online`, `offline` and visibility events. Default true, where there are any. */
  watchNetwork?: boolean;
  random?: () => number;
}

/** Room left in `hello` (32 KiB) for everything but resumes. */
const HELLO_RESUME_BYTES = 28 * 1024;
const UNAUTHORIZED = 4501;

export class Client {
  state: ClientState = 'idle';
  /** When the present state began, in ms of the epoch. */
  since = Date.now();
  /** Why the connection was lost or closed, in words; null while all is well. */
  reason: string | null = null;
  retryAt: number | null = null;
  /** Set when the gateway refused our credential: `setToken` and `connect` again. */
  unauthorized = false;
  node: string | null = null;
  session: string | null = null;
  limits: Limits | null = null;

  readonly #options: ClientOptions;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  #link: Link | null = null;
  #next: Link | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(this.#random);
  }

  on(listener: (event: ClientEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(): void {
    if (this.state !== 'idle' && this.state !== 'closed') return;
    this.unauthorized = false;
    this.#backoff.reset();
    if (this.#options.watchNetwork !== false) this.#watchNetwork();
    this.#enter('connecting', null);
    this.#open();
  }

  /** Leaves for good. Generations go on; their streams finish as `detached`. */
  close(): void {
    this.#stop();
    this.#enter('closed', null);
    for (const stream of [...this.#streams.values()]) stream.detach(null);
  }

  /** The credential from now on; an open connection is told. */
  setToken(token: Token): void {
    this.#options.token = token;
    if (token) this.#link?.post({ type: 'auth', token });
  }

  /** Asks. The stream exists at once; it is sent when there is a connection, and again after a break. */
  send(request: SendRequest, options?: StreamOptions): Stream {
    const gen = request.gen ?? uuid();
    const known = this.#streams.get(gen);
    if (known) return known;
    const clean = { ...request, gen, input: request.input === null ? null : wellFormed(request.input) };
    const stream = new Stream(this.#outlet(), gen, clean, options);
    if (stream.result) return stream;
    this.#streams.set(gen, stream);
    const error = this.#tooLarge(clean);
    if (error) stream.refuse(error);
    else if (this.#link?.welcomed) stream.open(false);
    return stream;
  }

  /** Follows a generation that exists, from its beginning. */
  resume(gen: string, options?: StreamOptions): Stream {
    const known = this.#streams.get(gen);
    if (known) return known;
    const stream = new Stream(this.#outlet(), gen, null, options);
    this.#streams.set(gen, stream);
    if (this.#link?.welcomed) stream.open(false);
    return stream;
  }

  /** The stream of `gen`, while it is not finished. */
  stream(gen: string): Stream | undefined {
    return this.#streams.get(gen);
  }

  /** Stops following; the generation goes on and the stream finishes as `detached`. */
  unfollow(gen: string): void {
    const stream = this.#streams.get(gen);
    this.#link?.post({ type: 'unfollow', gen });
    stream?.detach(null);
  }

  /** Something says the network may be back, or time has passed unseen: look at once. */
  wake(networkChanged = false): void {
    if (this.state === 'reconnecting' || this.state === 'offline') {
      this.#backoff.reset();
      this.#backoff.now();
      this.#schedule();
    } else if (this.state === 'open') {
      if (networkChanged) this.#move(0);
      else this.#link?.check();
    }
  }

  /**
   * Something says the network is gone. The socket may hang for long before it notices, so it is given up and tried
   * anew at once: where the gateway can be reached all the same, that costs one handshake.
   */
  lost(): void {
    if (this.state !== 'open') return;
    this.#link?.retire();
    this.#next?.retire();
    this.#link = this.#next = null;
    for (const stream of this.#streams.values()) stream.interrupted();
    this.#enter('offline', 'the network is gone');
    this.#backoff.now();
    this.#schedule();
  }

  // ---- links ----

  #open(): void {
    clearTimeout(this.#timer);
    try {
      this.#next = this.#newLink();
    } catch (e) {
      this.#stop();
      this.#enter('closed', (e as Error).message);
    }
  }

  #newLink(): Link {
    const inHello = new Set<string>();
    const link: Link = new Link(this.#socketClass(), this.#url(), {
      hello: () => this.#hello(inHello),
      welcome: (frame) => this.#welcomed(link, frame, inHello),
      frame: (frame) => this.#frame(link, frame),
      ended: (code, reason) => this.#ended(link, code, reason),
    });
    return link;
  }

  async #hello(inHello: Set<string>): Promise<Frame> {
    const { token } = this.#options;
    const credential = typeof token === 'function' ? await token() : token;
    const hello: Frame = { type: 'hello', client: this.#options.name ?? 'lastword-ts/0.1' };
    if (credential) hello.token = credential;
    if (this.session) hello.session = this.session;
    const resume: Position[] = [];
    let room = HELLO_RESUME_BYTES;
    for (const stream of this.#streams.values()) {
      if (!stream.resumable || room < 2048) continue;
      const position = stream.resumeFrame();
      room -= JSON.stringify(position).length;
      resume.push(position);
      inHello.add(stream.gen);
    }
    if (resume.length > 0) hello.resume = resume;
    return hello;
  }

  #welcomed(link: Link, welcome: WelcomeFrame, inHello: Set<string>): void {
    this.#link?.retire();
    this.#link = link;
    this.#next = null;
    this.#backoff.reset();
    this.node = welcome.node;
    this.session = welcome.session;
    this.limits = welcome.limits;
    this.#enter('open', null);
    for (const [gen, stream] of [...this.#streams]) stream.open(inHello.has(gen));
    this.#emit({ type: 'welcome', welcome });
  }

  #frame(link: Link, frame: Frame): void {
    if (frame.type === 'goaway') {
      const spread = typeof frame.spread_ms === 'number' ? frame.spread_ms : 0;
      if (link === this.#link) this.#move(Math.floor(this.#random() * spread));
    } else if (frame.type === 'active') {
      this.#emit({ type: 'active', info: frame as unknown as ActiveInfo });
    } else if (typeof frame.gen === 'string') {
      this.#streams.get(frame.gen)?.deliver(frame);
    } else if (frame.type === 'error') {
      const { code, message } = frame as unknown as ErrorFrame;
      if (code === 'UNAUTHORIZED') this.unauthorized = true;
      this.#emit({ type: 'error', error: { code, message } });
    }
  }

  /** A new link while the old one still serves. */
  #move(inMs: number): void {
    if (this.#next) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#next) this.#open();
    }, inMs);
    this.#backoff.now();
  }

  #ended(link: Link, code: number, reason: string): void {
    const wasCurrent = link === this.#link;
    if (wasCurrent) this.#link = null;
    else if (link === this.#next) this.#next = null;
    else return;
    if (code === UNAUTHORIZED) this.unauthorized = true;
    if (wasCurrent) for (const stream of this.#streams.values()) stream.interrupted();
    if (!comesBack(code)) return this.#stayAway(code, reason);
    if (this.#link) return this.#retryMove();
    this.#enter(this.#isOffline() ? 'offline' : 'reconnecting', closeReason(code));
    if (!this.#next) this.#schedule();
  }

  /** The new link of a move failed while the old one still serves. */
  #retryMove(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next ?? this.#open(), this.#backoff.next());
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#next) {
      this.#next.retire();
      this.#next = null;
    }
    const wait = this.#backoff.next();
    this.retryAt = Date.now() + wait;
    this.#emitState();
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #stayAway(code: number, reason: string): void {
    this.#stop();
    this.#enter('closed', reason && reason.length > 3 ? reason : closeReason(code));
    if (code === UNAUTHORIZED) return;
    const error = { code: `CLOSE_${code}`, message: this.reason ?? '' };
    for (const stream of [...this.#streams.values()]) stream.detach(error);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#link?.retire();
    this.#next?.retire();
    this.#link = this.#next = null;
  }

  // ---- small things ----

  #outlet(): { post(frame: Frame): boolean; release(gen: string): void } {
    return {
      post: (frame) => (this.#link?.welcomed ? this.#link.post(frame) : false),
      release: (gen) => void this.#streams.delete(gen),
    };
  }

  #tooLarge(request: SendRequest): StreamError | null {
    if (!this.limits) return null;
    const bytes = new TextEncoder().encode(request.input ?? '').length;
    const frame = new TextEncoder().encode(JSON.stringify(request)).length + 64;
    if (bytes <= this.limits.prompt && frame <= this.limits.message) return null;
    return {
      code: 'TOO_LARGE',
      message: `The message is ${bytes} bytes; the gateway takes ${this.limits.prompt}.`,
      retry: 'never',
    };
  }

  #enter(state: ClientState, reason: string | null): void {
    const goesOn = this.state === state || (isAway(this.state) && isAway(state));
    if (!goesOn) this.since = Date.now();
    this.state = state;
    this.reason = reason;
    this.retryAt = null;
    this.#emitState();
  }

  #emitState(): void {
    const { state, since, reason, retryAt } = this;
    this.#emit({ type: 'state', state, since, reason, retryAt });
  }

  #emit(event: ClientEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #socketClass(): SocketClass {
    const found = this.#options.WebSocket ?? (globalThis as { WebSocket?: unknown }).WebSocket;
    if (!found) throw new Error('there is no WebSocket here: pass one as `WebSocket`');
    return found as SocketClass;
  }

  #url(): string {
    if (this.#options.url) return this.#options.url;
    const { protocol, host } = globalThis.location;
    return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/v1/ws`;
  }

  #isOffline(): boolean {
    return this.#options.watchNetwork !== false && globalThis.navigator?.onLine === false;
  }

  #watchNetwork(): void {
    const page = globalThis as unknown as EventTarget & { document?: Document };
    if (typeof page.addEventListener !== 'function' || this.#unwatch) return;
    const online = () => this.wake(true);
    const offline = () => this.lost();
    const seen = () => page.document?.visibilityState === 'visible' && this.wake();
    page.addEventListener('online', online);
    page.addEventListener('offline', offline);
    page.document?.addEventListener('visibilitychange', seen);
    this.#unwatch = () => {
      page.removeEventListener('online', online);
      page.removeEventListener('offline', offline);
      page.document?.removeEventListener('visibilitychange', seen);
    };
  }
}

function isAway(state: ClientState): boolean {
  return state === 'reconnecting' || state === 'offline' || state === 'connecting';
}

/** Lone surrogates have no UTF-8; the gateway would refuse them. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
