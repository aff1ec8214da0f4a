/**
 * Listeners and how they are told: synchronously, in the order they came. One that throws is reported the way an
 * uncaught error is, and stops neither the others nor whoever emits.
 */
export type Listener<E> = (event: E) => void;

export class Emitter<E extends { type: string }> {
  readonly #listeners = new Set<Listener<E>>();

  /** Calls `listener` for each event from now on, or for each of one type; returns how to stop that. */
  on(listener: Listener<E>): () => void;
  on<T extends E['type']>(type: T, listener: Listener<Extract<E, { type: T }>>): () => void;
  on(first: string | Listener<E>, second?: (event: any) => void): () => void {
    const listener: Listener<E> = typeof first === 'function' ? (e) => first(e) : (e) => void (e.type === first && second!(e));
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  protected emit(event: E): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (e) {
        queueMicrotask(() => {
          throw e;
        });
      }
    }
  }
}
