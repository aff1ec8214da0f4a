/**
 * A client whose connection lives elsewhere: a Worker, a Worker all tabs share, or, where neither is to be had, the
 * other end of a channel in this page. The same interface as Client.
 *
 *     application --calls--> RemoteClient --Ask--> hub
 *                 <--events--             <--Batch--     each answered with `go` at the next frame
 *
 * It decides nothing about the protocol. What it keeps: the mirror of what the hub said last, and, until the hub has
 * said anything, what it was asked, so that a Worker that does not start can be replaced.
 */
import { Active } from '../active.js';
import type { ClientApi, ClientEvent, ClientState, Token, TokenSource } from '../api.js';
import { Emitter } from '../emitter.js';
import type { ResumeOptions, StreamHandle, StreamOptions } from '../handle.js';
import { cleanRequest } from '../hello.js';
import { uuid } from '../ids.js';
import { watchNetwork } from '../network.js';
import type { ActiveInfo, Limits, SendRequest } from '../wire.js';
import type { Ask, Batch, ClientFacts, Item, Port } from './messages.js';
import { nextFrame } from './frame.js';
import { RemoteStream } from './stream.js';

export interface RemoteOptions {
  /** ws: or wss: address of `/v1/ws`; the page's own gateway if absent. */
  url?: string;
  token?: TokenSource;
  /** Name of this client, for the gateway's log. */
  name?: string;
  /** Follow the browser's `online`, `offline` and visibility events. Default true. */
  watchNetwork?: boolean;
}

/** A way to a hub. `failed` is called if it turns out that there is none at its end; then `end` gives it up. */
export type Open = (failed: () => void) => Way;
export interface Way {
  port: Port;
  end(): void;
}

/** What a kind of Worker adds: how to get there, the best way first; and how the hub can tell that this page is gone. */
export interface Kind {
  ways: Open[];
  scope?: string;
  /** Shows the hub that this page lives, by `tell`, until the returned function is called. */
  live?: (tell: (ask: Ask) => void) => () => void;
}

export class RemoteClient extends Emitter<ClientEvent> implements ClientApi, ClientFacts {
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
  readonly #options: RemoteOptions;
  readonly #kind: Kind;
  readonly #streams = new Map<string, { stream: RemoteStream; ask: Ask }>();
  readonly #refreshes = new Map<number, { resolve(): void; reject(e: Error): void }>();
  #asked = 0;
  #hub: Way | null = null;
  /** What was asked, until the hub has said something. */
  #early: Ask[] | null = null;
  #unwatch: Array<() => void> = [];

  constructor(options: RemoteOptions, kind: Kind) {
    super();
    this.#options = { ...options };
    this.#kind = kind;
  }

  connect(): void {
    if (this.state !== 'idle' && this.state !== 'closed') return;
    this.#mirror({ state: 'connecting', since: Date.now(), reason: null, retryAt: null, unauthorized: false });
    this.#ask({ do: 'connect' });
  }

  close(): void {
    for (const stop of this.#unwatch.splice(0)) stop();
    this.#hub?.port.postMessage({ do: 'bye' } satisfies Ask);
    this.#hub = this.#early = null;
    for (const { stream } of [...this.#streams.values()]) stream.detach();
    this.#streams.clear();
    for (const { reject } of this.#refreshes.values()) reject(new Error('the client is closed'));
    this.#refreshes.clear();
    if (this.state !== 'closed') this.#mirror({ state: 'closed', since: Date.now(), reason: null, retryAt: null });
  }

  setToken(token: TokenSource): void {
    this.#options.token = token;
    if (this.#hub) this.#ask({ do: 'setToken', ...plain(token) });
  }

  refreshToken(): Promise<void> {
    if (!this.#hub) return Promise.resolve();
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#refreshes.set(id, { resolve, reject });
      this.#ask({ do: 'refreshToken', id });
    });
  }

  send(request: SendRequest, options: StreamOptions = {}): StreamHandle {
    const gen = (request.gen ?? uuid()).toLowerCase();
    const clean = cleanRequest(request, gen);
    return this.#follow(gen, clean.chat, { do: 'send', request: clean }, options);
  }

  resume(gen: string, options: ResumeOptions = {}): StreamHandle {
    gen = gen.toLowerCase();
    return this.#follow(gen, null, { do: 'resume', gen, from: options.from ?? null }, options);
  }

  stream(gen: string): StreamHandle | undefined {
    return this.#streams.get(gen)?.stream;
  }

  cancel(gen: string): void {
    this.#ask({ do: 'cancel', gen });
  }

  unfollow(gen: string): void {
    this.#ask({ do: 'unfollow', gen });
    this.#streams.get(gen)?.stream.detach();
    this.#streams.delete(gen);
  }

  wake(networkChanged = false): void {
    if (this.#hub) this.#ask({ do: 'wake', changed: networkChanged });
  }

  lost(): void {
    if (this.#hub) this.#ask({ do: 'lost' });
  }

  // ---- the hub ----

  #follow(gen: string, chat: string | null, ask: Ask, options: ResumeOptions): RemoteStream {
    const known = this.#streams.get(gen);
    if (known) return known.stream;
    const stream = new RemoteStream(gen, chat, ask.do === 'send', () => this.cancel(gen), options);
    this.#streams.set(gen, { stream, ask });
    this.#active.watch(stream);
    this.#ask(ask);
    stream.begin(options.signal);
    return stream;
  }

  #ask(ask: Ask): void {
    if (!this.#hub) {
      this.#early = [];
      this.#start(0);
      this.#watch();
    }
    this.#early?.push(ask);
    this.#hub!.port.postMessage(ask);
  }

  /** Goes by the first way that is open, and by the next one if there is no hub at its end. */
  #start(way: number): void {
    const open = this.#kind.ways[way];
    if (!open) throw new Error('there is neither a Worker nor a way without one');
    const early = this.#early;
    let failed = false;
    const next = () => {
      if (failed || this.#early !== early) return;
      failed = true;
      hub?.end();
      this.#start(way + 1);
    };
    let hub: Way | null = null;
    try {
      hub = open(next);
    } catch {
      return next();
    }
    this.#hub = hub;
    hub.port.onmessage = ({ data }: { data: Batch }) => this.#hear(data);
    hub.port.start?.();
    this.#attach(hub.port);
    for (const ask of early ?? []) hub.port.postMessage(ask);
  }

  #attach(port: Port): void {
    const settings = {
      url: this.#url(),
      name: this.#options.name ?? 'lastword-ts/0.1',
      scope: this.#kind.scope ?? '',
      ...plain(this.#options.token),
    };
    port.postMessage({ do: 'attach', settings } satisfies Ask);
  }

  #watch(): void {
    if (this.#options.watchNetwork !== false) this.#unwatch.push(watchNetwork(this));
    if (this.#kind.live) this.#unwatch.push(this.#kind.live((ask) => this.#hub && this.#ask(ask)));
  }

  /** This page was silent for too long: everything is asked again, and the text comes from the hub anew. */
  #again(): void {
    this.#attach(this.#hub!.port);
    if (this.state !== 'idle' && this.state !== 'closed') this.#ask({ do: 'connect' });
    for (const [gen, { stream, ask }] of this.#streams) {
      const from = stream.snapshot();
      stream.restart();
      this.#ask(stream.accepted ? { do: 'resume', gen, from } : ask);
    }
  }

  #hear(batch: Batch): void {
    this.#early = null;
    for (const item of batch) this.#take(item);
    const hub = this.#hub;
    if (batch.some((item) => item.of !== 'token' && item.of !== 'evicted')) {
      nextFrame(() => hub?.port.postMessage({ do: 'go' } satisfies Ask));
    }
  }

  #take(item: Item): void {
    if (item.of === 'client') {
      Object.assign(this, item.facts);
      if (item.event.type === 'welcome') this.#active.reset(item.event.welcome.active ?? []);
      else if (item.event.type === 'active') this.#active.note(item.event.info);
      this.emit(item.event);
    } else if (item.of === 'evicted') {
      this.#again();
    } else if (item.of === 'stream') {
      const stream = this.#streams.get(item.gen)?.stream;
      stream?.apply(item.facts, item.events);
      if (stream?.result) this.#streams.delete(item.gen);
    } else if (item.of === 'token') {
      void this.#giveToken(item.id);
    } else {
      const waiting = this.#refreshes.get(item.id);
      this.#refreshes.delete(item.id);
      if (item.error) waiting?.reject(new Error(item.error.message));
      else waiting?.resolve();
    }
  }

  async #giveToken(id: number): Promise<void> {
    const { token } = this.#options;
    const hub = this.#hub;
    const answer: Ask = { do: 'token', id, token: null, failed: false };
    try {
      answer.token = typeof token === 'function' ? await token() : token;
    } catch {
      answer.failed = true;
    }
    hub?.port.postMessage(answer);
  }

  // ---- small things ----

  /** What we know before the hub says it. */
  #mirror(facts: Partial<ClientFacts>): void {
    Object.assign(this, facts);
    const { state, since, reason, retryAt } = this;
    this.emit({ type: 'state', state, since, reason, retryAt });
  }

  #url(): string {
    const { location } = globalThis as { location?: Location };
    const url = new URL(this.#options.url ?? '/v1/ws', location?.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
  }
}

/** A token function cannot travel: the hub is told to ask. */
function plain(token: TokenSource): { token: Token; asks: boolean } {
  return typeof token === 'function' ? { token: null, asks: true } : { token: token ?? null, asks: false };
}
