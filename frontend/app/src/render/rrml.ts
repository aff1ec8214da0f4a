/**
 * Finds the block tags of RRML (<response> <header> <subheader> <body> <card>) in a text that grows.
 *
 * Outside any of them a tag counts only at the beginning of a line, so that prose and Markdown may speak of
 * <header>; inside, anywhere; in code never; across lines never. What is decided about a line depends only on what came before, never
 * on how the text was cut into pieces: a line is judged when it is whole, or as far as nothing later can change it.
 * <link> is inline, and belongs to inline.ts.
 */
export type RrmlName = 'response' | 'header' | 'subheader' | 'body' | 'card';

export interface Tag {
  at: number;
  end: number;
  name: RrmlName;
  close: boolean;
}

const TAG = /<(\/?)(response|header|subheader|body|card)(?:[ \t][^<>\n]{0,256})?>/iy;
const PARTIAL = /^<\/?(?:[a-z]{0,9}|(?:response|header|subheader|body|card)[ \t][^<>\n]{0,256})$/i;
const NAMES = ['response', 'header', 'subheader', 'body', 'card'];
const FENCE = /^[ \t]*(`{3,}|~{3,})/;

export class TagScanner {
  #pos = 0;
  #fence: string | null = null;
  /** From here to the end of the text nothing is decided yet. */
  held = 0;

  /** The next tag, or null. `inside`: how many RRML elements are open. `done`: the text is whole. */
  next(src: string, inside: boolean, done: boolean): Tag | null {
    this.held = src.length;
    while (this.#pos < src.length) {
      const nl = src.indexOf('\n', this.#pos);
      const whole = nl >= 0 || done;
      const end = nl >= 0 ? nl + 1 : src.length;
      const tag = this.#line(src, this.#pos, end, whole, inside);
      if (tag) {
        this.#pos = tag.end;
        return tag;
      }
      if (!whole) return null;
      this.#pos = end;
    }
    return null;
  }

  #line(src: string, from: number, end: number, whole: boolean, inside: boolean): Tag | null {
    const starts = from === 0 || src[from - 1] === '\n';
    const line = src.slice(from, end);
    if (starts && this.#inFence(line, whole)) return null;
    if (inside) return this.#anywhere(src, from, end, whole);
    const at = starts ? from + line.search(/\S|$/) : end;
    return this.#tagAt(src, at, end, whole);
  }

  /** Whether this line is code, or begins or ends it. */
  #inFence(line: string, whole: boolean): boolean {
    const mark = FENCE.exec(line)?.[1];
    if (this.#fence) {
      const closes = mark && mark[0] === this.#fence[0] && mark.length >= this.#fence.length && line.trim() === mark;
      if (closes && whole) this.#fence = null;
      return true;
    }
    if (!mark || (mark[0] === '`' && line.slice(line.indexOf(mark) + mark.length).includes('`'))) return false;
    if (whole) this.#fence = mark;
    return true;
  }

  #anywhere(src: string, from: number, end: number, whole: boolean): Tag | null {
    for (let i = from; i < end; i++) {
      if (src[i] === '`') {
        const after = this.#afterCode(src, i, end, whole);
        if (after < 0 && !whole) return null;
        i = after < 0 ? runEnd(src, i, end) - 1 : after - 1;
      } else if (src[i] === '<') {
        const tag = this.#tagAt(src, i, end, whole);
        if (tag) return tag;
      }
    }
    return null;
  }

  /** Past the code span that begins at `i`; -1 if it does not end in this line. */
  #afterCode(src: string, i: number, end: number, whole: boolean): number {
    const from = runEnd(src, i, end);
    for (let at = from; at < end; at++) {
      if (src[at] !== '`') continue;
      const stop = runEnd(src, at, end);
      if (stop === end && !whole) return -1;
      if (stop - at === from - i) return stop;
      at = stop - 1;
    }
    return -1;
  }

  #tagAt(src: string, at: number, end: number, whole: boolean): Tag | null {
    if (src[at] !== '<') return null;
    TAG.lastIndex = at;
    const m = TAG.exec(src);
    if (m) return { at, end: TAG.lastIndex, name: m[2]!.toLowerCase() as RrmlName, close: m[1] === '/' };
    if (!whole && end - at < 280 && isPartial(src.slice(at, end))) this.held = Math.min(this.held, at);
    return null;
  }
}

function isPartial(text: string): boolean {
  if (!PARTIAL.test(text)) return false;
  const word = text.replace(/^<\/?/, '').toLowerCase();
  return /\s/.test(word) || NAMES.some((name) => name.startsWith(word));
}

function runEnd(src: string, i: number, end: number): number {
  while (i < end && src[i] === '`') i++;
  return i;
}
