/**
 * What holds while a text grows, one character at a time:
 *
 *   - a committed block (any but the last two on the page) is never touched again;
 *   - words that are shown stay shown, in their order: new ones only come after them;
 *   - in well-formed Markdown and RRML no element with words in it and no text is taken away or shortened, so nothing
 *     changes its form after it was shown (but for the colours of code, when its fence closes).
 */
import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { Renderer } from '../src/render/renderer.ts';
import { WELL_FORMED } from './answers.ts';

const { window } = new JSDOM('<!doctype html>');

const wordsOf = (text: string) => text.replace(/[^\p{L}\p{N}\p{So}]+/gu, '');

/** Renders ever longer beginnings; `look` sees each step's changes. */
function grow(src: string, look: (root: Element, records: MutationRecord[], so_far: string) => void): void {
  const root = window.document.createElement('div') as unknown as Element;
  const observer = new window.MutationObserver(() => {});
  observer.observe(root as never, { subtree: true, childList: true, characterData: true, characterDataOldValue: true });
  const renderer = new Renderer(root);
  let soFar = '';
  for (const char of src) {
    soFar += char;
    renderer.update(soFar, false);
    look(root, observer.takeRecords() as unknown as MutationRecord[], soFar);
  }
}

const inCode = (node: Node) => (node.nodeType === 1 ? (node as Element) : node.parentElement)?.closest('pre') != null;

describe('while it grows', () => {
  for (const [name, src] of Object.entries(WELL_FORMED)) {
    it(`a committed block never changes: ${name}`, () => {
      const kept: Array<{ node: Element; html: string }> = [];
      grow(src, (root, records, soFar) => {
        const final = [...root.children].slice(0, -2);
        for (const { target } of records) expect(final.some((c) => c.contains(target)), soFar).toBe(false);
        final.forEach((node, i) => expect((kept[i] ??= { node, html: node.outerHTML }).node, soFar).toBe(node));
      });
      for (const { node, html } of kept) expect(node.outerHTML).toBe(html);
    });

    it(`what is shown stays: ${name}`, () => {
      let before = '';
      grow(src, (root, _, soFar) => {
        const now = wordsOf(root.textContent!);
        expect(now.startsWith(before), `${soFar}\nshowed ${before}\nshows  ${now}`).toBe(true);
        before = now;
      });
    });

    it(`nothing is taken away or shortened: ${name}`, () => {
      grow(src, (_, records, soFar) => {
        for (const { type, target, removedNodes, oldValue } of records) {
          if (inCode(target)) continue;
          for (const node of removedNodes) expect(wordsOf(node.textContent!), soFar).toBe('');
          if (type === 'characterData') expect((target as Text).data.startsWith(oldValue!), `${soFar}: ${oldValue}`).toBe(true);
        }
      });
    });
  }

  it('hides no word of a text that is not well-formed for longer than it may still be something else', () => {
    for (const [src, words] of [
      ['a [bracket] b', 'abracketb'],
      ['a | b\nc', 'abc'],
      ['2 * 3 ** 4 `5', '2345'],
      ['AT&T and <c', 'ATTandc'],
      ['half http', 'half'],
      ['half http x', 'halfhttpx'],
    ] as const) {
      let shown = '';
      grow(src, (root) => (shown = wordsOf(root.textContent!)));
      expect(shown, src).toBe(words);
    }
  });
});
