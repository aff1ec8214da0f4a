/**
 * The events of one stream as the chunks of the `ai` package.
 *
 *     accepted, text, rewind, done --> start, text-delta, reset-step + data-lastword-rewind, finish
 *
 * Breaks and resumes are not seen: nothing of the text changes by them. A rewind is. `ai` 7 takes it as `reset-step`, which
 * throws away what this step had; 6 knows no chunk that takes text back, so the message keeps it, before a
 * `data-lastword-rewind` part that says it is void (`standingParts` leaves it out). Either way what stays is sent again.
 */
import type { StreamEvent, StreamHandle, StreamResult } from '../handle.js';
import { Parts } from '../parts.js';
import type { Part } from '../wire.js';
import type { AnswerMetadata, Chunk, RewindData } from './types.js';

/** Only in `ai` 7; 6 passes over what it does not know. */
const RESET = { type: 'reset-step' } as unknown as Chunk;

const FINISH: Record<string, 'stop' | 'length' | 'content-filter' | 'other'> = {
  complete: 'stop',
  length: 'length',
  filtered: 'content-filter',
  cancelled: 'other',
};

export class Chunker {
  readonly #parts = new Parts();
  #open: Part | null = null;
  #ids = 0;
  #rewinds = 0;

  constructor(private readonly about: AnswerMetadata) {}

  begin(): Chunk[] {
    const { gen } = this.about;
    return [{ type: 'start', messageId: gen, messageMetadata: { lastword: this.about } }, { type: 'start-step' }];
  }

  take(event: StreamEvent): Chunk[] {
    switch (event.type) {
      case 'accepted':
        return [metadata({ message: event.message, parent: event.parent })];
      case 'start':
        return event.model ? [metadata({ model: event.model })] : [];
      case 'text':
        this.#parts.append(event.part, event.text);
        return this.#text(event.part, event.text);
      case 'rewind':
        return this.#rewind(event);
      case 'status':
        return [{ type: 'data-lastword-status', data: { state: event.state, idle_ms: event.idle_ms }, transient: true }];
      case 'done':
        return [...this.#close(), { type: 'finish-step' }, ...finish(event.result)];
      default:
        return [];
    }
  }

  #id(): string {
    return `${this.about.gen}-${this.#ids}`;
  }

  #text(part: Part, delta: string): Chunk[] {
    const before: Chunk[] = [];
    if (this.#open !== part) {
      before.push(...this.#close());
      this.#ids++;
      this.#open = part;
      before.push({ type: `${part}-start`, id: this.#id() });
    }
    return [...before, { type: `${part}-delta`, id: this.#id(), delta }];
  }

  #close(): Chunk[] {
    if (!this.#open) return [];
    const end: Chunk = { type: `${this.#open}-end`, id: this.#id() };
    this.#open = null;
    return [end];
  }

  #rewind({ off, reason, text, reasoning }: Extract<StreamEvent, { type: 'rewind' }>): Chunk[] {
    if (this.#parts.list.length === 0) return [];
    this.#parts.cut(text, reasoning);
    const data: RewindData = { off, reason };
    const id = `${this.about.gen}-rewind-${++this.#rewinds}`;
    const said: Chunk[] = [...this.#close(), RESET, { type: 'data-lastword-rewind', id, data }];
    for (const { part, text: stays } of this.#parts.list) said.push(...this.#text(part, stays));
    return said;
  }
}

function metadata(lastword: Partial<AnswerMetadata>): Chunk {
  return { type: 'message-metadata', messageMetadata: { lastword } };
}

/** What was cut off or could not be verified ends as an error, never as an answer that is whole. */
function finish(result: StreamResult): Chunk[] {
  const { state, verified, off, crc, usage, timing, error } = result;
  const messageMetadata = { lastword: { state, verified, off, crc, usage, timing } };
  const finishReason = FINISH[state] ?? 'error';
  const said: Chunk[] = [{ type: 'finish', finishReason, messageMetadata }];
  if (state === 'cancelled') said.unshift({ type: 'abort' });
  if (finishReason !== 'error') return said;
  return [...said, { type: 'error', errorText: error?.message ?? `The answer ended as ${state}.` }];
}

/**
 * The chunks of `stream` from its beginning; `over` when it has ended, which a client that was closed does not know of. A
 * reader that walks away stops reading and nothing else.
 */
export function chunksOf(stream: StreamHandle, about: AnswerMetadata, over: () => void): ReadableStream<Chunk> {
  const events = stream[Symbol.asyncIterator]();
  const chunker = new Chunker(stream.model ? { ...about, model: stream.model } : about);
  return new ReadableStream<Chunk>({
    start(controller) {
      for (const chunk of chunker.begin()) controller.enqueue(chunk);
    },
    async pull(controller) {
      for (;;) {
        const { value, done } = await events.next();
        if (done) return controller.close();
        if (value.type === 'done' && value.result.state !== 'detached') over();
        const chunks = chunker.take(value);
        for (const chunk of chunks) controller.enqueue(chunk);
        if (chunks.length > 0) return;
      }
    },
    async cancel() {
      await events.return?.();
    },
  });
}
