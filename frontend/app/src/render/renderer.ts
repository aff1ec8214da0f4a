/**
 * A growing text, Markdown or RRML, as elements that are committed once.
 *
 *     src  |------ committed: never looked at again ------|---- tail: parsed and patched each time ----|
 *     DOM  |  children before `index` of the open element |  children from `index` on                  |
 *
 * RRML tags open and close elements on a stack; the text between two tags is Markdown. All blocks of the tail but
 * the last are committed as soon as the first line of the next one is whole. The same text gives the same elements,
 * however it was cut. It asks for no frames and no clock: whoever owns it calls `update` when there is time to paint.
 */
import { blocks } from './blocks.ts';
import { inline } from './inline.ts';
import type { Memo } from './memo.ts';
import { patch, type Node } from './nodes.ts';
import { place, shelve } from './shelf.ts';
import { TagScanner, type RrmlName, type Tag } from './rrml.ts';

const MAX_OPEN = 16;
const ELEMENTS: Record<RrmlName, string> = { response: 'div', header: 'h3', subheader: 'h4', body: 'div', card: 'section' };

interface Frame {
  name: RrmlName | null;
  el: Element;
  /** Blocks before this one are final. */
  index: number;
  /** Headers hold inline text only. */
  flat: boolean;
}

export class Renderer {
  #stack: Frame[];
  #scanner = new TagScanner();
  /** Where the tail begins. */
  #pos = 0;
  #src: string | null = null;
  #done = false;
  /** Parsed parts of the tail. */
  #memo: Memo = new Map();

  constructor(private readonly root: Element) {
    this.#stack = [this.#base()];
  }

  /** `src` is the whole text so far, the former one with more at its end. `done`: no more will come. */
  update(src: string, done: boolean): void {
    if (this.#done || (src.length === this.#src?.length && !done)) return;
    this.#src = src;
    this.#done = done;
    for (;;) {
      const tag = this.#scanner.next(src, this.#stack.length > 1, done);
      if (!tag) break;
      this.#fill(src.slice(this.#pos, tag.at), false);
      this.#pos = tag.end;
      this.#apply(tag);
    }
    const top = this.#stack.at(-1)!;
    const tail = src.slice(this.#pos, done ? src.length : this.#scanner.held);
    if (top.flat || done) this.#fill(tail, !done);
    else this.#tail(top, tail);
  }

  /** The next `update` begins anew, with a text that need not continue this one. Until then the page stays as it is. */
  rewind(): void {
    this.#stack = [this.#base()];
    this.#scanner = new TagScanner();
    this.#memo.clear();
    this.#pos = 0;
    this.#src = null;
    this.#done = false;
  }

  #base(): Frame {
    return { name: null, el: this.root, index: 0, flat: false };
  }

  /** Parses `text` into the open element. Not `open`: it is whole, and final. */
  #fill(text: string, open: boolean): void {
    const top = this.#stack.at(-1)!;
    const nodes: Node[] = top.flat ? inline(text.trim(), open) : blocks(text, open, this.#memo).map((b) => b.node);
    if (top.flat) patch(top.el, 0, nodes);
    else shelve(top.el, top.index, nodes);
    if (open) return;
    top.index += nodes.length;
    this.#memo.clear();
  }

  #tail(top: Frame, text: string): void {
    const found = blocks(text, true, this.#memo);
    shelve(top.el, top.index, found.map((b) => b.node));
    let last = found.length - 1;
    while (last > 0 && !found[last]!.whole) last--;
    if (last <= 0) return;
    top.index += last;
    this.#pos += found[last]!.from;
    this.#memo.clear();
  }

  #apply(tag: Tag): void {
    if (this.#stack.at(-1)!.flat && !(tag.close && this.#stack.at(-1)!.name === tag.name)) this.#stack.pop();
    if (tag.close) {
      const at = this.#stack.findLastIndex((f) => f.name === tag.name);
      if (at > 0) this.#stack.length = at;
      return;
    }
    if (this.#stack.length >= MAX_OPEN) return;
    const parent = this.#stack.at(-1)!;
    const el = this.root.ownerDocument.createElement(ELEMENTS[tag.name]);
    el.className = `rr-${tag.name}`;
    place(parent.el, parent.index, el);
    parent.index++;
    this.#stack.push({ name: tag.name, el, index: 0, flat: tag.name === 'header' || tag.name === 'subheader' });
  }
}
