/**
 * Between a stream that pushes and a reader that pulls: one async iterator over stream events.
 *
 * A reader that lags costs no more than the text itself, because neighbouring text events melt into one. It
 * ends after `done`, or when the reader walks away.
 */
import type { StreamEvent } from './handle.js';

export class EventQueue implements AsyncIterableIterator<StreamEvent> {
  /** Called once, when no more events are wanted. */
  onReturn: (() => void) | undefined;
  #events: StreamEvent[] = [];
  #waiting: Array<(r: IteratorResult<StreamEvent>) => void> = [];
  #ended = false;

  push(event: StreamEvent): void {
    if (this.#ended) return;
    const waiter = this.#waiting.shift();
    if (waiter) {
      waiter({ value: event, done: false });
      if (event.type === 'done') this.#end();
      return;
    }
    const last = this.#events.at(-1);
    if (last?.type === 'text' && event.type === 'text' && last.part === event.part) {
      this.#events[this.#events.length - 1] = { ...last, text: last.text + event.text };
    } else {
      this.#events.push(event);
    }
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    const event = this.#events.shift();
    if (event) {
      if (event.type === 'done') this.#end();
      return Promise.resolve({ value: event, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<StreamEvent>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onReturn?.();
    for (const waiter of this.#waiting.splice(0)) waiter({ value: undefined, done: true });
  }
}
