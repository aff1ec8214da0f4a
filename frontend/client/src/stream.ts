/**
 * One generation as its reader sees it: events, the text so far, and a promise of how it ended.
 *
 *     Client --frames--> Stream --verdicts of cursor.ts--> listeners, iterators
 *            <--send, resume, ack, cancel--
 *
 * It outlives sockets: the client hands it whichever connection there is and asks it, on each new one, how it
 * wants to take up again. An abort is a cancel; losing a connection never is. `finished` never rejects.
 */
import { Cursor, type Verdict } from './cursor.js';
import { EventQueue } from './queue.js';
import type { DoneFrame, DoneState, ErrorFrame, Frame, Part, Position, Retry, SendRequest, Timing, Usage } from './wire.js';

/** How long the answer to a resume may take on an open connection before it counts as a failure. */
const RESUME_OVERDUE_MS = 30_000;

/**
 * How a stream ended. Besides the states of `done`: `refused` (never accepted), `gone` (no longer kept),
 * `mismatch` (the text could not be verified, three times over), `detached` (the client was closed first).
 */
export type EndState = DoneState | 'refused' | 'gone' | 'mismatch' | 'detached';

export interface StreamError {
  code: string;
  message: string;
  retry?: Retry;
  after_ms?: number;
}

export interface StreamResult {
  gen: string;
  state: EndState;
  /** `done` came, and its offset and checksum are our own. */
  verified: boolean;
  off: number;
  crc: string;
  usage: Usage | null;
  timing: Timing | null;
  persisted: boolean;
  error: StreamError | null;
}

export type StreamEvent =
  | { type: 'accepted'; message: string; parent: string }
  | { type: 'start'; epoch: number; model: string; mode: string; off: number }
  | { type: 'text'; text: string; part: Part; off: number }
  /** What follows `off` is void; `text` and `reasoning` are lengths, in UTF-16 units, of what stays of each part. */
  | { type: 'rewind'; off: number; reason: string; text: number; reasoning: number }
  | { type: 'status'; state: string; idle_ms: number | null }
  | { type: 'live'; off: number }
  | { type: 'interrupted' }
  | { type: 'resuming'; off: number; why: string }
  | { type: 'error'; error: StreamError }
  | { type: 'done'; result: StreamResult };

/** What a stream asks of its client. */
export interface Outlet {
  /** Sends now; false if there is no open connection. */
  post(frame: Frame): boolean;
  /** The stream is finished: forget it. */
  release(gen: string): void;
}

export interface StreamOptions {
  signal?: AbortSignal;
}

export class Stream implements AsyncIterable<StreamEvent> {
  readonly gen: string;
  readonly chat: string | null;
  readonly finished: Promise<StreamResult>;
  /** The answer's message id, and that of the user message it follows; null until accepted. */
  message: string | null = null;
  parent: string | null = null;
  model: string | null = null;
  result: StreamResult | null = null;
  /** How often this stream was taken up again after a break. */
  resumes = 0;

  readonly #cursor: Cursor;
  readonly #request: Frame | null;
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  readonly #resolve: (result: StreamResult) => void;
  #accepted: boolean;
  #asked = false;
  #cancelled = false;
  #overdue: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly outlet: Outlet,
    gen: string,
    request: SendRequest | null,
    options: StreamOptions = {},
  ) {
    this.gen = gen;
    this.chat = request?.chat ?? null;
    this.#cursor = new Cursor(gen);
    this.#request = request ? { ...request, type: 'send', gen } : null;
    this.#accepted = request === null;
    let resolve!: (result: StreamResult) => void;
    this.finished = new Promise((r) => (resolve = r));
    this.#resolve = resolve;
    const signal = options.signal;
    if (signal?.aborted) this.cancel();
    else signal?.addEventListener('abort', () => this.cancel(), { once: true });
  }

  /** All text of part `text` so far. */
  get text(): string {
    return this.#cursor.ledger.text;
  }
  get reasoning(): string {
    return this.#cursor.ledger.reasoning;
  }
  get parts(): Array<{ part: Part; text: string }> {
    return this.#cursor.ledger.parts();
  }
  get accepted(): boolean {
    return this.#accepted;
  }

  /** Where this reader stands. Enough, with the gen, to resume elsewhere. */
  cursor(): Position {
    return this.#cursor.position();
  }

  /** Stops the generation; idempotent. What was never sent is simply not sent. */
  cancel(): void {
    if (this.result || this.#cancelled) return;
    this.#cancelled = true;
    if (this.#request && !this.#asked) this.#end('cancelled', null);
    else this.outlet.post({ type: 'cancel', gen: this.gen });
  }

  /** Calls `listener` synchronously for each event from now on; returns how to stop that. */
  on(listener: (event: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Each iterator begins with the state so far, so none comes too late. */
  [Symbol.asyncIterator](): AsyncIterator<StreamEvent> {
    const queue = new EventQueue();
    for (const event of this.#soFar()) queue.push(event);
    if (!this.result) queue.onReturn = this.on((event) => queue.push(event));
    return queue;
  }

  readable(): ReadableStream<StreamEvent> {
    const events = this[Symbol.asyncIterator]();
    return new ReadableStream({
      async pull(controller) {
        const { value, done } = await events.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await events.return?.();
      },
    });
  }

  // ---- for the client ----

  /** Whether the opening frame of a new connection can be a resume, put into `hello`. */
  get resumable(): boolean {
    return this.#accepted;
  }

  /** A resume from where this reader stands, for `hello`. */
  resumeFrame(): Position {
    if (this.#asked || this.#request === null) this.resumes++;
    this.#asked = true;
    this.#watch();
    return this.#cursor.resume();
  }

  /** What to send on a connection that is open. `resumed`: its hello carried our resume already. */
  open(resumed: boolean): void {
    if (this.result) return;
    if (!this.#accepted) {
      this.#asked = true;
      this.outlet.post(this.#request!);
    } else if (!resumed) {
      this.outlet.post({ type: 'resume', ...this.resumeFrame() });
    }
    if (this.#cancelled) this.outlet.post({ type: 'cancel', gen: this.gen });
  }

  interrupted(): void {
    clearTimeout(this.#overdue);
    this.#cursor.abandon();
    if (!this.result) this.#emit({ type: 'interrupted' });
  }

  /** The client is closed for good. */
  detach(error: StreamError | null): void {
    this.#end('detached', error);
  }

  /** Refused here, before anything was sent. */
  refuse(error: StreamError): void {
    this.#end('refused', error);
  }

  deliver(frame: Frame): void {
    if (this.result) return;
    switch (frame.type) {
      case 'accepted':
        return this.#onAccepted(frame);
      case 'start':
        this.model = String(frame.model ?? '') || null;
        return this.#emit({
          type: 'start',
          epoch: Number(frame.epoch),
          model: String(frame.model ?? ''),
          mode: String(frame.mode ?? ''),
          off: Number(frame.off),
        });
      case 'status':
        return this.#emit({
          type: 'status',
          state: String(frame.state),
          idle_ms: typeof frame.idle_ms === 'number' ? frame.idle_ms : null,
        });
      case 'error':
        return this.#onError(frame as unknown as ErrorFrame);
      default:
        return this.#obey(this.#cursor.take(frame));
    }
  }

  // ---- inside ----

  #onAccepted(frame: Frame): void {
    this.#accepted = true;
    this.message = String(frame.message);
    this.parent = String(frame.parent);
    this.#emit({ type: 'accepted', message: this.message, parent: this.parent });
  }

  #onError(frame: ErrorFrame): void {
    const error: StreamError = { code: String(frame.code), message: String(frame.message) };
    if (frame.retry) error.retry = frame.retry;
    if (typeof frame.after_ms === 'number') error.after_ms = frame.after_ms;
    if (!this.#accepted) this.#end('refused', error);
    else if (error.code === 'NOT_FOUND' || error.code === 'RESUME_GONE') this.#end('gone', error);
    else this.#emit({ type: 'error', error });
  }

  #obey(verdict: Verdict): void {
    if (!this.#cursor.awaiting) clearTimeout(this.#overdue);
    switch (verdict.do) {
      case 'append':
        this.#emit({ type: 'text', text: verdict.text, part: verdict.part, off: verdict.off });
        return this.#acknowledge(false);
      case 'rewind':
        return this.#emitRewind(verdict.off, verdict.reason);
      case 'resume':
        return this.#resume(verdict.position, verdict.emptied, verdict.why);
      case 'tell':
        this.outlet.post({ type: 'unfollow', gen: this.gen });
        return this.#end('mismatch', { code: 'MISMATCH', message: `The text could not be verified: ${verdict.why}.` });
      case 'live':
        return this.#emit({ type: 'live', off: verdict.off });
      case 'done':
        return this.#onDone(verdict.frame);
    }
  }

  #resume(position: Position, emptied: boolean, why: string): void {
    this.resumes++;
    if (emptied) this.#emitRewind(0, 'diverged');
    this.#emit({ type: 'resuming', off: position.off, why });
    this.#watch();
    this.outlet.post({ type: 'resume', ...position });
  }

  #onDone(frame: DoneFrame): void {
    this.#acknowledge(true);
    this.#end(frame.state, frame.error ?? null, frame);
  }

  #acknowledge(always: boolean): void {
    const off = this.#cursor.ack(always);
    if (off !== null) this.outlet.post({ type: 'ack', gen: this.gen, off });
  }

  #watch(): void {
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => {
      if (!this.result && this.#cursor.awaiting) this.#obey(this.#cursor.fail('a resume was not answered'));
    }, RESUME_OVERDUE_MS);
  }

  #emitRewind(off: number, reason: string): void {
    this.#emit({ type: 'rewind', off, reason, text: this.text.length, reasoning: this.reasoning.length });
  }

  #emit(event: StreamEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #end(state: EndState, error: StreamError | null, frame?: DoneFrame): void {
    if (this.result) return;
    clearTimeout(this.#overdue);
    const { off, crc } = this.cursor();
    this.result = {
      gen: this.gen,
      state,
      verified: frame !== undefined,
      off,
      crc,
      usage: frame?.usage ?? null,
      timing: frame?.timing ?? null,
      persisted: frame?.persisted === true,
      error,
    };
    this.outlet.release(this.gen);
    this.#emit({ type: 'done', result: this.result });
    this.#resolve(this.result);
  }

  *#soFar(): Iterable<StreamEvent> {
    if (this.message !== null) yield { type: 'accepted', message: this.message, parent: this.parent ?? '' };
    let off = 0;
    for (const { part, text } of this.parts) {
      yield { type: 'text', text, part, off };
      off += new TextEncoder().encode(text).length;
    }
    if (this.result) yield { type: 'done', result: this.result };
  }
}
