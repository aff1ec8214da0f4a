/**
 * Brings a message's text into its element: at most one paint per frame, paced, and fewer when painting is slow.
 *
 *     stream --text--> Pacer --next frame--> renderer.update --> afterPaint (keeps the end in view)
 *
 * The same renderer serves the text while it grows and when it is whole, so the end of an answer moves nothing, and
 * what is still to be shown when the end comes is shown at the same pace. It holds no text of its own but what is shown.
 */
import type { StreamHandle } from '@lastword/client';
import { Renderer } from '../render/renderer.ts';
import { Pacer, wholeWord } from './pace.ts';

/** A paint that takes longer is followed by a pause as long, so that typing stays smooth; but never a longer one than this. */
const SLOW_MS = 12;
const PAUSE_MS = 40;
/** Most new text of one paint, in UTF-16 units: a long answer read back is painted over several frames. */
const BITE = 32 * 1024;

export class Painter {
  readonly #renderer: Renderer;
  readonly #pacer = new Pacer();
  /** Grows, while it is followed. */
  #stream: StreamHandle | null = null;
  /** Is whole, otherwise. */
  #whole: string | null = null;
  #off: (() => void) | undefined;
  #frame = 0;
  #notBefore = 0;
  #shown = '';
  /** What is shown is not the beginning of what is to be shown. */
  #stale = false;

  constructor(
    el: Element,
    private readonly afterPaint: () => void,
  ) {
    this.#renderer = new Renderer(el);
  }

  /** Paints `stream` as it grows. What it has already is not paced. */
  follow(stream: StreamHandle): void {
    this.stop();
    this.#stream = stream;
    this.#whole = null;
    this.#compare(stream.text);
    this.#pacer.restart(stream.text.length);
    this.#off = stream.on((event) => {
      if (event.type === 'rewind') this.#rewound();
      else if (event.type === 'text' && event.part === 'text') this.#pacer.arrived(stream.text.length, performance.now());
      else return;
      this.#want();
    });
    this.#want();
  }

  /** `text` is whole. If it ends what was followed it is shown at its pace; else what fits into one paint is painted now. */
  whole(text: string): void {
    const followed = this.#stream !== null;
    this.stop();
    this.#whole = text;
    this.#compare(text);
    if (followed && !this.#stale && this.#shown.length < text.length) return this.#want();
    this.#pacer.restart(text.length);
    this.#paint(performance.now());
  }

  stop(): void {
    this.#off?.();
    this.#off = undefined;
    this.#stream = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #compare(text: string): void {
    if (!text.startsWith(this.#shown)) this.#stale = true;
  }

  /** What stays of the text is painted again with the next frame; until then the page is as it was. */
  #rewound(): void {
    const text = this.#stream!.text;
    this.#compare(text);
    this.#pacer.restart(text.length);
  }

  #want(): void {
    if (!this.#frame) this.#frame = requestAnimationFrame((now) => this.#onFrame(now));
  }

  #onFrame(now: number): void {
    this.#frame = 0;
    if (performance.now() < this.#notBefore) this.#want();
    else this.#paint(now);
  }

  #paint(now: number): void {
    const began = performance.now();
    const text = this.#whole ?? this.#stream?.text ?? '';
    if (this.#stale) this.#renderer.rewind();
    this.#shown = this.#stale ? '' : this.#shown;
    this.#stale = false;
    const to = wholeWord(text, Math.min(this.#pacer.step(now), this.#shown.length + BITE));
    this.#shown = text.slice(0, to);
    if (to >= this.#pacer.shown) this.#pacer.showed(to);
    const all = to === text.length;
    this.#renderer.update(this.#shown, all && this.#whole !== null);
    this.afterPaint();
    const took = performance.now() - began;
    this.#notBefore = took > SLOW_MS ? began + took + Math.min(took, PAUSE_MS) : 0;
    if (!all) this.#want();
  }
}

/** Keeps `el` at the reasoning of `stream` as it grows; plain text, at most one change per frame. */
export function paintReasoning(el: Element, stream: StreamHandle): () => void {
  let frame = 0;
  const paint = () => {
    frame = 0;
    const { reasoning } = stream;
    const text = el.firstChild as Text | null;
    if (text && reasoning.startsWith(text.data)) text.appendData(reasoning.slice(text.length));
    else el.textContent = reasoning;
  };
  paint();
  const off = stream.on(() => (frame ||= requestAnimationFrame(paint)));
  return () => {
    off();
    cancelAnimationFrame(frame);
  };
}
