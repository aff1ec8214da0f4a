/**
 * Brings a message's text into its element: at most one paint per frame, and fewer when painting is slow.
 *
 *     stream --text--> wanted --next frame--> renderer.update --> afterPaint (keeps the end in view)
 *
 * The same renderer serves the text while it grows and when it is whole, so the end of an answer moves nothing.
 */
import type { Stream } from '@lastword/client';
import { Renderer } from '../render/renderer.ts';

/** A paint that takes longer is followed by a pause as long, so that typing stays smooth. */
const SLOW_MS = 12;
/** Most new text of one paint, in UTF-16 units: a long answer read back is painted over several frames. */
const BITE = 32 * 1024;

export class Painter {
  readonly #renderer: Renderer;
  /** Grows, while it is followed. */
  #stream: Stream | null = null;
  /** Is whole, otherwise. */
  #whole: string | null = null;
  #off: (() => void) | undefined;
  #frame = 0;
  #notBefore = 0;
  #shown = '';

  constructor(
    el: Element,
    private readonly afterPaint: () => void,
  ) {
    this.#renderer = new Renderer(el);
  }

  /** Paints `stream` as it grows. */
  follow(stream: Stream): void {
    this.stop();
    this.#stream = stream;
    this.#whole = null;
    if (!stream.text.startsWith(this.#shown)) this.#restart();
    this.#off = stream.on((event) => {
      if (event.type === 'rewind') this.#restart();
      else if (event.type === 'text') this.#want();
    });
    this.#want();
  }

  /** `text` is whole. What fits into one paint is painted now. */
  whole(text: string): void {
    this.stop();
    this.#whole = text;
    if (!text.startsWith(this.#shown)) this.#restart();
    this.#paint();
  }

  stop(): void {
    this.#off?.();
    this.#off = undefined;
    this.#stream = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #restart(): void {
    this.#renderer.rewind('');
    this.#shown = '';
    this.#want();
  }

  #want(): void {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#onFrame());
  }

  #onFrame(): void {
    this.#frame = 0;
    if (performance.now() < this.#notBefore) this.#want();
    else this.#paint();
  }

  #paint(): void {
    const began = performance.now();
    const text = this.#whole ?? this.#stream?.text ?? '';
    this.#shown = bite(text, this.#shown.length);
    const all = this.#shown.length === text.length;
    this.#renderer.update(this.#shown, all && this.#whole !== null);
    this.afterPaint();
    const took = performance.now() - began;
    this.#notBefore = took > SLOW_MS ? began + 2 * took : 0;
    if (!all) this.#want();
  }
}

/** The beginning of `text`, one bite longer than `shown`; never half a surrogate pair. */
function bite(text: string, shown: number): string {
  if (text.length <= shown + BITE) return text;
  const code = text.charCodeAt(shown + BITE);
  return text.slice(0, shown + BITE + (code >= 0xdc00 && code <= 0xdfff ? 1 : 0));
}

/** Keeps `el` at the reasoning of `stream` as it grows; plain text, at most one change per frame. */
export function paintReasoning(el: Element, stream: Stream): () => void {
  let frame = 0;
  const paint = () => {
    frame = 0;
    el.textContent = stream.reasoning;
  };
  paint();
  const off = stream.on(() => (frame ||= requestAnimationFrame(paint)));
  return () => {
    off();
    cancelAnimationFrame(frame);
  };
}
