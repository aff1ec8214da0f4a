/**
 * When to try again: full jitter, 0.5 s doubling to 20 s (PROTOCOL §8).
 *
 * Pure: randomness is handed in. `now()` makes the next try immediate, after a goaway or a network change; a
 * connection that was welcomed resets the ladder.
 */
export class Backoff {
  #attempt = 0;
  #atOnce = false;

  constructor(
    private readonly random: () => number = Math.random,
    private readonly baseMs = 500,
    private readonly capMs = 20_000,
  ) {}

  /** Milliseconds to wait before the next try. */
  next(): number {
    if (this.#atOnce) {
      this.#atOnce = false;
      return 0;
    }
    const ceiling = Math.min(this.capMs, this.baseMs * 2 ** Math.min(this.#attempt, 16));
    this.#attempt++;
    return Math.floor(this.random() * ceiling);
  }

  /** The next try is to come at once. */
  now(): void {
    this.#atOnce = true;
  }

  /** From the first rung; `keepNow`: but a try that is to come at once still does. */
  reset(keepNow = false): void {
    this.#attempt = 0;
    if (!keepNow) this.#atOnce = false;
  }
}
