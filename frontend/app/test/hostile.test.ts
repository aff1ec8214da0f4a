/**
 * Model output is hostile. The corpus (attacks.json) and random markup, in every position and cut everywhere, end in
 * elements and attributes of the allow-list only, at every step of the way; and nothing takes long.
 */
import { describe, expect, it } from 'vitest';
import { crc32c, crcHex, type Frame } from '@lastword/client';
import { Cursor } from '@lastword/client/cursor';
import { seeded } from '../../client/test/random.ts';
import { Renderer } from '../src/render/renderer.ts';
import ATTACKS from './attacks.json';
import { Elem } from './dom.ts';
import { root } from './page.ts';

const TAGS = new Set('a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr li ol p pre section span strong table tbody td th thead tr ul'.split(' '));
const ATTRIBUTES = new Set(['class', 'href', 'rel', 'target', 'start', 'type', 'tabindex']);
/** Class names are ours, never the text's. */
const CLASSES = /^(?:h[1-6]|h[cskn]|ac|ar|box|code|copy-code|lang|table|task|rr-[a-z]+)$/;

type Attributes = Iterable<[name: string, value: string]>;

function check(tag: string, attributes: Attributes, src: string): void {
  if (!TAGS.has(tag)) expect.fail(`<${tag}> from ${src}`);
  const given = new Map(attributes);
  for (const [name, value] of given) {
    if (!ATTRIBUTES.has(name)) expect.fail(`${name} from ${src}`);
    if (name === 'class' && !CLASSES.test(value)) expect.fail(`class ${value} from ${src}`);
    if (name === 'tabindex' && !(value === '0' && (tag === 'pre' || given.get('class') === 'table'))) expect.fail(`tabindex ${value} of ${tag} from ${src}`);
    if (name === 'start' && !/^\d{1,9}$/.test(value)) expect.fail(`start ${value} from ${src}`);
  }
  const href = given.get('href');
  if (href === undefined) return;
  if (tag !== 'a' || !/^(?:https?:\/\/[^\s"<>]+|mailto:[^\s"<>]*)$/.test(href)) expect.fail(`${tag} href ${href} from ${src}`);
  if (given.get('rel') !== 'noopener noreferrer nofollow' || given.get('target') !== '_blank') expect.fail(`rel from ${src}`);
}

const inspect = (el: Elem, src: string) => {
  for (const e of el.all()) check(e.localName, e.attributes, src);
};

/** In jsdom; the HTML. */
function inspectWhole(src: string): string {
  const el = root();
  new Renderer(el).update(src, true);
  for (const e of el.querySelectorAll('*')) check(e.localName, [...e.attributes].map((a) => [a.name, a.value] as [string, string]), src);
  return el.innerHTML;
}

const element = () => new Elem('div');
const asElement = (el: Elem) => el as unknown as Element;

function streamedFast(pieces: string[], look: (el: Elem) => void): Elem {
  const el = element();
  const renderer = new Renderer(asElement(el));
  let src = '';
  for (const piece of pieces) {
    src += piece;
    renderer.update(src, false);
    look(el);
  }
  renderer.update(src, true);
  look(el);
  return el;
}

/** Where markup can stand. */
const PLACES: Array<(attack: string) => string> = [
  (a) => a,
  (a) => `<response><header>${a}</header><body>${a}</body></response>`,
  (a) => `- ${a}\n- b`,
  (a) => `*a ${a}*`,
  (a) => `| ${a} | b |\n|---|---|\n| ${a} |`,
  (a) => `> # ${a}`,
  (a) => `[${a}](https://x.example/${a})`,
];

describe('hostile output', () => {
  it('the corpus, whole, in every place: as jsdom has it', () => {
    for (const attack of ATTACKS) {
      for (const place of PLACES) {
        const src = place(attack);
        const el = element();
        new Renderer(asElement(el)).update(src, true);
        inspect(el, src);
        expect(el.innerHTML, src).toBe(inspectWhole(src));
      }
    }
  });

  it('the corpus a character at a time, looked at after each: bare, and in places taken in turns', () => {
    for (const [n, attack] of ATTACKS.entries()) {
      for (const place of PLACES.filter((_, p) => p === 0 || (p + n) % 3 === 0)) {
        const src = place(attack);
        const expected = streamedFast([src], () => {}).innerHTML;
        const el = streamedFast([...src], (e) => inspect(e, src));
        expect(el.innerHTML, src).toBe(expected);
      }
    }
  });

  it('the corpus split once, at every character', () => {
    for (const attack of ATTACKS) {
      const expected = streamedFast([attack], () => {}).innerHTML;
      for (let i = 1; i < attack.length; i++) {
        const el = streamedFast([attack.slice(0, i), attack.slice(i)], (e) => inspect(e, attack));
        if (el.innerHTML !== expected) expect(el.innerHTML, `${attack}, split at ${i}`).toBe(expected);
      }
    }
  });

  it('the corpus through the client, cut at every byte', () => {
    for (const attack of ATTACKS) throughClient(attack);
  });

  it('random text of markup: only what is allowed, the same however cut', () => {
    const words = ['*', '**', '_', '`', '```', '~~~\n', '[', '](', ')', 'https://x.example', '<', '>', '<body>', '</body>', '<card>', '<header>', '</header>', '<link href="', '">', '</link>', '\n', '\n\n', '- ', '1. ', '|', '|---|', '> ', '  ', '\\', '&amp;', 'word', ' ', '漢', '#', '---'];
    for (let seed = 1; seed <= 400; seed++) {
      const random = seeded(seed);
      const pieces = Array.from({ length: 5 + Math.floor(random() * 60) }, () => words[Math.floor(random() * words.length)]!);
      const src = pieces.join('');
      const expected = inspectWhole(src);
      const look = (el: Elem) => inspect(el, src);
      expect(streamedFast(pieces, look).innerHTML, `seed ${seed}: ${JSON.stringify(src)}`).toBe(expected);
      expect(streamedFast([...src], look).innerHTML, `seed ${seed}, by character`).toBe(expected);
    }
  });

  const BOMBS: Record<string, string> = {
    stars: '*a '.repeat(20_000),
    'stars closing': '*a* '.repeat(20_000),
    nesting: '*'.repeat(50_000) + 'a' + '*'.repeat(50_000),
    brackets: '['.repeat(60_000),
    'closing brackets': '[a'.repeat(20_000) + '](x)'.repeat(20_000),
    targets: `[a](${' '.repeat(60_000)}x`,
    backticks: Array.from({ length: 300 }, (_, i) => '`'.repeat(i + 1)).join(' '),
    quotes: '>'.repeat(60_000) + 'a',
    lists: '- '.repeat(30_000) + 'a',
    spaces: `a\n${' '.repeat(60_000)}b`,
    'heading spaces': `# a${' '.repeat(60_000)}b`,
    dots: `https://x.example/${'.'.repeat(60_000)}b`,
    pipes: `${'|'.repeat(30_000)}\n${'|-'.repeat(30_000)}`,
    rules: `a|b\n${'-'.repeat(30_000)}${' '.repeat(30_000)}x`,
    cards: '<card>'.repeat(10_000),
    links: '<link href="https://x.example">'.repeat(5_000),
    angles: '<'.repeat(60_000),
    'open tags': '<link href='.repeat(8_000),
    lines: 'a\n'.repeat(30_000),
  };
  for (const [name, src] of Object.entries(BOMBS)) {
    it(`takes no time to speak of: ${name}`, () => {
      const began = process.cpuUsage(); // of the processor, not of the clock: the machine may be busy
      const renderer = new Renderer(root());
      renderer.update(src, false);
      renderer.update(src, true);
      expect(process.cpuUsage(began).user / 1000).toBeLessThan(4000);
    });
  }
});

/**
 * Bytes become text in the client, and there may be cut anywhere: frames that overlap are joined at each sequence; a
 * frame cut within a sequence does not agree with its checksum, and nothing of it is shown.
 */
function throughClient(attack: string): void {
  const bytes = new TextEncoder().encode(attack);
  const text = (from: number, to: number) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from, to));
  const isCut = (at: number) => at === bytes.length || (bytes[at]! & 0xc0) !== 0x80;
  for (let at = 1; at < bytes.length; at++) {
    const cursor = new Cursor('g');
    const first = frame(0, text(0, at), bytes.subarray(0, at));
    if (!isCut(at)) {
      expect(cursor.take(first).do, attack).toBe('resume');
      expect(cursor.ledger.text).toBe('');
      continue;
    }
    let back = Math.max(0, at - 5);
    while (!isCut(back)) back--;
    expect(cursor.take(first).do, attack).toBe('append');
    expect(cursor.take(frame(back, text(back, bytes.length), bytes)).do, attack).toBe('append');
    if (cursor.ledger.text !== attack) expect(cursor.ledger.text).toBe(attack);
  }
}

/** A delta whose text begins at `off`; `all` are the bytes that its checksum is of. */
function frame(off: number, text: string, all: Uint8Array): Frame {
  return { type: 'delta', gen: 'g', epoch: 1, seq: 1, off, text, crc: crcHex(crc32c(all)) };
}
