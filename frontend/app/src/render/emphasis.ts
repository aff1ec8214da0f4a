/**
 * Emphasis: the delimiter runs of a paragraph, matched as CommonMark does, over a linked list of pieces.
 *
 *     text  **  text  *  text  *  text  **        pieces, as inline.ts reads them
 *           |         `-- em --'        |
 *           `--------- strong ----------'         enclosed from the inside out
 *
 * Linear in the number of pieces: what was searched in vain is not searched again. It reads no source text.
 */
import { safeHref, type El, type Node } from './nodes.ts';

/** Elements deeper than this are left as text. */
export const MAX_DEPTH = 24;

export interface Piece {
  node: Node | null;
  /** A run of delimiters, or an opening bracket. */
  mark?: { char: string; count: number; opens: boolean; closes: boolean; eager: boolean; at: number };
  prev: Piece | null;
  next: Piece | null;
}

/** Turns matching runs after `from` into elements. `links`: bare addresses inside them become links. */
export function emphasis(from: Piece, links: boolean, open: boolean): void {
  /** For each kind of closer, the piece at and below which no opener is. */
  const bottom = new Map<string, Piece>();
  let closer = from.next;
  while (closer) {
    if (!closer.mark?.closes || closer.mark.count === 0) {
      closer = closer.next;
      continue;
    }
    const key = `${closer.mark.char}${closer.mark.opens}${closer.mark.count % 3}`;
    const opener = findOpener(closer, bottom.get(key) ?? from, from);
    if (opener && wrap(opener, closer, links)) continue;
    bottom.set(key, closer.prev ?? from);
    closer = closer.next;
  }
  if (open) closeEager(from, links);
}

/** The nearest run before `closer` that it closes, searched down to `stop`. `loose`: the rule of three set aside. */
export function findOpener(closer: Piece, stop: Piece, from: Piece, loose = false): Piece | null {
  const mark = closer.mark!;
  for (let p = closer.prev; p && p !== stop && p !== from; p = p.prev) {
    const m = p.mark;
    if (!m || m.char !== mark.char || !m.opens || m.count === 0) continue;
    if (loose || mark.char === '~') return p;
    const odd = (m.closes || mark.opens) && (m.count + mark.count) % 3 === 0 && !(m.count % 3 === 0 && mark.count % 3 === 0);
    if (!odd) return p;
  }
  return null;
}

/** One level between two runs; false if it would nest too deep. Used-up runs are unlinked. */
function wrap(opener: Piece, closer: Piece, links: boolean): boolean {
  const n = opener.mark!.char === '~' ? 2 : opener.mark!.count >= 2 && closer.mark!.count >= 2 ? 2 : 1;
  if (!enclose(opener, closer, n, links)) return false;
  shrink(opener, n);
  shrink(closer, n);
  return true;
}

function enclose(opener: Piece, closer: Piece | null, n: number, links: boolean): boolean {
  const kids = collect(opener, closer, links);
  const depth = depthOf(kids) + 1;
  if (depth > MAX_DEPTH) return false;
  const node: El = { tag: opener.mark!.char === '~' ? 'del' : n === 2 ? 'strong' : 'em', kids, depth };
  const piece: Piece = { node, prev: opener, next: closer };
  opener.next = piece;
  if (closer) closer.prev = piece;
  return true;
}

function shrink(piece: Piece, n: number): void {
  const mark = piece.mark!;
  mark.count -= n;
  piece.node = mark.char.repeat(mark.count);
}

/** Openers without a closer, while the text still grows: as if it were closed here. */
function closeEager(from: Piece, links: boolean): void {
  let last = from;
  while (last.next) last = last.next;
  for (let p: Piece | null = last; p && p !== from; p = p.prev) {
    const mark = p.mark;
    if (!mark?.eager || mark.count === 0 || mark.count > 3 || mark.char.startsWith('[') || mark.char.startsWith('!')) continue;
    if (!p.next) {
      p.node = '';
      continue;
    }
    const n = mark.count >= 2 ? 2 : 1;
    if (!enclose(p, null, n, links)) return;
    shrink(p, n);
    if (mark.count > 0 && enclose(p, null, 1, links)) shrink(p, 1);
  }
}

/** The beginning of an address that is not one yet: shown, it would have to be taken back into a link. */
const HALF_ADDRESS = /\bh(?:t(?:t(?:p(?:s?(?::\/{0,2})?)?)?)?)?$/i;

/** The nodes strictly between two pieces, neighbouring texts joined, bare addresses made links. */
export function collect(from: Piece, until: Piece | null, links: boolean, open = false): Node[] {
  const out: Node[] = [];
  let text = '';
  const flush = () => {
    if (text) out.push(...(links ? linkify(text) : [text]));
    text = '';
  };
  for (let p = from.next; p && p !== until; p = p.next) {
    if (typeof p.node === 'string') text += p.node;
    else if (p.node) {
      flush();
      out.push(p.node);
    }
  }
  if (open && links) text = text.replace(HALF_ADDRESS, '');
  flush();
  return out;
}

function linkify(text: string): Node[] {
  if (!text.includes('://')) return [text];
  const out: Node[] = [];
  let at = 0;
  for (const m of text.matchAll(/\bhttps?:\/\/[^\s<>"'`]+/gi)) {
    let address = trimEndOf(m[0], '.,;:!?*_~])');
    if (m[0][address.length] === ')' && address.includes('(')) address += ')';
    const href = safeHref(address);
    if (!href) continue;
    if (m.index > at) out.push(text.slice(at, m.index));
    out.push({ tag: 'a', href, kids: [address] });
    at = m.index + address.length;
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

export function depthOf(nodes: Node[]): number {
  return nodes.reduce((d, k) => Math.max(d, typeof k === 'string' ? 0 : (k.depth ?? 0)), 0);
}

export function trimEndOf(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}
