/** A scroller without a browser: its sizes are numbers, its frames are played. */
import { JSDOM } from 'jsdom';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stick } from '../src/lib/stick.ts';

const FRAME = 1000 / 60;
let calm: boolean;
let frames: Map<number, FrameRequestCallback>;
let now: number;
let seen: (() => void) | undefined;

beforeEach(() => {
  [calm, now, seen] = [false, 0, undefined];
  frames = new Map();
  let id = 0;
  vi.stubGlobal('requestAnimationFrame', (then: FrameRequestCallback) => (frames.set(++id, then), id));
  vi.stubGlobal('cancelAnimationFrame', (n: number) => frames.delete(n));
  vi.stubGlobal('matchMedia', () => ({ get matches() { return calm; } }));
  vi.stubGlobal('performance', { now: () => now });
  vi.stubGlobal('ResizeObserver', class {
    constructor(then: () => void) {
      seen = then;
    }
    observe() {}
    disconnect() {
      seen = undefined;
    }
  });
});
afterEach(() => vi.unstubAllGlobals());

function page() {
  const { window } = new JSDOM('<body><section><p>text</p></section><textarea></textarea></body>');
  vi.stubGlobal('AbortController', window.AbortController);
  const el = window.document.querySelector('section')!;
  const size = { height: 1000, view: 400, top: 600 };
  const clamp = (top: number) => Math.max(0, Math.min(top, size.height - size.view));
  Object.defineProperties(el, {
    scrollHeight: { get: () => size.height },
    clientHeight: { get: () => size.view },
    clientWidth: { get: () => 300 },
    scrollTop: { get: () => (size.top = clamp(size.top)), set: (top: number) => (size.top = clamp(top)) },
  });
  const told: boolean[] = [];
  const stick = new Stick(el as unknown as HTMLElement, (held) => told.push(held));
  const fire = (type: string, more: object = {}, to: EventTarget = el) =>
    to.dispatchEvent(Object.assign(new window.Event(type, { bubbles: true }), more));
  const scrolledTo = (top: number) => ((size.top = top), fire('scroll'));
  const grow = (by: number) => ((size.height += by), seen?.());
  stick.keep();
  play(60);
  return { window, el, size, stick, told, fire, scrolledTo, grow };
}

/** Plays `n` frames; the scroll positions after each. */
function play(n: number, at?: () => number): number[] {
  const tops: number[] = [];
  for (let i = 0; i < n; i++) {
    now += FRAME;
    const due = [...frames.values()];
    frames.clear();
    due.forEach((then) => then(now));
    if (at) tops.push(at());
  }
  return tops;
}

describe('held', () => {
  it('follows growth on a spring: no jump, never up, there in the end, then at rest', () => {
    const { size, grow } = page();
    grow(200);
    const tops = play(60, () => size.top);
    const steps = tops.map((top, i) => top - (tops[i - 1] ?? 600));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...steps)).toBeLessThan(90);
    expect(tops.at(-1)).toBe(800);
    expect(frames.size).toBe(0);
  });

  it('stays near the end while text streams, and does not jump when it stops', () => {
    const { size, grow } = page();
    const behind: number[] = [];
    for (let i = 0; i < 120; i++) {
      grow(8);
      play(1);
      behind.push(size.height - size.view - size.top);
    }
    expect(Math.max(...behind.slice(60))).toBeLessThan(20);
    const from = size.top;
    const tops = play(40, () => size.top);
    expect(Math.max(...tops.map((top, i) => top - (tops[i - 1] ?? from)))).toBeLessThan(20);
    expect(size.top).toBe(size.height - size.view);
  });

  it('goes at once over more than a screen, and always where less motion is wanted', () => {
    const far = page();
    far.grow(3000);
    expect(far.size.top).toBe(3600);
    calm = true;
    far.grow(30);
    expect(far.size.top).toBe(3630);
  });

  it('is not let go by text that shrinks', () => {
    const { size, stick, told, fire } = page();
    size.height = 700;
    size.top = 300;
    fire('scroll');
    expect([stick.held, told]).toEqual([true, []]);
  });
});

describe('lets go', () => {
  type Page = ReturnType<typeof page>;
  const gestures: Array<[name: string, make: (p: Page) => void]> = [
    ['the wheel, upwards', (p) => p.fire('wheel', { deltaY: -10 })],
    ['a finger', (p) => p.fire('touchmove')],
    ['Page Up', (p) => p.fire('keydown', { key: 'PageUp' })],
    ['Arrow Up, on the page', (p) => p.fire('keydown', { key: 'ArrowUp' }, p.window.document.body)],
    ['Home', (p) => p.fire('keydown', { key: 'Home' })],
    ['Shift and Space', (p) => p.fire('keydown', { key: ' ', shiftKey: true })],
    ['the scrollbar', (p) => p.fire('pointerdown', { offsetX: 305 })],
    ['a selection', (p) => (p.window.getSelection()!.selectAllChildren(p.el.querySelector('p')!), p.fire('selectionchange', {}, p.window.document))],
    ['anything else that scrolls up', (p) => p.scrolledTo(590)],
  ];
  for (const [name, make] of gestures) {
    it(name, () => {
      const p = page();
      make(p);
      expect([p.stick.held, p.told]).toEqual([false, [false]]);
      const { top } = p.size;
      p.grow(100);
      play(30);
      expect(p.size.top).toBe(top);
    });
  }

  it('in the middle of a glide, at once', () => {
    const p = page();
    p.grow(300);
    play(3);
    const { top } = p.size;
    p.fire('wheel', { deltaY: -1 });
    play(10);
    expect(p.size.top).toBe(top);
  });

  it('and is not taken back by a scroll event of its own that comes late', () => {
    const p = page();
    p.grow(30);
    play(2);
    p.fire('wheel', { deltaY: -1 });
    p.fire('scroll');
    expect(p.stick.held).toBe(false);
  });

  it('not by keys in a field, the wheel downwards, zooming, or a press on text', () => {
    const p = page();
    p.fire('keydown', { key: 'ArrowUp' }, p.window.document.querySelector('textarea')!);
    p.fire('wheel', { deltaY: 10 });
    p.fire('wheel', { deltaY: -10, ctrlKey: true });
    p.fire('pointerdown', { offsetX: 20 });
    p.fire('pointerup', {}, p.window.document);
    expect(p.stick.held).toBe(true);
  });

  it('not where there is nothing to scroll', () => {
    const p = page();
    p.size.height = 300;
    p.fire('wheel', { deltaY: -10 });
    expect(p.stick.held).toBe(true);
  });
});

describe('takes hold again', () => {
  it('when the reader scrolls back to the end', () => {
    const p = page();
    p.fire('wheel', { deltaY: -10 });
    p.scrolledTo(300);
    p.scrolledTo(580);
    expect(p.told).toEqual([false, true]);
    play(30);
    expect(p.size.top).toBe(600);
  });

  it('when the wheel turns down at the end', () => {
    const p = page();
    p.fire('wheel', { deltaY: -10 });
    p.fire('wheel', { deltaY: 10 });
    expect(p.stick.held).toBe(true);
  });

  it('when asked to', () => {
    const p = page();
    p.fire('wheel', { deltaY: -10 });
    p.scrolledTo(300);
    p.stick.hold();
    play(60);
    expect([p.stick.held, p.size.top]).toEqual([true, 600]);
  });

  it('not while the scrollbar is held, and then if it was left at the end', () => {
    const p = page();
    p.fire('pointerdown', { offsetX: 305 });
    p.scrolledTo(300);
    p.scrolledTo(600);
    expect(p.stick.held).toBe(false);
    p.fire('pointerup', {}, p.window.document);
    expect(p.stick.held).toBe(true);
  });
});

it('stops by itself when its element is gone', () => {
  const p = page();
  p.el.remove();
  seen?.();
  expect(seen).toBe(undefined);
  p.fire('selectionchange', {}, p.window.document);
  expect(p.stick.held).toBe(true);
});

it('stops', () => {
  const p = page();
  p.stick.stop();
  p.grow(100);
  p.stick.keep();
  p.fire('wheel', { deltaY: -10 });
  expect([frames.size, p.size.top, p.stick.held]).toEqual([0, 600, true]);
});
