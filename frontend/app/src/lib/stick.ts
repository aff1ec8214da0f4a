/**
 * Keeps the end of a scroller in view on a spring while its content grows, until the reader takes over.
 *
 *     content grows --> loop, once a frame: spring --> scrollTop          (held)
 *     wheel up, touch, keys, scrollbar, a selection --> let go            scrolling back to the end --> held
 *
 * Whatever else moves the content up lets go as well, so nobody is pulled down against their will. Where the reader
 * wants less motion, and over more than a screen, it does not glide but goes. It never scrolls up.
 */
import { spring, type Spring } from './spring.ts';

/** From here to the end counts as the end, in px. */
const NEAR = 48;
const KEYS_UP = new Set(['ArrowUp', 'PageUp', 'Home']);
/** ms over which growth is averaged. */
const GROWTH_MS = 120;
/** A frame is never taken for longer, in ms: after a pause the spring goes on where it was. */
const LONGEST_MS = 64;

export class Stick {
  held = true;
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #gone = new AbortController();
  #spring: Spring = { at: 0, speed: 0 };
  /** Growth of the content, px/ms. */
  #drift = 0;
  #goal = 0;
  /** scrollTop as we left it. */
  #top = 0;
  #frame = 0;
  #then = 0;
  /** A finger or the button of a mouse is down in the scroller. */
  #grip = false;

  constructor(
    private readonly el: HTMLElement,
    private readonly changed: (held: boolean) => void,
  ) {
    const { signal } = this.#gone;
    const on = (to: EventTarget, type: string, then: (event: never) => void) => to.addEventListener(type, then as EventListener, { passive: true, signal });
    const doc = el.ownerDocument;
    on(el, 'scroll', () => this.#onScroll());
    on(el, 'wheel', (e: WheelEvent) => this.#onWheel(e));
    on(el, 'touchmove', () => ((this.#grip = true), this.#set(false)));
    on(el, 'pointerdown', (e: PointerEvent) => this.#onPointer(e));
    for (const type of ['pointerup', 'pointercancel', 'touchend', 'touchcancel']) on(doc, type, () => this.#onRelease());
    on(doc, 'keydown', (e: KeyboardEvent) => this.#onKey(e));
    on(doc, 'selectionchange', () => this.#onSelection());
    const growth = new ResizeObserver(() => this.#onGrowth());
    for (const seen of [el, ...el.children]) growth.observe(seen);
    signal.addEventListener('abort', () => growth.disconnect());
    el.style.setProperty('overflow-anchor', 'none');
  }

  /** The content may have grown. */
  keep(): void {
    if (!this.held) return;
    if (this.#calm.matches) this.#go(this.#end());
    else this.#want();
  }

  /** The reader asks for the end. */
  hold(): void {
    this.#set(true);
    this.keep();
  }

  stop(): void {
    this.#gone.abort();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** Sizes are known here, so what is far away is on the screen in this very frame. */
  #onGrowth(): void {
    if (!this.el.isConnected) this.stop();
    else if (this.held && this.#isFar(this.#end())) this.#go(this.#end());
    else this.keep();
  }

  #isFar(goal: number): boolean {
    return goal - this.#spring.at > this.el.clientHeight;
  }

  #want(): void {
    if (this.#frame || this.#gone.signal.aborted) return;
    this.#then = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now: number): void {
    this.#frame = 0;
    if (!this.held) return;
    const ms = Math.min(Math.max(now - this.#then, 1), LONGEST_MS);
    const goal = this.#end();
    const grown = Math.max(0, goal - this.#goal);
    this.#drift += (grown / ms - this.#drift) * (1 - Math.exp(-ms / GROWTH_MS));
    this.#goal = goal;
    if (this.#isFar(goal)) this.#go(goal);
    else this.#glide(goal, ms);
    if (goal - this.#spring.at < 0.5 && this.#drift < 0.002) return this.#go(goal);
    this.#then = now;
    this.#frame = requestAnimationFrame((next) => this.#step(next));
  }

  #glide(goal: number, ms: number): void {
    const next = spring(this.#spring, goal, this.#drift, ms);
    this.#spring = { at: Math.min(goal, Math.max(next.at, this.#spring.at)), speed: Math.max(0, next.speed) };
    this.#put(this.#spring.at);
  }

  #go(to: number): void {
    this.#spring = { at: to, speed: 0 };
    this.#goal = to;
    this.#drift = 0;
    this.#put(to);
  }

  #put(top: number): void {
    this.el.scrollTop = top;
    this.#top = this.el.scrollTop;
  }

  #end(): number {
    return this.el.scrollHeight - this.el.clientHeight;
  }

  #onScroll(): void {
    const top = this.el.scrollTop;
    if (Math.abs(top - this.#top) < 1.5) return; // our own, told late
    const up = top < this.#top - 1.5;
    this.#top = top;
    this.#spring = { at: top, speed: 0 };
    if (up && this.#end() - top > 1.5) this.#set(false);
    else if (!up && !this.#grip) this.#arrive(NEAR);
  }

  #onWheel(e: WheelEvent): void {
    if (e.ctrlKey) return;
    if (e.deltaY < 0) this.#set(false);
    else this.#arrive(1.5);
  }

  /** The reader is at the end, or within `px` of it, and selects nothing. */
  #arrive(px: number): void {
    if (!this.held && !this.#selected() && this.#end() - this.el.scrollTop < px) this.#set(true);
  }

  /** Beside the content is the scrollbar. */
  #onPointer(e: PointerEvent): void {
    this.#grip = true;
    if (e.target === this.el && e.offsetX >= this.el.clientWidth) this.#set(false);
  }

  #onRelease(): void {
    if (!this.#grip) return;
    this.#grip = false;
    this.#arrive(1.5);
  }

  #onKey(e: KeyboardEvent): void {
    const up = KEYS_UP.has(e.key) || (e.key === ' ' && e.shiftKey);
    const here = e.target === this.el.ownerDocument.body || this.el.contains(e.target as Element);
    const typing = (e.target as Element).closest('input, textarea, select, [contenteditable]');
    if (up && here && !typing && !e.defaultPrevented) this.#set(false);
  }

  #onSelection(): void {
    if (this.#selected()) this.#set(false);
  }

  #selected(): boolean {
    const selection = this.el.ownerDocument.getSelection();
    return selection !== null && !selection.isCollapsed && this.el.contains(selection.anchorNode);
  }

  #set(held: boolean): void {
    if (held === this.held || (!held && this.#end() < 1)) return;
    this.held = held;
    this.el.style.setProperty('overflow-anchor', held ? 'none' : 'auto');
    if (held) this.#take();
    this.changed(held);
  }

  #take(): void {
    this.#top = this.el.scrollTop;
    this.#spring = { at: this.#top, speed: 0 };
    this.#goal = this.#end();
    this.#drift = 0;
    this.keep();
  }
}
