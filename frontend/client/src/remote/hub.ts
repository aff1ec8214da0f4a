/**
 * The Worker's side: connections, and the pages that look at them.
 *
 *     page --port--> Seat --\
 *     page --port--> Seat ----> Desk --> Client --> gateway      one Desk for each address, scope and credential
 *     page --port--> Seat --/
 *
 * A page that goes away (bye, its lock let go, or silence) loses its seat. That is a disconnect and never a cancel:
 * answers go on, and what nobody here looks at any more is unfollowed. The last to leave closes the connection.
 */
import { Active } from '../active.js';
import type { Token } from '../api.js';
import { Client, type ClientOptions } from '../client.js';
import type { StreamHandle } from '../handle.js';
import type { Ask, ClientFacts, Port, Settings } from './messages.js';
import { Seat } from './seat.js';

/** A page that has a token function is given this long for its answer before another one is asked. */
const TOKEN_WITHIN_MS = 5_000;

/** Every page hears of a change of the network; it is one change. */
const SAME_CHANGE_MS = 1_000;

/** What a test may put in the place of the real things. */
export type HubOptions = Pick<ClientOptions, 'WebSocket' | 'random'>;

export class Hub {
  readonly #desks = new Map<string, Desk>();

  constructor(private readonly options: HubOptions = {}) {}

  /** A page has come; the first thing it says is `attach`. */
  attach(port: Port): void {
    port.onmessage = ({ data }: { data: Ask }) => {
      if (data.do !== 'attach') return;
      const { url, scope, token } = data.settings;
      const key = JSON.stringify([url, scope, token]);
      let desk = this.#desks.get(key);
      if (!desk) {
        desk = new Desk(data.settings, this.options, () => this.#desks.delete(key));
        this.#desks.set(key, desk);
      }
      desk.seat(port, data.settings.asks, () => this.attach(port));
    };
    port.start?.();
  }
}

/** One connection, and everyone who looks at it. */
export class Desk {
  readonly client: Client;
  readonly #seats = new Set<Seat>();
  readonly #watched = new WeakSet<StreamHandle>();
  /** The seat whose token function answered last. */
  #trusted: Seat | null = null;
  #changedAt = 0;

  constructor(
    settings: Settings,
    options: HubOptions,
    private readonly empty: () => void,
  ) {
    const { url, name } = settings;
    const token = settings.asks ? () => this.#askToken() : settings.token;
    this.client = new Client({ ...options, url, name, token, watchNetwork: false });
    this.client.on((event) => {
      for (const seat of this.#seats) seat.tell(this.facts(), event);
    });
  }

  /** `evicted`: the page lost its seat by silence, and may come again. */
  seat(port: Port, asks: boolean, evicted: () => void): void {
    const seat = new Seat(this, port, asks, evicted);
    this.#seats.add(seat);
    const { state, since, reason, retryAt, session, node, limits } = this.client;
    if (state !== 'idle') seat.tell(this.facts(), { type: 'state', state, since, reason, retryAt });
    if (state !== 'open') return;
    const active = [...this.client.active.values()];
    seat.tell(this.facts(), {
      type: 'welcome',
      welcome: { type: 'welcome', session: session!, node: node!, ping_ms: 0, limits: limits!, active },
    });
  }

  leave(seat: Seat): void {
    if (!this.#seats.delete(seat)) return;
    if (this.#trusted === seat) this.#trusted = null;
    if (this.#seats.size > 0) return;
    this.client.close();
    this.empty();
  }

  facts(): ClientFacts {
    const { state, since, reason, retryAt, unauthorized, node, session, limits } = this.client;
    return { state, since, reason, retryAt, unauthorized, node, session, limits };
  }

  /** Asks with the page's function from now on, or with a credential that is the same for all. */
  setToken(seat: Seat, token: Token, asks: boolean): void {
    if (asks) this.#trusted = seat;
    this.client.setToken(asks ? () => this.#askToken() : token);
  }

  wake(changed: boolean): void {
    this.client.wake(changed && this.#isNews());
  }

  lost(): void {
    if (this.#isNews()) this.client.lost();
  }

  /** This connection follows `stream`, so the gateway no longer tells the others of it: we do. */
  watch(stream: StreamHandle): void {
    if (this.#watched.has(stream)) return;
    this.#watched.add(stream);
    new Active().watch(stream, (info) => {
      if (!info.chat) info.chat = this.client.active.get(info.gen)?.chat ?? '';
      for (const seat of this.#seats) if (!seat.follows(info.gen)) seat.tell(this.facts(), { type: 'active', info });
    });
  }

  /** Nobody here looks at `stream` any more. What was not accepted yet is still asked. */
  forsake(stream: StreamHandle): void {
    const looked = [...this.#seats].some((seat) => seat.follows(stream.gen));
    if (looked || stream.result) return;
    if (stream.accepted) return this.client.unfollow(stream.gen);
    const off = stream.on('accepted', () => {
      off();
      queueMicrotask(() => this.forsake(stream));
    });
  }

  #isNews(): boolean {
    const now = Date.now();
    const news = now - this.#changedAt >= SAME_CHANGE_MS;
    if (news) this.#changedAt = now;
    return news;
  }

  /** The page that answered last is asked first; one that is frozen is passed over. */
  async #askToken(): Promise<Token> {
    const asked = new Set<Seat>();
    for (;;) {
      const seat = [this.#trusted, ...this.#seats].find((s) => s?.asks && !asked.has(s));
      if (!seat) throw new Error('no page has a credential');
      asked.add(seat);
      try {
        const token = await seat.askToken(TOKEN_WITHIN_MS);
        this.#trusted = seat;
        return token;
      } catch {
        this.#trusted = null;
      }
    }
  }
}
