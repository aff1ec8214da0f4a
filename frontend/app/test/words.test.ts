import { describe, expect, it } from 'vitest';
import { fitTitle } from '../src/lib/api.ts';
import { actionOf, SHORTCUTS } from '../src/lib/keys.ts';
import { connectionWords, dayGroup, duration, nameOf, plural, rate, rewindWords, size, startWords, stateWords } from '../src/lib/words.ts';

describe('words', () => {
  it('says how the connection stands', () => {
    expect(connectionWords('open', 0, null, 0)).toBe('Connected');
    expect(connectionWords('open', 0, null, 2)).toBe('Connected again');
    expect(connectionWords('reconnecting', Date.now(), 'lost', 0)).toMatch(/^Reconnecting since \d/);
    expect(connectionWords('closed', 0, 'this is not allowed', 0)).toBe('Not connected: this is not allowed');
  });

  it('never calls a truncated answer complete', () => {
    expect(stateWords('complete')).toBe(null);
    for (const state of ['length', 'filtered', 'cancelled', 'truncated', 'error', 'refused', 'gone', 'mismatch', 'detached']) {
      expect(stateWords(state)).toMatch(/^[A-Z]/);
    }
  });

  it('counts tokens of the writing, not of the waiting', () => {
    expect(rate(100, 1000, 3000)).toBe('50.0 tokens/s');
    expect(rate(2000, 0, 400)).toBe('5,000 tokens/s');
    for (const none of [rate(null, 0, 10), rate(1, 0, 1000), rate(10, 5, null), rate(10, 100, 110)]) expect(none).toBe(null);
  });

  it('rounds times as people do', () => {
    expect([duration(84.4), duration(1234), duration(65_000)]).toEqual(['84 ms', '1.2 s', '65 s']);
  });

  it('sorts days into drawers', () => {
    const now = new Date(2026, 5, 15, 9).getTime();
    const of = (day: number, hour: number) => dayGroup(new Date(2026, 5, day, hour).getTime(), now);
    expect([of(15, 0), of(14, 23), of(14, 0), of(10, 12)]).toEqual(['Today', 'Yesterday', 'Yesterday', 'This week']);
    expect(of(1, 0)).toContain('2026');
  });

  it('names a conversation', () => {
    expect(nameOf('Title', 'x')).toBe('Title');
    expect(nameOf(null, ' first\nsecond')).toBe('first');
    expect(nameOf(null, undefined)).toBe('Untitled');
  });

  it('fits a title into 200 bytes without cutting a character', () => {
    expect(fitTitle(' plain ')).toBe('plain');
    const long = fitTitle('漢🙂'.repeat(60));
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(200);
    expect(long.isWellFormed?.() ?? true).toBe(true);
  });

  it('tells what an answer went through', () => {
    expect(startWords('fresh', false)).toBe(null);
    expect(startWords('prefix', true)).toMatch(/^Taken over by another gateway.*continued/);
    expect(startWords('restart', false)).toMatch(/upstream failed.*began again/);
    expect(rewindWords('retracted')).toMatch(/^Withdrawn/);
    for (const reason of ['restarted', 'diverged', 'of a later version']) expect(rewindWords(reason)).toMatch(/^[A-Z]/);
  });

  it('counts', () => {
    expect([plural(1, 'token'), plural(1200, 'token')]).toEqual(['1 token', '1,200 tokens']);
    expect([size(7), size(45_100), size(12_000_000)]).toEqual(['7 bytes', '45 kB', '12 MB']);
  });
});

describe('keys', () => {
  const press = (key: string, code: string, ...mods: string[]) =>
    actionOf({ key, code, ctrlKey: mods.includes('ctrl'), metaKey: mods.includes('meta'), altKey: mods.includes('alt'), shiftKey: mods.includes('shift') } as KeyboardEvent);

  it('knows its own', () => {
    expect(press('/', 'Slash', 'ctrl')).toBe('help');
    expect(press('k', 'KeyK', 'meta')).toBe('search');
    expect(press('O', 'KeyO', 'ctrl', 'shift')).toBe('new');
    expect(press('Ç', 'KeyC', 'alt', 'shift')).toBe('copy');
  });

  it('takes no bare letter, and nothing that types one with AltGr', () => {
    for (const key of ['a', '/', 'k', 'O', 'ArrowUp', 'Enter']) expect(press(key, `Key${key.toUpperCase()}`)).toBe(null);
    expect(press('/', 'Slash', 'ctrl', 'alt')).toBe(null);
    expect(new Set(SHORTCUTS.map((s) => s.keys.join())).size).toBe(SHORTCUTS.length);
  });
});
