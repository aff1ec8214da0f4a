/**
 * One page at a hub: does what it asks, tells it what it looks at, and notices when it is gone.
 *
 * Gone is: `bye`, or its Web Lock is free, or, where there are no locks (a page that is not served securely), nothing
 * heard for three minutes; a page in the background may be slowed to one ping a minute.
 */
import type { ClientEvent, Token } from '../api.js';
import type { StreamHandle } from '../handle.js';
import type { Desk } from './hub.js';
import type { Ask, Batch, ClientFacts, Port } from './messages.js';
import { Outbox } from './outbox.js';

const SILENT_MS = 180_000;

export class Seat {
  readonly #out: Outbox;
  readonly #followed = new Map<string, () => void>();
  readonly #tokens = new Map<number, { resolve(token: Token): void; reject(e: Error): void }>();
  #asked = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #locked = false;
  #gone = false;

  constructor(
    private readonly desk: Desk,
    private readonly port: Port,
    public asks: boolean,
    private readonly evicted: () => void,
  ) {
    this.#out = new Outbox(port);
    port.onmessage = ({ data }: { data: Ask }) => this.#hear(data);
    port.postMessage([]);
    this.#listen();
  }

  follows(gen: string): boolean {
    return this.#followed.has(gen);
  }

  tell(facts: ClientFacts, event: ClientEvent): void {
    this.#out.add({ of: 'client', facts, event });
  }

  async askToken(withinMs: number): Promise<Token> {
    const id = ++this.#asked;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<Token>((resolve, reject) => {
        this.#tokens.set(id, { resolve, reject });
        timer = setTimeout(() => reject(new Error('no answer')), withinMs);
        this.#out.now({ of: 'token', id });
      });
    } finally {
      clearTimeout(timer);
      this.#tokens.delete(id);
    }
  }

  #hear(ask: Ask): void {
    if (this.#gone) return;
    this.#listen();
    const { client } = this.desk;
    switch (ask.do) {
      case 'go':
        return this.#out.go();
      case 'lock':
        return this.#lock(ask.name);
      case 'connect':
        return client.connect();
      case 'bye':
        return this.#leave();
      case 'send':
        return this.#follow(client.send(ask.request));
      case 'resume':
        return this.#follow(client.resume(ask.gen, ask.from ? { from: ask.from } : {}));
      case 'cancel':
        return client.cancel(ask.gen);
      case 'unfollow':
        return this.#unfollow(ask.gen);
      case 'wake':
        return this.desk.wake(ask.changed);
      case 'lost':
        return this.desk.lost();
      default:
        return this.#hearToken(ask);
    }
  }

  #hearToken(ask: Ask): void {
    if (ask.do === 'setToken') {
      this.asks = ask.asks;
      this.desk.setToken(this, ask.token, ask.asks);
    } else if (ask.do === 'refreshToken') {
      const done = (error: Error | null) =>
        this.#out.add({
          of: 'refreshed',
          id: ask.id,
          error: error && { code: 'UNAUTHORIZED', message: error.message },
        });
      this.desk.client.refreshToken().then(() => done(null), done);
    } else if (ask.do === 'token') {
      const waiting = this.#tokens.get(ask.id);
      if (ask.failed) waiting?.reject(new Error('the page has no credential'));
      else waiting?.resolve(ask.token);
    }
  }

  #follow(stream: StreamHandle): void {
    if (this.#followed.has(stream.gen)) return;
    const tell = stream.on((event) => {
      this.#out.event(stream, event);
      if (event.type === 'done') this.#followed.delete(stream.gen);
    });
    for (const event of stream.soFar()) this.#out.event(stream, event);
    if (stream.result) return tell();
    this.#followed.set(stream.gen, tell);
    this.desk.watch(stream);
  }

  #unfollow(gen: string): void {
    this.#followed.get(gen)?.();
    if (!this.#followed.delete(gen)) return;
    const stream = this.desk.client.stream(gen);
    if (stream) this.desk.forsake(stream);
  }

  #lock(name: string): void {
    this.#locked = true;
    clearTimeout(this.#silence);
    void navigator.locks.request(name, () => this.#leave());
  }

  #listen(): void {
    if (this.#locked) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#evict(), SILENT_MS);
  }

  /** It may only have slept. When it speaks again it is told to begin anew. */
  #evict(): void {
    this.#leave(false);
    const { port } = this;
    port.onmessage = () => {
      this.evicted();
      port.postMessage([{ of: 'evicted' }] satisfies Batch);
    };
  }

  #leave(forGood = true): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#silence);
    this.port.onmessage = null;
    for (const { reject } of [...this.#tokens.values()]) reject(new Error('the page is gone'));
    for (const gen of [...this.#followed.keys()]) this.#unfollow(gen);
    this.desk.leave(this);
    if (forGood) this.port.close?.();
  }
}
