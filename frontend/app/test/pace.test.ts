import { describe, expect, it } from 'vitest';
import { seeded } from '../../client/test/random.ts';
import { LAG_MS, Pacer, wholeWord } from '../src/lib/pace.ts';

const FRAME = 1000 / 60;

interface Arrival {
  at: number;
  units: number;
}

/** Plays `arrivals` against frames of the given lengths; when each length was first shown, and how much each frame added. */
function play(arrivals: Arrival[], frameMs: () => number): { late: number[]; steps: Array<{ at: number; by: number }> } {
  const pacer = new Pacer();
  const waiting: Array<{ at: number; to: number }> = [];
  const late: number[] = [];
  const steps: Array<{ at: number; by: number }> = [];
  const rest = [...arrivals];
  let length = 0;
  for (let now = 0; rest.length > 0 || waiting.length > 0; now += frameMs()) {
    while (rest[0] && rest[0].at <= now) {
      const { at, units } = rest.shift()!;
      length += units;
      pacer.arrived(length, at);
      waiting.push({ at, to: length });
    }
    const to = pacer.step(now);
    expect(to).toBeGreaterThanOrEqual(pacer.shown);
    expect(to).toBeLessThanOrEqual(length);
    if (to > pacer.shown) steps.push({ at: now, by: to - pacer.shown });
    pacer.showed(to);
    while (waiting[0] && waiting[0].to <= to) late.push(now - waiting.shift()!.at);
  }
  return { late, steps };
}

const every = (ms: number, units: number, count: number) => Array.from({ length: count }, (_, i) => ({ at: 1 + i * ms, units }));

describe('pacing', () => {
  it('shows the first text in the next frame, and what comes each frame in that frame', () => {
    expect(play(every(FRAME, 40, 300), () => FRAME).late.every((ms) => ms <= FRAME)).toBe(true);
  });

  it('spreads bursts over the gaps between them', () => {
    const { steps } = play(every(50, 300, 100), () => FRAME);
    const settled = steps.filter(({ at }) => at > 1000);
    expect(Math.max(...settled.map((s) => s.by))).toBeLessThanOrEqual(150);
    expect(settled.length).toBeGreaterThan(2.5 * 80);
  });

  it('never shows anything later than LAG_MS and a frame, whatever comes', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      let at = 0;
      const arrivals = Array.from({ length: 200 }, () => {
        at += random() < 0.1 ? random() * 2000 : random() * 40;
        return { at, units: 1 + Math.floor(random() ** 4 * 5000) };
      });
      const { late } = play(arrivals, () => FRAME);
      expect(Math.max(...late), `seed ${seed}`).toBeLessThanOrEqual(LAG_MS + FRAME);
    }
  });

  it('catches up at once where frames are slow', () => {
    const { late } = play(every(30, 200, 100), () => 120);
    expect(Math.max(...late)).toBeLessThanOrEqual(120 + LAG_MS);
  });

  it('goes on after a long silence without hurry and without delay', () => {
    const { late, steps } = play([...every(FRAME, 40, 50), { at: 10_000, units: 2000 }], () => FRAME);
    expect(Math.max(...late)).toBeLessThanOrEqual(LAG_MS + FRAME);
    expect(steps.at(-1)!.at - 10_000).toBeLessThanOrEqual(LAG_MS + FRAME);
  });

  it('begins again', () => {
    const pacer = new Pacer();
    pacer.arrived(500, 0);
    pacer.restart(20);
    expect(pacer.step(5)).toBe(20);
    pacer.arrived(30, 6);
    expect(pacer.step(200)).toBe(30);
  });
});

describe('where a frame may end', () => {
  const cases: Array<[text: string, to: number, shown: string]> = [
    ['one two', 1, 'one'],
    ['one two', 3, 'one'],
    ['one two', 4, 'one '],
    ['one', 9, 'one'],
    ['', 0, ''],
    ['a 🙂 b', 3, 'a 🙂'],
    ['a 👩\u200d🚀 b', 4, 'a 👩\u200d🚀'],
    ['a e\u0301 b', 3, 'a e\u0301'],
    [`a ${'x'.repeat(60)}`, 3, `a ${'x'.repeat(25)}`],
  ];
  for (const [text, to, shown] of cases) it(`${JSON.stringify(text)} from ${to}`, () => expect(text.slice(0, wholeWord(text, to))).toBe(shown));
});
