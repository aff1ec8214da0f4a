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
import { Active } from './active.js';
import type { ClientApi, ClientEvent, ClientState, Token, TokenSource } from './api.js';
import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import type { ResumeOptions, StreamError, StreamOptions } from './handle.js';
import { addResumes, cleanRequest, tooLarge } from './hello.js';
import { uuid } from './ids.js';
import { IMPOSSIBLE, Link, type SocketClass } from './link.js';
import { watchNetwork } from './network.js';
import { Stream, type Outlet } from './stream.js';
import {
  closeReason,
  comesBack,
  SUBPROTOCOL,
  type ActiveInfo,
  type ErrorFrame,
  type Frame,
  type Limits,
  type SendRequest,
  type WelcomeFrame,
} from './wire.js';

export interface ClientOptions {
  /** ws: or wss: address of `/v1/ws`; in a page, the page's own gateway if absent. */
  url?: string;
  token?: TokenSource;
  /** Name of this client, for the gateway's log. */
  name?: string;
  WebSocket?: SocketClass;
  /** Follow the browser's `online`, `offline` and visibility events. Default true, where there are any. */
  watchNetwork?: boolean;
  random?: () => number;
}

/** A connection that lasted this long starts the ladder of waits anew when it breaks. */
const SETTLED_MS = 10_000;
const UNAUTHORIZED = 4501;

export class Client extends Emitter<ClientEvent> implements ClientApi {
  state: ClientState = 'idle';
  since = Date.now();
  reason: string | null = null;
  retryAt: number | null = null;
  unauthorized = false;
  node: string | null = null;
  session: string | null = null;
  limits: Limits | null = null;

  readonly #active = new Active();
  readonly active: ReadonlyMap<string, ActiveInfo> = this.#active.map;
  readonly #options: ClientOptions;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #streams = new Map<string, Stream>();
  /** Cancels of what is not followed, to be said once there is a connection. */
  readonly #cancels = new Set<string>();
  #link: Link | null = null;
  #next: Link | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | undefined;
  #welcomedAt = 0;
  /** The current gateway said it leaves. */
  #leaving = false;
  #networkGone = false;
  #credentials = 0;

  constructor(options: ClientOptions = {}) {
    super();
    this.#options = { ...options };
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(this.#random);
  }

  connect(): void {
    if (this.state !== 'idle' && this.state !== 'closed') return;
    this.unauthorized = false;
    this.#backoff.reset();
    if (this.#options.watchNetwork !== false) this.#unwatch ??= watchNetwork(this);
    this.#enter('connecting', null);
    this.#open();
  }

  close(): void {
    this.#stop();
    if (this.state !== 'closed') this.#enter('closed', null);
    for (const stream of [...this.#streams.values()]) stream.detach(null);
  }

  setToken(token: TokenSource): void {
    this.#options.token = token;
    void this.refreshToken().catch(() => {});
  }

  async refreshToken(): Promise<void> {
    const mine = ++this.#credentials;
    if (!this.#link) return;
    const token = await this.#credential();
    if (token && mine === this.#credentials) this.#link?.post({ type: 'auth', token });
  }

  send(request: SendRequest, options?: StreamOptions): Stream {
    const gen = (request.gen ?? uuid()).toLowerCase();
    return this.#streams.get(gen) ?? this.#follow(new Stream(this.#outlet, gen, cleanRequest(request, gen), options));
  }

  resume(gen: string, options?: ResumeOptions): Stream {
    gen = gen.toLowerCase();
    return this.#streams.get(gen) ?? this.#follow(new Stream(this.#outlet, gen, null, options));
  }

  stream(gen: string): Stream | undefined {
    return this.#streams.get(gen);
  }

  cancel(gen: string): void {
    const stream = this.#streams.get(gen);
    if (stream) stream.cancel();
    else if (!this.#outlet.post({ type: 'cancel', gen })) this.#cancels.add(gen);
  }

  unfollow(gen: string): void {
    this.#outlet.post({ type: 'unfollow', gen });
    this.#streams.get(gen)?.detach(null);
  }

  wake(networkChanged = false): void {
    if (networkChanged) this.#networkGone = false;
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
   * The socket may hang for long before it notices, so it is given up and tried anew at once: where the gateway can be
   * reached all the same, that costs one handshake.
   */
  lost(): void {
    if (this.state !== 'open') return;
    this.#networkGone = true;
    this.#dropLinks();
    for (const stream of this.#streams.values()) stream.interrupted();
    this.#enter('offline', 'the network is gone');
    this.#backoff.now();
    this.#schedule();
  }

  // ---- links ----

  #open(): void {
    clearTimeout(this.#timer);
    const credentials = this.#credentials;
    let inHello = new Set<string>();
    const link: Link = new Link({
      credential: () => this.#credential(),
      socket: () => new (this.#socketClass())(this.#url(), SUBPROTOCOL),
      hello: (token) => {
        const hello = this.#hello(token);
        inHello = addResumes(hello, this.#streams.values());
        return hello;
      },
      welcome: (frame) => {
        this.#welcomed(link, frame, inHello);
        if (credentials !== this.#credentials) void this.refreshToken().catch(() => {});
      },
      frame: (frame) => this.#frame(link, frame),
      ended: (code, reason) => this.#ended(link, code, reason),
    });
    this.#next = link;
  }

  #hello(token: Token): Frame {
    const hello: Frame = { type: 'hello', client: this.#options.name ?? 'lastword-ts/0.1' };
    if (token) hello.token = token;
    if (this.session) hello.session = this.session;
    return hello;
  }

  async #credential(): Promise<Token> {
    const { token } = this.#options;
    return typeof token === 'function' ? token() : token;
  }

  #welcomed(link: Link, welcome: WelcomeFrame, inHello: Set<string>): void {
    this.#link?.retire();
    this.#link = link;
    this.#next = null;
    this.#leaving = this.#networkGone = false;
    this.#welcomedAt = Date.now();
    this.node = welcome.node;
    this.session = welcome.session;
    this.limits = welcome.limits;
    this.#active.reset(welcome.active ?? []);
    this.#enter('open', null);
    for (const [gen, stream] of [...this.#streams]) this.#launch(stream, inHello.has(gen));
    for (const gen of this.#cancels) link.post({ type: 'cancel', gen });
    this.#cancels.clear();
    this.emit({ type: 'welcome', welcome });
  }

  #frame(link: Link, frame: Frame): void {
    if (frame.type === 'goaway') {
      if (link === this.#link) this.#onGoaway(Number(frame.spread_ms) || 0);
    } else if (frame.type === 'active') {
      const info = frame as unknown as ActiveInfo;
      this.#active.note(info);
      this.emit({ type: 'active', info });
    } else if (typeof frame.gen === 'string') {
      this.#deliver(frame, frame.gen);
    } else if (frame.type === 'error') {
      const { code, message } = frame as unknown as ErrorFrame;
      this.emit({ type: 'error', error: { code, message } });
    }
  }

  #deliver(frame: Frame, gen: string): void {
    const stream = this.#streams.get(gen);
    // A gateway that is leaving refuses what is new. The next one will not.
    if (this.#leaving && stream?.pending && frame.type === 'error' && frame.retry !== 'never') return;
    stream?.deliver(frame);
  }

  #onGoaway(spreadMs: number): void {
    this.#leaving = true;
    const young = Date.now() - this.#welcomedAt < 1000 ? 1000 : 0;
    this.#move(Math.floor(this.#random() * Math.max(spreadMs, young)));
  }

  /** A new link while the old one still serves. */
  #move(inMs: number): void {
    if (this.#next) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next ?? this.#open(), inMs);
    this.#backoff.now();
  }

  #ended(link: Link, code: number, reason: string): void {
    const wasCurrent = link === this.#link;
    if (wasCurrent) this.#link = null;
    else if (link === this.#next) this.#next = null;
    else return;
    if (code === UNAUTHORIZED) this.unauthorized = true;
    if (wasCurrent) this.#interrupted();
    if (code === IMPOSSIBLE || !comesBack(code)) return this.#stayAway(code, reason);
    if (this.#link) return this.#retryMove();
    this.#enter(this.#isOffline() ? 'offline' : 'reconnecting', closeReason(code));
    if (!this.#next) this.#schedule();
  }

  #interrupted(): void {
    if (Date.now() - this.#welcomedAt >= SETTLED_MS) this.#backoff.reset(true);
    for (const stream of this.#streams.values()) stream.interrupted();
  }

  /** The new link of a move failed while the old one still serves. */
  #retryMove(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next ?? this.#open(), this.#backoff.next());
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#next?.retire();
    this.#next = null;
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

  #dropLinks(): void {
    this.#link?.retire();
    this.#next?.retire();
    this.#link = this.#next = null;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#dropLinks();
  }

  // ---- streams ----

  #follow(stream: Stream): Stream {
    if (stream.result) return stream;
    this.#streams.set(stream.gen, stream);
    stream.chat ??= this.active.get(stream.gen)?.chat ?? null;
    this.#active.watch(stream);
    const error = stream.pending && tooLarge(stream.pending, this.limits);
    if (error) stream.refuse(error);
    else if (this.#link?.welcomed) stream.open(false);
    return stream;
  }

  /** On a new connection; what was asked before there was one may turn out to be too large. */
  #launch(stream: Stream, resumed: boolean): void {
    const error: StreamError | null = stream.pending && tooLarge(stream.pending, this.limits);
    if (error) stream.refuse(error);
    else stream.open(resumed);
  }

  readonly #outlet: Outlet = {
    post: (frame) => (this.#link?.welcomed ? this.#link.post(frame) : false),
    release: (gen) => void this.#streams.delete(gen),
  };

  // ---- small things ----

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
    this.emit({ type: 'state', state, since, reason, retryAt });
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
    return this.#networkGone || (this.#options.watchNetwork !== false && globalThis.navigator?.onLine === false);
  }
}

function isAway(state: ClientState): boolean {
  return state === 'reconnecting' || state === 'offline' || state === 'connecting';
}
