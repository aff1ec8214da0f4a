/**
 * One answer as its reader holds it: events, the text so far, and a promise of how it ended. What is read here is the
 * same whether the connection lives in this thread (stream.ts) or in a Worker (remote/stream.ts).
 *
 *     frames or messages --> Stream | RemoteStream --emit--> listeners, iterators, readable()
 *
 * It has no `cancel` of a ReadableStream's kind: there, a reader that walks away cancels, and here that may never stop an
 * answer. So it is an async iterable and hands out ReadableStreams, and `cancel()` means the answer itself.
 */
import { Emitter } from './emitter.js';
import { EventQueue } from './queue.js';
import type { DoneState, Part, Position, Retry, Timing, Usage } from './wire.js';

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

export interface TextPart {
  part: Part;
  text: string;
}

/** What a reader holds, as plain data: kept by an application, it lets `resume` go on where this reader stood. */
export interface Snapshot {
  gen: string;
  epoch: number;
  parts: TextPart[];
}

export interface StreamOptions {
  /** An abort is a cancel of the answer. */
  signal?: AbortSignal;
}
export interface ResumeOptions extends StreamOptions {
  /** What was kept of this answer; without it everything is read again from the beginning. */
  from?: Snapshot;
}

export abstract class StreamHandle extends Emitter<StreamEvent> implements AsyncIterable<StreamEvent> {
  /** The conversation; null where it is not known. */
  chat: string | null = null;
  /** Never rejects. */
  readonly finished: Promise<StreamResult>;
  /** The answer's message id, and that of the user message it follows; null until accepted, or where never told. */
  message: string | null = null;
  parent: string | null = null;
  model: string | null = null;
  result: StreamResult | null = null;
  /** How often this stream was taken up again after a break. */
  resumes = 0;
  #resolve!: (result: StreamResult) => void;
  #unsignal: (() => void) | undefined;

  constructor(readonly gen: string) {
    super();
    this.finished = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** All text of part `text` so far. */
  abstract get text(): string;
  abstract get reasoning(): string;
  /** The text in log order, one piece for each run of the same part. */
  abstract get parts(): TextPart[];
  abstract get accepted(): boolean;
  /** Where this reader stands. */
  abstract cursor(): Position;
  /** Stops the answer; idempotent. What was never sent is simply not sent. */
  abstract cancel(): void;

  snapshot(): Snapshot {
    return { gen: this.gen, epoch: this.cursor().epoch, parts: this.parts };
  }

  /** Each iterator begins with the state so far, so none comes too late. */
  [Symbol.asyncIterator](): AsyncIterator<StreamEvent> {
    const queue = new EventQueue();
    for (const event of this.soFar()) queue.push(event);
    if (!this.result) queue.onReturn = this.on((event) => queue.push(event));
    return queue;
  }

  /** The same events as a ReadableStream; to cancel it is to stop reading, not to stop the answer. */
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

  /** The events that lead to what is held now. */
  *soFar(): Iterable<StreamEvent> {
    if (this.message !== null) yield { type: 'accepted', message: this.message, parent: this.parent ?? '' };
    let off = 0;
    for (const { part, text } of this.parts) {
      yield { type: 'text', text, part, off };
      off += new TextEncoder().encode(text).length;
    }
    if (this.result) yield { type: 'done', result: this.result };
  }

  /** An abort of `signal`, now or later, is a cancel. */
  protected obeySignal(signal: AbortSignal | undefined): void {
    if (signal?.aborted) return this.cancel();
    const cancel = () => this.cancel();
    signal?.addEventListener('abort', cancel);
    this.#unsignal = () => signal?.removeEventListener('abort', cancel);
  }

  protected settle(result: StreamResult): void {
    this.#unsignal?.();
    this.result = result;
    this.emit({ type: 'done', result });
    this.#resolve(result);
  }
}
