/**
 * One WebSocket, from its credential to its end. It says hello, answers pings, notices silence, and ends exactly once.
 *
 *     asking --credential--> opening --open--> greeting --welcome--> open --close | silence | retire--> ended
 *
 * The credential comes first, because the gateway waits for hello only a moment. It never comes back; client.ts makes
 * another one. It knows nothing of generations.
 */
import type { Token } from './api.js';
import { parseFrame, type Frame, type WelcomeFrame } from './wire.js';

/** The part of the WebSocket interface that is used; the browser's, Node 22's and `ws` all have it. */
export interface SocketLike {
  readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: { data: any }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type SocketClass = new (url: string, protocols?: string | string[]) => SocketLike;

export interface LinkEvents {
  /** Called at once; may throw or reject, then the link ends as if lost. */
  credential(): Token | Promise<Token>;
  /** May throw, then the link ends with `IMPOSSIBLE`. */
  socket(): SocketLike;
  /** The first message, made when the socket is open. */
  hello(token: Token): Frame;
  welcome(frame: WelcomeFrame): void;
  frame(frame: Frame): void;
  /** Once, and never before the constructor has returned. `code` is the close code, 1006 for none. */
  ended(code: number, reason: string): void;
}

/** No socket can be made here, now or later. */
export const IMPOSSIBLE = -1;

const CREDENTIAL_WITHIN_MS = 20_000;
const WELCOME_WITHIN_MS = 10_000;
const GRACE_MS = 10_000;
const NO_SIGN_OF_LIFE = 4004;

export class Link {
  #socket: SocketLike | null = null;
  #heard = Date.now();
  #allowedMs = CREDENTIAL_WITHIN_MS;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  welcomed = false;

  constructor(private readonly events: LinkEvents) {
    this.#arm(CREDENTIAL_WITHIN_MS);
    void this.#ask();
  }

  /** False if the socket cannot take it. */
  post(frame: Frame): boolean {
    if (this.#ended || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Closes from our side; `ended` is not called. */
  retire(): void {
    this.#ended = true;
    clearTimeout(this.#watch);
    this.#close(1000);
  }

  /** Timers sleep with the machine: look again now, after waking up. */
  check(): void {
    if (this.#ended) return;
    const left = this.#heard + this.#allowedMs - Date.now();
    if (left > 0) return this.#arm(left);
    this.#close(NO_SIGN_OF_LIFE);
    this.#end(NO_SIGN_OF_LIFE, 'no sign of life');
  }

  async #ask(): Promise<void> {
    let token: Token;
    try {
      token = await this.events.credential();
    } catch {
      return this.#end(1006, 'no credential could be had');
    }
    if (this.#ended) return;
    try {
      this.#dial(this.events.socket(), token);
    } catch (e) {
      this.#end(IMPOSSIBLE, (e as Error).message);
    }
  }

  #dial(socket: SocketLike, token: Token): void {
    this.#socket = socket;
    socket.onopen = () => void this.post(this.events.hello(token));
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#end(event.code || 1006, event.reason || '');
    socket.onerror = () => {};
    this.#heard = Date.now();
    this.#allowedMs = WELCOME_WITHIN_MS;
    this.#arm(WELCOME_WITHIN_MS);
  }

  #receive(data: unknown): void {
    if (this.#ended) return;
    this.#heard = Date.now();
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === 'ping') {
      this.post({ type: 'pong' });
    } else if (frame.type === 'welcome' && !this.welcomed) {
      this.#onWelcome(frame as unknown as WelcomeFrame);
    } else {
      this.events.frame(frame);
    }
  }

  #onWelcome(frame: WelcomeFrame): void {
    this.welcomed = true;
    this.#allowedMs = (frame.ping_ms > 0 ? frame.ping_ms : 25_000) + GRACE_MS;
    this.#arm(this.#allowedMs);
    this.events.welcome(frame);
  }

  #arm(ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.check(), ms);
  }

  #close(code: number): void {
    try {
      this.#socket?.close(code);
    } catch {
      /* a socket that is still connecting may refuse a code; it is given up all the same */
    }
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watch);
    this.events.ended(code, reason);
  }
}
