/** Prompts that wait outlive the page, in order, for as long as the credential does. */
import { beforeEach, describe, expect, it } from 'vitest';
import { setCredential } from '../src/lib/api.ts';
import { dropUnsent, keepUnsent, unsent } from '../src/lib/unsent.ts';

class Shelf {
  kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

const one = (gen: string) => ({ gen, chat: 'c', input: `text of ${gen}`, parent: null });
let local: Shelf;
let session: Shelf;

beforeEach(() => {
  local = new Shelf();
  session = new Shelf();
  Object.assign(globalThis, { localStorage: local, sessionStorage: session });
  setCredential('');
  session.kept.clear();
});

describe('unsent', () => {
  it('keeps order, replaces what it has, drops what is done', () => {
    for (const gen of ['1', '2', '1', '3']) keepUnsent(one(gen));
    expect(unsent().map((u) => u.gen)).toEqual(['2', '1', '3']);
    dropUnsent('1');
    dropUnsent('unknown');
    expect(unsent()).toEqual([one('2'), one('3')]);
    dropUnsent('2');
    dropUnsent('3');
    expect(local.kept.size).toBe(0);
  });

  it('lives in the tab where there is a credential', () => {
    setCredential('secret');
    keepUnsent(one('1'));
    expect(local.kept.size).toBe(0);
    expect(session.getItem('lastword.unsent')).toContain('text of 1');
  });

  it('believes no storage', () => {
    for (const odd of ['', '{', '7', '{}', '[null, 7, {}, {"gen":1}]']) {
      local.setItem('lastword.unsent', odd);
      expect(unsent()).toEqual([]);
    }
    local.setItem = () => {
      throw new Error('full');
    };
    expect(() => keepUnsent(one('1'))).not.toThrow();
  });
});
