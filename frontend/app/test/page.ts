/** A document without a browser, and the renderer's output as text that is easy to compare. */
import { JSDOM } from 'jsdom';
import { Renderer } from '../src/render/renderer.ts';

const { window } = new JSDOM('<!doctype html>');

export function root(): HTMLElement {
  return window.document.createElement('div') as unknown as HTMLElement;
}

/** `pieces` arrive one after the other, painted after each; the HTML at the end. */
export function streamed(pieces: string[]): string {
  const el = root();
  const renderer = new Renderer(el);
  let src = '';
  for (const piece of pieces) {
    src += piece;
    renderer.update(src, false);
  }
  renderer.update(src, true);
  return el.innerHTML;
}

export function whole(src: string): string {
  const el = root();
  new Renderer(el).update(src, true);
  return el.innerHTML;
}

/** What is shown of a text that is still growing. */
export function growing(src: string): string {
  const el = root();
  new Renderer(el).update(src, false);
  return el.innerHTML;
}
