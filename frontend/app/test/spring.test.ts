import { describe, expect, it } from 'vitest';
import { spring, type Spring } from '../src/lib/spring.ts';

function run(from: Spring, goal: (ms: number) => number, drift: number, step: number, total: number): Spring[] {
  const out: Spring[] = [];
  let now = from;
  for (let ms = step; ms <= total + 0.001; ms += step) out.push((now = spring(now, goal(ms), drift, step)));
  return out;
}

describe('the spring', () => {
  it('comes to a goal that stands, without passing it', () => {
    const way = run({ at: 0, speed: 0 }, () => 100, 0, 1000 / 60, 400);
    for (let i = 1; i < way.length; i++) expect(way[i]!.at).toBeGreaterThanOrEqual(way[i - 1]!.at);
    expect(Math.max(...way.map((s) => s.at))).toBeLessThanOrEqual(100);
    expect(way[11]!.at).toBeGreaterThan(95);
    expect(way.at(-1)!.at).toBeGreaterThan(99.9);
  });

  it('is the same in large steps and small', () => {
    const [fine] = [run({ at: 0, speed: 0 }, () => 300, 0, 1, 96).at(-1)!];
    const [coarse] = [run({ at: 0, speed: 0 }, () => 300, 0, 48, 96).at(-1)!];
    expect(fine.at).toBeCloseTo(coarse.at, 6);
    expect(fine.speed).toBeCloseTo(coarse.speed, 6);
  });

  it('stays with a goal that moves steadily', () => {
    const end = run({ at: 0, speed: 0 }, (ms) => ms, 1, 16, 800).at(-1)!;
    expect(end.at).toBeCloseTo(800, 1);
    expect(end.speed).toBeCloseTo(1, 3);
  });
});
