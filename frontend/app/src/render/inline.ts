/**
 * Inline Markdown: emphasis, code, links, line breaks, and RRML's <link>.
 *
 * The delimiter algorithm of CommonMark over a linked list, so that time is linear in the text. Where `open` is
 * set the text is still growing: what looks begun (`**bold`, `` `code``, `[text](htt`) is shown as what it will be,
 * and marks that mean nothing yet are held back, so that nothing flickers. Images become links. No HTML.
 */
import { collect, depthOf, emphasis, findOpener, MAX_DEPTH, trimEndOf, type Piece } from './emphasis.ts';
import { el, safeHref, type Node } from './nodes.ts';
import { MAX_TARGET, targetAt } from './target.ts';

/** Longest `[text` that is taken for the beginning of a link. */
const MAX_LABEL = 500;
const PUNCT = /[!-/:-@[-`{-~\p{P}\p{S}]/u;
const SPECIAL = /[\\`*_~[\]!<&\n]/g;
const TAGS = ['link', '/link', 'br/', 'https://', 'http://', 'mailto:'];
/** May become an entity. */
const HALF_ENTITY = /&(?:[a-z]{0,4}|#(?:\d{0,7}|x[0-9a-f]{0,6}))$/iy;
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

export function inline(src: string, open = false, links = true): Node[] {
  return new Inline(src, open, links).run();
}

class Inline {
  #head: Piece = { node: null, prev: null, next: null };
  #tail: Piece = this.#head;
  #pos = 0;
  #brackets: Piece[] = [];
  /** For each length of a backtick run: no such run follows this place. */
  #noCode = new Map<number, number>();

  constructor(
    private readonly src: string,
    private readonly open: boolean,
    private readonly links: boolean,
  ) {}

  run(): Node[] {
    const { src } = this;
    while (this.#pos < src.length) {
      SPECIAL.lastIndex = this.#pos;
      const found = SPECIAL.exec(src);
      const at = found ? found.index : src.length;
      if (at > this.#pos) this.#text(src.slice(this.#pos, at));
      this.#pos = at;
      if (found) this.#special(found[0]);
    }
    if (this.open) this.#settle();
    emphasis(this.#head, this.links, this.open);
    return collect(this.#head, null, this.links, this.open);
  }

  #special(char: string): void {
    if (char === '\\') this.#escape();
    else if (char === '`') this.#code();
    else if (char === '*' || char === '_' || char === '~') this.#delimiter(char);
    else if (char === '[') this.#bracket('[', 1);
    else if (char === '!') this.#bang();
    else if (char === ']') this.#closeBracket();
    else if (char === '<') this.#angle();
    else if (char === '&') this.#entity();
    else this.#newline();
  }

  #push(piece: Omit<Piece, 'prev' | 'next'>): Piece {
    const made: Piece = { ...piece, prev: this.#tail, next: null };
    this.#tail.next = made;
    this.#tail = made;
    return made;
  }

  #text(text: string): void {
    this.#push({ node: text });
  }

  #take(n: number): void {
    this.#text(this.src.slice(this.#pos, this.#pos + n));
    this.#pos += n;
  }

  /** `!` may be the first half of an image. */
  #bang(): void {
    if (this.src[this.#pos + 1] === '[') this.#bracket('![', 2);
    else if (this.open && this.#pos + 1 === this.src.length) this.#pos++;
    else this.#take(1);
  }

  #escape(): void {
    const next = this.src[this.#pos + 1];
    if (next === undefined && this.open) this.#pos++;
    else if (next === '\n') this.#break(2);
    else if (next !== undefined && /[!-/:-@[-`{-~]/.test(next)) {
      this.#text(next);
      this.#pos += 2;
    } else this.#take(1);
  }

  #break(n: number): void {
    this.#push({ node: el('br') });
    this.#pos += n;
  }

  #newline(): void {
    const last = this.#tail.node;
    if (typeof last === 'string' && last.endsWith('  ')) {
      this.#tail.node = last.trimEnd();
      this.#break(1);
    } else this.#take(1);
  }

  #code(): void {
    const { src } = this;
    const start = this.#pos;
    let from = start;
    while (src[from] === '`') from++;
    const len = from - start;
    const end = this.#closingRun(len, from);
    if (end >= 0) {
      let code = src.slice(from, end).replaceAll('\n', ' ');
      if (code.startsWith(' ') && code.endsWith(' ') && code.trim()) code = code.slice(1, -1);
      this.#push({ node: el('code', [code]) });
      this.#pos = end + len;
    } else if (this.open) {
      const rest = trimEndOf(src.slice(from), '`');
      if (rest) this.#push({ node: el('code', [rest.replaceAll('\n', ' ')]) });
      this.#pos = src.length;
    } else this.#take(len);
  }

  #closingRun(len: number, from: number): number {
    if ((this.#noCode.get(len) ?? Infinity) <= from) return -1;
    const run = /`+/g;
    run.lastIndex = from;
    for (let m = run.exec(this.src); m; m = run.exec(this.src)) if (m[0].length === len) return m.index;
    this.#noCode.set(len, from);
    return -1;
  }

  #delimiter(char: string): void {
    const { src } = this;
    const start = this.#pos;
    let end = start;
    while (src[end] === char) end++;
    const count = end - start;
    this.#pos = end;
    if (char === '~' && count === 1 && this.open && end === src.length) return;
    if (char === '~' && count !== 2) return this.#text(src.slice(start, end));
    const before = start === 0 ? ' ' : codePointBefore(src, start);
    const after = end === src.length ? ' ' : String.fromCodePoint(src.codePointAt(end)!);
    const [spaceB, spaceA] = [/\s/.test(before), /\s/.test(after)];
    const [punctB, punctA] = [PUNCT.test(before), PUNCT.test(after)];
    const left = !spaceA && (!punctA || spaceB || punctB);
    const right = !spaceB && (!punctB || spaceA || punctA);
    const opens = char === '_' ? left && (!right || punctB) : left;
    const closes = char === '_' ? right && (!left || punctA) : right;
    const eager = end === src.length ? !right || spaceB : opens && (spaceB || punctB);
    this.#push({ node: src.slice(start, end), mark: { char, count, opens, closes, eager, at: end } });
  }

  #bracket(char: string, n: number): void {
    this.#push({ node: char, mark: { char, count: n, opens: false, closes: false, eager: false, at: this.#pos + n } });
    this.#brackets.push(this.#tail);
    this.#pos += n;
  }

  #closeBracket(): void {
    const opener = this.#brackets.pop();
    if (!opener) return this.#take(1);
    const end = this.#pos + 1;
    if (this.src[end] !== '(') {
      if (!(this.open && end === this.src.length)) return this.#take(1);
      return this.#link(opener, null, end);
    }
    const target = targetAt(this.src, end);
    if (typeof target === 'object') return this.#link(opener, target.address, target.end);
    if (this.open && target === 'unfinished') return this.#link(opener, null, this.src.length);
    this.#take(1);
  }

  /**
   * What lies between `opener` and here becomes a link: one that leads nowhere while its address is not known (null),
   * and where it may not be one.
   */
  #link(opener: Piece, raw: string | null, end: number, growing = false): void {
    emphasis(opener, false, growing);
    const kids = collect(opener, null, false);
    const href = raw === null ? null : safeHref(raw.replace(/\\([!-/:-@[-`{-~])/g, '$1'));
    this.#tail = opener;
    opener.next = null;
    delete opener.mark;
    const label = kids.length > 0 || !raw ? kids : [raw];
    const depth = depthOf(label) + 1;
    if (depth > MAX_DEPTH) opener.node = '…';
    else opener.node = !this.links ? { tag: 'span', kids: label, depth } : href ? { tag: 'a', href, kids: label, depth } : { tag: 'a', kids: label, depth };
    this.#pos = end;
    if (href && this.links) this.#brackets = [];
  }

  /** The text still grows: an unfinished `[text` is a link already, the first half of a closing `**` is not shown. */
  #settle(): void {
    this.#halfMark();
    const last = this.#brackets.at(-1);
    if (last?.mark && this.src.length - last.mark.at < MAX_LABEL) this.#link(last, null, this.src.length, true);
  }

  #halfMark(): void {
    const mark = this.#tail.mark;
    if (!mark?.closes || mark.count !== 1 || mark.char === '~') return;
    const opener = findOpener(this.#tail, this.#head, this.#head, true);
    if (!opener || opener.mark!.count < 2) return;
    this.#tail.node = '';
    mark.count = 0;
  }

  #angle(): void {
    const { src } = this;
    const rest = /<(?:(link)\s[^<>]*>|(\/link)\s*>|(br)\s*\/?>|((?:https?:\/\/|mailto:)[^\s<>]*)>)/iy;
    rest.lastIndex = this.#pos;
    const m = rest.exec(src);
    if (m?.[1]) return this.#rrmlLink(m[0], rest.lastIndex);
    if (m?.[2]) this.#pos = rest.lastIndex;
    else if (m?.[3]) this.#break(m[0].length);
    else if (m?.[4] && safeHref(m[4]) && this.links) {
      this.#push({ node: { tag: 'a', href: safeHref(m[4])!, kids: [m[4].replace(/^mailto:/i, '')] } });
      this.#pos = rest.lastIndex;
    } else if (this.#unfinishedTag()) this.#pos = src.length;
    else this.#take(1);
  }

  /** Whether the text ends within something that `#angle` would take. */
  #unfinishedTag(): boolean {
    if (!this.open) return false;
    const rest = this.src.slice(this.#pos + 1, this.#pos + MAX_TARGET).toLowerCase();
    return TAGS.some((tag) => tag.startsWith(rest)) || /^(?:\/link\s*|link\s[^<>]*|br\s*\/?|(?:https?:\/\/|mailto:)[^\s<>]*)$/.test(rest);
  }

  #rrmlLink(tag: string, from: number): void {
    const href = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag);
    const address = href ? (href[1] ?? href[2] ?? '') : '';
    let end = from;
    let label = '';
    let stop = from;
    if (!tag.endsWith('/>')) {
      const close = /<\/link\s*>|(?=<link\s)/gi;
      close.lastIndex = from;
      const m = close.exec(this.src);
      end = m ? m.index : this.src.length;
      stop = m ? m.index + m[0].length : end;
      label = this.src.slice(from, end);
    }
    const safe = safeHref(address);
    const growing = this.open && stop === this.src.length;
    const kids = label ? inline(label, growing, false) : safe && !growing ? [safe] : [];
    this.#push({ node: safe && this.links ? { tag: 'a', href: safe, kids } : el('span', kids) });
    this.#pos = stop;
  }

  #entity(): void {
    const rest = /&(?:([a-z]{2,4})|#(\d{1,7})|#x([0-9a-f]{1,6}));/iy;
    rest.lastIndex = this.#pos;
    const m = rest.exec(this.src);
    const code = m?.[2] ? parseInt(m[2], 10) : m?.[3] ? parseInt(m[3], 16) : -1;
    const text = m?.[1] ? ENTITIES[m[1]] : code > 0 && code < 0x110000 ? String.fromCodePoint(code) : undefined;
    if (m && text !== undefined) {
      this.#text(text);
      this.#pos = rest.lastIndex;
    } else if (this.open && this.#halfEntity()) this.#pos = this.src.length;
    else this.#take(1);
  }

  #halfEntity(): boolean {
    HALF_ENTITY.lastIndex = this.#pos;
    return HALF_ENTITY.test(this.src);
  }
}

function codePointBefore(src: string, at: number): string {
  const low = src.charCodeAt(at - 1);
  const pair = low >= 0xdc00 && low <= 0xdfff && at > 1;
  return pair ? src.slice(at - 2, at) : src[at - 1]!;
}
