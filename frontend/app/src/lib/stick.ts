/**
 * Keeps the end of a scroller in view while text grows, until the reader scrolls away from it.
 *
 * The reader's gestures (wheel, touch, keys, the bar itself) let go; coming back to the end takes hold again.
 */
const NEAR_PX = 48;

export class Stick {
  held = true;
  #top = 0;

  constructor(
    private readonly el: HTMLElement,
    private readonly changed: (held: boolean) => void,
  ) {
    el.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    el.addEventListener('wheel', (e) => e.deltaY < 0 && this.#set(false), { passive: true });
  }

  /** The content may have grown. */
  keep(): void {
    if (this.held) this.#bottom();
  }

  hold(): void {
    this.#set(true);
    this.#bottom();
  }

  #bottom(): void {
    this.el.scrollTop = this.el.scrollHeight;
    this.#top = this.el.scrollTop;
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.el;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (near) this.#set(true);
    else if (scrollTop < this.#top - 2) this.#set(false);
    this.#top = scrollTop;
  }

  #set(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    this.changed(held);
  }
}
