/**
 * Block Markdown: paragraphs, headings, lists, quotes, tables, fenced code, rules.
 *
 *     src --line by line--> blocks, one node each, with the place where each begins
 *
 * Near CommonMark, with what models write in mind: no indented code, no setext headings (`---` is a rule), no
 * reference links, list items without the loose/tight difference, so that a later line never changes how an earlier
 * block looks. That is what lets the renderer commit all blocks but the last for ever.
 */
import { highlight } from './highlight.ts';
import { inline } from './inline.ts';
import { once, type Memo } from './memo.ts';
import { el, type El, type Node } from './nodes.ts';
import { cells, table } from './table.ts';

const MAX_DEPTH = 12;
const MAX_UNDECIDED = 80;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})\s*([^\s`]*)/;
const ATX = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})(?:([-*+])|(\d{1,9})([.)]))(?:( {1,4})(?=\S)|[ \t]*$|[ \t]+)/;
const DELIMITER_ROW = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/;
/** A last line that may still become anything. */
const UNDECIDED = /^[ \t>]*(#{1,6}|[-*+]|\d{1,9}[.)]?|[-*_]{2,}|`{1,2}|~{1,2}|`{3,}[^`]*|~{3,}.*|\|)?[ \t]*$/;
/** An item's text that may become a task's box. */
const HALF_BOX = /^\[(?:[ xX]\]? ?)?$/;

export interface Block {
  /** Where it begins in the source. */
  from: number;
  node: El;
  /** The line it begins with has come whole. */
  whole: boolean;
}

interface Line {
  from: number;
  text: string;
  whole: boolean;
}

export function blocks(src: string, open = false, memo: Memo = new Map(), depth = 0): Block[] {
  return new Blocks(linesOf(open ? decided(src) : src, !open), open, memo, depth).run();
}

/** While text grows: without a last line that says nothing yet. */
function decided(src: string): string {
  const start = src.lastIndexOf('\n') + 1;
  const last = src.length - start;
  return last > 0 && last < MAX_UNDECIDED && UNDECIDED.test(src.slice(start)) ? src.slice(0, start) : src;
}

/** `ended`: the last line counts as whole even without its newline. */
function linesOf(src: string, ended: boolean): Line[] {
  const lines: Line[] = [];
  let from = 0;
  while (from < src.length) {
    const nl = src.indexOf('\n', from);
    const to = nl < 0 ? src.length : nl;
    const text = src.slice(from, to).replace(/\r$/, '').replace(/^\t+/, (t) => '    '.repeat(t.length));
    lines.push({ from, text, whole: nl >= 0 || ended });
    from = to + 1;
  }
  return lines;
}

class Blocks {
  #at = 0;
  #out: Block[] = [];

  constructor(
    private readonly lines: Line[],
    private readonly open: boolean,
    private readonly memo: Memo,
    private readonly depth: number,
  ) {}

  run(): Block[] {
    while (this.#at < this.lines.length) {
      const line = this.lines[this.#at]!;
      if (isBlank(line.text)) this.#at++;
      else this.#block(line);
    }
    return this.#out;
  }

  #block(line: Line): void {
    const { text } = line;
    const node =
      this.#fence(text) ?? this.#heading(text) ?? this.#rule(text) ?? this.#quote(text) ?? this.#list(text) ?? this.#table() ?? this.#paragraph();
    this.#out.push({ from: line.from, node, whole: line.whole });
  }

  /** Whether what was taken up to here may still grow. */
  get #growing(): boolean {
    return this.open && this.#at >= this.lines.length;
  }

  #fence(first: string): El | null {
    const m = FENCE.exec(first);
    if (!m) return null;
    const marker = m[1]!;
    const indent = first.search(/\S/);
    const close = new RegExp(`^ {0,3}\\${marker[0]}{${marker.length},}[ \\t]*$`);
    const code: string[] = [];
    let closed = false;
    for (this.#at++; this.#at < this.lines.length && !closed; this.#at++) {
      const { text } = this.lines[this.#at]!;
      closed = close.test(text);
      if (!closed) code.push(text.startsWith(' ') ? text.slice(Math.min(indent, text.search(/\S|$/))) : text);
    }
    const body = code.join('\n');
    const text = body && closed ? body + '\n' : body;
    return codeBlock(m[2] ?? '', closed || !this.#growing ? highlight(text, m[2] ?? '') : [text]);
  }

  #heading(text: string): El | null {
    const m = ATX.exec(text);
    if (!m) return null;
    this.#at++;
    const level = m[1]!.length;
    // The article has an h2 of its own; answers begin with # or ##, and the outline must not skip.
    return el(`h${Math.min(Math.max(level + 1, 3), 6)}`, inline(titleOf(text.slice(m[0].length)), this.#growing), `h${level}`);
  }

  #rule(text: string): El | null {
    if (!RULE.test(text)) return null;
    this.#at++;
    return el('hr');
  }

  #quote(first: string): El | null {
    if (!QUOTE.test(first) || this.depth >= MAX_DEPTH) return null;
    const inner: string[] = [];
    for (; this.#at < this.lines.length; this.#at++) {
      const { text } = this.lines[this.#at]!;
      if (!QUOTE.test(text)) break;
      inner.push(text.replace(QUOTE, ''));
    }
    return el('blockquote', nested(inner, this.#growing, this.memo, this.depth));
  }

  #list(first: string): El | null {
    const head = itemOf(first);
    if (!head || this.depth >= MAX_DEPTH) return null;
    const items: El[] = [];
    while (this.#at < this.lines.length) {
      const here = itemOf(this.lines[this.#at]!.text);
      if (!here || here.kind !== head.kind || RULE.test(this.lines[this.#at]!.text)) break;
      items.push(this.#item(here));
    }
    const list = el(head.number === null ? 'ul' : 'ol', items);
    if (head.number !== null) list.start = head.number;
    return list;
  }

  #item(head: Item): El {
    const inner = [this.lines[this.#at++]!.text.slice(head.width)];
    let blank = isBlank(inner[0]!);
    let kept = this.#at;
    for (; this.#at < this.lines.length; this.#at++) {
      const { text } = this.lines[this.#at]!;
      const indent = text.search(/\S|$/);
      if (isBlank(text)) inner.push('');
      else if (indent >= head.content) inner.push(text.slice(Math.min(head.width, indent)));
      else if (!blank && !itemOf(text) && !this.#interrupts(this.#at)) inner.push(text);
      else break;
      blank = isBlank(text);
      if (!blank) kept = this.#at + 1;
    }
    const more = this.lines[this.#at] ? itemOf(this.lines[this.#at]!.text) : null;
    if (more?.kind !== head.kind) this.#at = this.#at < this.lines.length ? kept : this.#at;
    const growing = this.#growing;
    return once(this.memo, `-${this.depth}\n${inner.join('\n')}`, growing, () => listItem(inner, growing, this.memo, this.depth));
  }

  #table(): El | null {
    const head = this.lines[this.#at]!;
    if (!head.text.includes('|')) return null;
    const rule = this.lines[this.#at + 1];
    const expected = this.open && head.text.trimStart().startsWith('|') && (!rule || (!rule.whole && /^[\s|:-]*$/.test(rule.text)));
    if (!this.#tableAt(this.#at) && !expected) return null;
    const titles = cells(head.text);
    this.#at += 2;
    const rows: string[] = [];
    for (; this.#at < this.lines.length; this.#at++) {
      const { text } = this.lines[this.#at]!;
      if (isBlank(text) || this.#interrupts(this.#at)) break;
      rows.push(text);
    }
    if (this.#at > this.lines.length) this.#at = this.lines.length;
    return table(titles, rule?.text ?? '', rows, this.#growing, this.memo);
  }

  #tableAt(at: number): boolean {
    const head = this.lines[at]!;
    const rule = this.lines[at + 1];
    if (!rule?.whole || !head.text.includes('|') || !DELIMITER_ROW.test(rule.text.trim())) return false;
    return cells(head.text).length === cells(rule.text).length;
  }

  #paragraph(): El {
    const text: string[] = [];
    do text.push(this.lines[this.#at++]!.text.trimStart());
    while (this.#at < this.lines.length && !isBlank(this.lines[this.#at]!.text) && !this.#interrupts(this.#at));
    const [whole, growing] = [text.join('\n').trimEnd(), this.#growing];
    return once(this.memo, `p\n${whole}`, growing, () => el('p', inline(whole, growing)));
  }

  /** Whether the line at `at` ends a paragraph by beginning something else. */
  #interrupts(at: number): boolean {
    const { text } = this.lines[at]!;
    if (FENCE.test(text) || ATX.test(text) || RULE.test(text) || QUOTE.test(text)) return true;
    const item = itemOf(text);
    if (item && !isBlank(text.slice(item.width)) && (item.number === null || item.number === 1 || this.depth > 0)) return true;
    return this.#tableAt(at);
  }
}

interface Item {
  kind: string;
  number: number | null;
  /** Columns of the marker with its space. */
  width: number;
  /** Indent from which a line belongs to the item. */
  content: number;
}

function itemOf(text: string): Item | null {
  const m = ITEM.exec(text);
  if (!m || RULE.test(text)) return null;
  const indent = m[1]!.length;
  const marker = (m[2] ?? `${m[3]}.`).length;
  const width = Math.min(indent + marker + (m[5]?.length ?? 1), text.length);
  const number = m[3] === undefined ? null : Number(m[3]);
  return { kind: m[2] ?? m[4]!, number, width, content: indent + 2 };
}

/** A heading's text without the `#` it may close with. */
function titleOf(text: string): string {
  const title = text.trim();
  let end = title.length;
  while (end > 0 && title[end - 1] === '#') end--;
  return end < title.length && (end === 0 || /\s/.test(title[end - 1]!)) ? title.slice(0, end).trimEnd() : title;
}

function listItem(lines: string[], growing: boolean, memo: Memo, depth: number): El {
  const task = /^\[([ xX])\] /.exec(lines[0] ?? '');
  if (task) lines[0] = lines[0]!.slice(4);
  else if (growing && lines.length === 1 && HALF_BOX.test(lines[0]!)) lines[0] = '';
  const kids = nested(lines, growing, memo, depth);
  const first = kids[0];
  const flat = typeof first === 'object' && first.tag === 'p' ? [...first.kids, ...kids.slice(1)] : kids;
  if (!task) return el('li', flat);
  const done = task[1] !== ' ';
  return el('li', [el('span', [done ? '☑' : '☐'], 'box'), ' ', ...flat], 'task');
}

function nested(lines: string[], growing: boolean, memo: Memo, depth: number): Node[] {
  return blocks(lines.join('\n'), growing, memo, depth + 1).map((b) => b.node);
}

function codeBlock(language: string, code: Node[]): El {
  const caption = [el('span', [language], 'lang'), el('button', ['Copy'], 'copy-code')];
  return el('figure', [el('figcaption', caption), el('pre', [el('code', code.filter((c) => c !== ''))])], 'code');
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
