/**
 * `@lastword/client/ai-sdk`: a ChatTransport for the `ai` package, versions 6 and 7. `useChat` changes nothing but its
 * transport.
 *
 *     useChat --sendMessages--> LastwordTransport --send--> client (this thread, a Worker, one for all tabs)
 *             <--UIMessageChunks--                <--events--
 *
 * Breaks are mended below it. An abort (stop) is a cancel; a reader that walks away, and a resume that takes the place of
 * another, are not. The id of an answer's message is its `gen`, now and after every reload.
 */
import type { ClientApi } from './api.js';
import { chunksOf } from './ai/chunks.js';
import { Memory, tabStore, type Store } from './ai/memory.js';
import { chatUuid, inputOf, parentOf } from './ai/messages.js';
import type { AnswerMetadata, Chunk, UIMessageLike } from './ai/types.js';
import type { StreamError, StreamEvent, StreamHandle } from './handle.js';
import type { Params, Retry, SendRequest } from './wire.js';

export { chatUuid, metadataOf, standingParts } from './ai/messages.js';
export type { AnswerMetadata, Chunk, RewindData, UIMessageLike } from './ai/types.js';
export type { Store } from './ai/memory.js';

/** What one request may say of itself: the `body` of `sendMessage` and `regenerate`, or `LastwordTransport`'s own. */
export interface Asking {
  model?: string;
  params?: Params;
  on_disconnect?: 'continue' | 'cancel';
  if_busy?: 'reject' | 'queue' | 'interrupt';
}

export interface LastwordTransportOptions extends Asking {
  /** Connected, or to be connected, by whoever made it. */
  client: ClientApi;
  /** Where to keep which answer a chat was reading; the tab's sessionStorage if absent, nothing if null. */
  store?: Store | null;
}

interface Request {
  headers?: Record<string, string> | Headers;
  body?: object;
  metadata?: unknown;
}

/** A request that the gateway, or this transport, refused. */
export class LastwordError extends Error {
  readonly code: string;
  readonly retry: Retry | null;
  readonly after_ms: number | null;
  constructor(error: StreamError) {
    super(error.message);
    this.name = 'LastwordError';
    this.code = error.code;
    this.retry = error.retry ?? null;
    this.after_ms = error.after_ms ?? null;
  }
}

export class LastwordTransport {
  /** What `reconnectToStream` returns begins at the beginning. */
  readonly resumeStreamIsReplay = true;
  readonly #options: LastwordTransportOptions;
  readonly #client: ClientApi;
  readonly #memory: Memory;
  /** User messages the gateway has, by chat and the id that `ai` gave them. */
  readonly #asked = new Map<string, { parent: string; input: string }>();
  /** How often each chat was reconnected. */
  readonly #reconnects = new Map<string, number>();

  constructor(options: LastwordTransportOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#memory = new Memory(options.store === undefined ? tabStore() : options.store);
  }

  async sendMessages<M extends UIMessageLike>(
    options: {
      trigger: 'submit-message' | 'regenerate-message';
      chatId: string;
      messageId: string | undefined;
      messages: M[];
      abortSignal: AbortSignal | undefined;
    } & Request,
  ): Promise<ReadableStream<Chunk>> {
    const chat = chatUuid(options.chatId);
    const last = options.messages.at(-1);
    if (last?.role !== 'user') throw refused('The last message is not a user’s: there is nothing to ask.');
    const text = inputOf(last);
    if (text === null) throw refused('Files cannot be sent: the gateway takes text.');
    if (options.abortSignal?.aborted) throw aborted();
    const place = `${chat} ${last.id}`;
    const stream = this.#client.send({ ...this.#asking(options.body), chat, ...this.#input(place, options.messages, text) });
    const { gen } = stream;
    this.#obey(stream, chat, options.abortSignal);
    this.#memory.remember(chat, { gen });
    await until(stream, (event) => event.type === 'accepted' || event.type === 'done', () => stream.message !== null);
    const { message, parent, result } = stream;
    if (message === null || parent === null) {
      this.#memory.forget(chat, gen);
      if (result?.state === 'cancelled') throw aborted();
      throw new LastwordError(result?.error ?? { code: 'REFUSED', message: `The request ended as ${result?.state}.` });
    }
    this.#asked.set(place, { parent, input: text });
    this.#memory.remember(chat, { gen, message, parent });
    return this.#chunks(stream, { gen, chat, message, parent });
  }

  /** The chat's running answer, or the one it was reading when the page went, from the beginning; null if neither. */
  async reconnectToStream(
    options: { chatId: string; abortSignal?: AbortSignal } & Request,
  ): Promise<ReadableStream<Chunk> | null> {
    const chat = chatUuid(options.chatId);
    const { abortSignal } = options;
    const turn = this.#turn(chat) + 1;
    this.#reconnects.set(chat, turn);
    await Promise.race([this.#welcomed(), abortOf(abortSignal)]);
    const gen = this.#running(chat) ?? this.#memory.recall(chat)?.gen;
    if (abortSignal?.aborted) return this.#stopUnseen(chat, turn);
    if (!gen) return null;
    const stream = this.#client.resume(gen);
    this.#obey(stream, chat, abortSignal);
    await Promise.race([until(stream, () => true, () => stream.cursor().off > 0), abortOf(abortSignal)]);
    if (stream.result?.state === 'gone') {
      this.#memory.forget(chat, gen);
      return null;
    }
    if (abortSignal?.aborted) return null;
    const kept = this.#memory.recall(chat);
    return this.#chunks(stream, kept?.gen === gen ? { ...kept, chat } : { gen, chat });
  }

  // ---- inside ----

  #chunks(stream: StreamHandle, about: AnswerMetadata): ReadableStream<Chunk> {
    return chunksOf(stream, about, () => this.#memory.forget(about.chat!, about.gen));
  }

  #asking(body: Asking = {}): Asking {
    const { model, params, on_disconnect, if_busy } = { ...this.#options, ...body };
    const said = Object.entries({ model, params, on_disconnect, if_busy }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said);
  }

  /** A message the gateway has is answered again; any other is asked. */
  #input(place: string, messages: UIMessageLike[], text: string): Pick<SendRequest, 'input' | 'parent'> {
    const known = this.#asked.get(place);
    if (known?.input === text) return { input: null, parent: known.parent };
    const parent = parentOf(messages, messages.length - 1);
    return parent === undefined ? { input: text } : { input: text, parent };
  }

  #turn(chat: string): number {
    return this.#reconnects.get(chat) ?? 0;
  }

  #running(chat: string): string | undefined {
    return [...this.#client.active.values()].find((info) => info.chat === chat)?.gen;
  }

  #welcomed(): Promise<void> {
    if (this.#client.state === 'open') return Promise.resolve();
    return new Promise((resolve) => {
      const off = this.#client.on('welcome', () => (off(), resolve()));
    });
  }

  /**
   * An abort is a cancel, unless it only makes room for another reader: `ai` aborts a resume when the next one begins, as
   * a component that is mounted twice does, and begins that one at once.
   */
  #obey(stream: StreamHandle, chat: string, signal: AbortSignal | undefined): void {
    const stop = () => {
      const turn = this.#turn(chat);
      setTimeout(() => this.#turn(chat) === turn && stream.cancel(), 0);
    };
    signal?.addEventListener('abort', stop, { once: true });
    void stream.finished.then(() => signal?.removeEventListener('abort', stop));
  }

  /** Stopped before it was known what runs: stopped as soon as it is. */
  async #stopUnseen(chat: string, turn: number): Promise<null> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#turn(chat) !== turn) return null;
    void this.#welcomed().then(() => {
      const gen = this.#running(chat);
      if (gen && this.#turn(chat) === turn) this.#client.cancel(gen);
    });
    return null;
  }
}

/** Resolves at the first event that is `enough`, or at once if `already`, or if it is over. */
function until(stream: StreamHandle, enough: (event: StreamEvent) => boolean, already: () => boolean): Promise<void> {
  if (stream.result || already()) return Promise.resolve();
  return new Promise((resolve) => {
    const off = stream.on((event) => {
      if (!enough(event)) return;
      off();
      resolve();
    });
  });
}

/** Never, without a signal. */
function abortOf(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

function aborted(): Error {
  return new DOMException('The request was stopped.', 'AbortError');
}

function refused(message: string): LastwordError {
  return new LastwordError({ code: 'BAD_REQUEST', message, retry: 'never' });
}
