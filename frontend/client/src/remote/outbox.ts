/**
 * What waits for one page: neighbouring text melts into one event, and it goes as one message when the page is ready.
 *
 *     client and streams --add--> items --(page said go)--> one postMessage
 *
 * A page that never says go costs no more than the text itself.
 */
import type { StreamEvent, StreamHandle } from '../handle.js';
import type { Batch, Item, Port, StreamFacts } from './messages.js';

export class Outbox {
  #items: Batch = [];
  readonly #touched = new Map<string, StreamHandle>();
  #ready = true;
  #posting = false;

  constructor(private readonly port: Port) {}

  add(item: Item): void {
    this.#items.push(item);
    this.#soon();
  }

  event(stream: StreamHandle, event: StreamEvent): void {
    this.#touched.set(stream.gen, stream);
    const item = this.#items.at(-1);
    if (item?.of !== 'stream' || item.gen !== stream.gen) {
      return this.add({ of: 'stream', gen: stream.gen, facts: factsOf(stream), events: [event] });
    }
    const last = item.events.at(-1);
    if (event.type === 'text' && last?.type === 'text' && last.part === event.part) {
      item.events[item.events.length - 1] = { ...last, text: last.text + event.text };
    } else {
      item.events.push(event);
    }
    this.#soon();
  }

  /** Goes at once: a hidden page is slow to say go, and a credential cannot wait for it. */
  now(item: Item): void {
    this.port.postMessage([item]);
  }

  /** The page has painted what it got. */
  go(): void {
    this.#ready = true;
    this.#soon();
  }

  /** What one turn brings goes together. */
  #soon(): void {
    if (this.#posting || !this.#ready || this.#items.length === 0) return;
    this.#posting = true;
    queueMicrotask(() => this.#post());
  }

  #post(): void {
    this.#posting = false;
    for (const item of this.#items) {
      const stream = item.of === 'stream' && this.#touched.get(item.gen);
      if (stream) (item as Extract<Item, { of: 'stream' }>).facts = factsOf(stream);
    }
    const batch = this.#items;
    this.#items = [];
    this.#touched.clear();
    this.#ready = false;
    this.port.postMessage(batch);
  }
}

function factsOf(stream: StreamHandle): StreamFacts {
  const { chat, message, parent, model, accepted, resumes } = stream;
  return { chat, message, parent, model, accepted, resumes, at: stream.cursor() };
}
