/**
 * A long row of blocks in one element, by number: the first BOARD are its own children, each further BOARD stand in a
 * `div.part` after them.
 *
 *     el  | block 0 ... 31 | part: 32 ... 63 | part: 64 ... 95 | part: 96, 97
 *
 * So a browser that lays out one more block at the end looks at a few dozen neighbours and not at a thousand. Where a
 * block stands depends on its number only.
 */
import { patch, type Node } from './nodes.ts';

export const BOARD = 32;

/** Makes the blocks from number `from` on be `nodes`. */
export function shelve(el: Element, from: number, nodes: Node[]): void {
  for (let at = 0; at === 0 || at < nodes.length; ) {
    const here = nodes.slice(at, at + BOARD - ((from + at) % BOARD));
    if (here.length > 0 || hasBoard(el, from + at)) patch(board(el, from + at), (from + at) % BOARD, here, BOARD);
    at += Math.max(here.length, 1);
  }
  trim(el, from + nodes.length);
}

/** Puts `made` where block `number` is to be, after which there is nothing. */
export function place(el: Element, number: number, made: Element): void {
  board(el, number).appendChild(made);
}

const isDirect = (number: number) => number < BOARD;
const partAt = (number: number) => BOARD + Math.floor(number / BOARD) - 1;

function hasBoard(el: Element, number: number): boolean {
  return isDirect(number) || el.childNodes[partAt(number)] !== undefined;
}

function board(el: Element, number: number): Element {
  if (isDirect(number)) return el;
  const known = el.childNodes[partAt(number)];
  if (known) return known as Element;
  const part = el.ownerDocument.createElement('div');
  part.className = 'part';
  el.appendChild(part);
  return part;
}

/** Takes away the parts in which no block below `count` is. */
function trim(el: Element, count: number): void {
  const kept = count <= BOARD ? count : partAt(count - 1) + 1;
  for (let extra = el.childNodes[kept]; extra; extra = el.childNodes[kept]) el.removeChild(extra);
}
