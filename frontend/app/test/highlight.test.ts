import { describe, expect, it } from 'vitest';
import { seeded } from '../../client/test/random.ts';
import { highlight } from '../src/render/highlight.ts';
import type { Node } from '../src/render/nodes.ts';

const textOf = (nodes: Node[]): string => nodes.map((n) => (typeof n === 'string' ? n : textOf(n.kids))).join('');
const marked = (nodes: Node[]) => nodes.flatMap((n) => (typeof n === 'string' ? [] : [`${n.cls}:${textOf(n.kids)}`]));

describe('highlight', () => {
  it('marks comments, strings, numbers and keywords', () => {
    expect(marked(highlight('int a = 0x1f; /* "c" */ // d\nreturn "x\\"y";', 'c'))).toEqual(['hk:int', 'hn:0x1f', 'hc:/* "c" */', 'hc:// d', 'hk:return', 'hs:"x\\"y"']);
    expect(marked(highlight("def f(): # it's\n  return 'a'", 'py'))).toEqual(['hk:def', "hc:# it's", 'hk:return', "hs:'a'"]);
    expect(marked(highlight('SELECT 1 -- all', 'sql'))).toEqual(['hk:SELECT', 'hn:1', 'hc:-- all']);
  });

  it('leaves what it does not know', () => {
    expect(highlight('int a;', 'brainfuck')).toEqual(['int a;']);
    expect(highlight('int a;', '')).toEqual(['int a;']);
  });

  it('never changes the text', () => {
    const bits = ['"', "'", '`', '\\', '/*', '*/', '//', '#', '--', '\n', 'if', '12', ' ', 'ö', '$'];
    for (let seed = 1; seed < 300; seed++) {
      const random = seeded(seed);
      const code = Array.from({ length: 40 }, () => bits[Math.floor(random() * bits.length)]).join('');
      for (const language of ['c', 'py', 'sql', 'js']) expect(textOf(highlight(code, language))).toBe(code);
    }
  });

  it('takes no time to speak of', () => {
    for (const code of ['/*'.repeat(49_000), '"'.repeat(99_000), '`'.repeat(99_000), '#'.repeat(99_000), '\\'.repeat(99_000)]) {
      const began = performance.now();
      for (const language of ['c', 'py', 'sql']) highlight(code, language);
      expect(performance.now() - began).toBeLessThan(1500);
    }
  });
});
