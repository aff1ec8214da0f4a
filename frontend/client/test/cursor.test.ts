import { describe, expect, it } from 'vitest';
import { Cursor } from '../src/cursor.js';
import type { Frame } from '../src/wire.js';
import { Log } from './log.js';
import { randomText, seeded } from './random.js';

const GEN = '01930000-0000-7000-8000-000000000001';
const always = () => 0.999;

function fed(log: Log, to: number): Cursor {
  const cursor = new Cursor(GEN);
  if (to > 0) expect(cursor.take(log.delta(0, to)).do).toBe('append');
  return cursor;
}

describe('the client rule, frame by frame', () => {
  const log = new Log(GEN, 'Hello, wörld 漢字!');

  it('appends at have and checks the crc', () => {
    const cursor = fed(log, 5);
    expect(cursor.take(log.delta(5, 7))).toEqual({ do: 'append', text: ', ', part: 'text', off: 5 });
    expect(cursor.ledger.text).toBe('Hello, ');
    expect(cursor.position()).toMatchObject({ off: 7, crc: log.crc(7) });
  });

  it('drops what is wholly before', () => {
    const cursor = fed(log, 7);
    expect(cursor.take(log.delta(2, 7)).do).toBe('drop');
    expect(cursor.take(log.delta(0, 3)).do).toBe('drop');
    expect(cursor.have).toBe(7);
  });

  it('takes the new tail of an overlap', () => {
    const cursor = fed(log, 7);
    expect(cursor.take(log.delta(3, 10))).toEqual({ do: 'append', text: 'wö', part: 'text', off: 7 });
  });

  it('never cuts inside a character', () => {
    const cursor = fed(log, 8);
    const inside = { ...log.delta(8, 10), off: 7, text: 'öx' };
    expect(cursor.take(inside).do).toBe('resume');
  });

  it('resumes on a gap, with marks, and then drops what is ahead until the answer begins', () => {
    const long = new Log(GEN, 'x'.repeat(4000));
    const cursor = new Cursor(GEN);
    for (let off = 0; off < 3000; off += 100) cursor.take(long.delta(off, off + 100));
    const verdict = cursor.take(long.delta(3100, 3200));
    if (verdict.do !== 'resume') throw new Error(verdict.do);
    expect(verdict.position).toMatchObject({ gen: GEN, off: 3000, crc: long.crc(3000) });
    expect(verdict.position.marks!.length).toBeGreaterThan(5);
    for (const [off, crc] of verdict.position.marks!) expect(crc).toBe(long.crc(off));
    expect(cursor.take(long.delta(3200, 3300)).do).toBe('drop');
    expect(cursor.take(long.live()).do).toBe('drop');
    expect(cursor.take(long.delta(3000, 3100)).do).toBe('append');
    expect(cursor.take(long.delta(3200, 3300)).do).toBe('resume');
  });

  it('the second failure at the same place resumes from 0, the third tells the user', () => {
    const cursor = fed(log, 7);
    const wrong = { ...log.delta(7, 8), crc: 'deadbeef' };
    expect(cursor.take(wrong)).toMatchObject({ do: 'resume', emptied: false, position: { off: 7 } });
    expect(cursor.take(wrong)).toMatchObject({ do: 'resume', emptied: true, position: { off: 0, crc: '00000000' } });
    expect(cursor.ledger.text).toBe('');
    expect(cursor.take({ ...log.delta(0, 5), crc: 'deadbeef' }).do).toBe('tell');
  });

  it('forgets failures once it is past them', () => {
    const cursor = fed(log, 7);
    const wrong = (from: number, to: number) => ({ ...log.delta(from, to), crc: 'deadbeef' });
    for (const at of [7, 8, 10, 11]) {
      expect(cursor.take(wrong(at, log.boundary(at + 1) ? at + 1 : at + 2))).toMatchObject({ do: 'resume', emptied: false });
      expect(cursor.take(log.delta(at, log.boundary(at + 1) ? at + 1 : at + 2)).do).toBe('append');
    }
  });

  it('rewinds to any boundary whose checksum agrees, and to no other', () => {
    for (let off = 0; off <= log.bytes.length; off++) {
      const cursor = fed(log, log.bytes.length);
      const verdict = cursor.take({ ...log.rewind(off, 'retracted') });
      if (log.boundary(off)) {
        expect(verdict).toEqual({ do: 'rewind', off, reason: 'retracted' });
        expect(cursor.position()).toMatchObject({ off, crc: log.crc(off) });
        expect(new TextEncoder().encode(cursor.ledger.text).length).toBe(off);
      } else expect(verdict.do).toBe('resume');
    }
    const cursor = fed(log, 7);
    expect(cursor.take({ ...log.rewind(3, 'diverged'), crc: '00000001' }).do).toBe('resume');
  });

  it('believes done only with its own offset and checksum', () => {
    const end = log.bytes.length;
    expect(fed(log, end).take(log.done())).toMatchObject({ do: 'done' });
    expect(fed(log, 7).take(log.done()).do).toBe('resume');
    expect(fed(log, end).take({ ...log.done(), crc: '00000000' }).do).toBe('resume');
    expect(fed(log, end).take({ ...log.done(), off: 7, crc: log.crc(7) }).do).toBe('resume');
    const cursor = fed(log, end);
    cursor.take(log.done());
    expect(cursor.finished).toBe(true);
    expect(cursor.take(log.delta(0, 5)).do).toBe('drop');
  });

  it('takes malformed frames as failures, never as text', () => {
    const good = log.delta(5, 7);
    for (const bad of [{ off: -1 }, { off: 1.5 }, { off: '5' }, { text: 7 }, { text: null }, { crc: 5 }, { crc: undefined }]) {
      const cursor = fed(log, 5);
      expect(cursor.take({ ...good, ...bad } as Frame).do).toBe('resume');
      expect(cursor.have).toBe(5);
    }
  });

  it('keeps parts apart and in order', () => {
    const cursor = new Cursor(GEN);
    cursor.take({ ...log.delta(0, 5), part: 'reasoning' });
    cursor.take(log.delta(5, 7));
    expect([cursor.ledger.reasoning, cursor.ledger.text]).toEqual(['Hello', ', ']);
    cursor.take(log.rewind(3, 'diverged'));
    expect([cursor.ledger.reasoning, cursor.ledger.text]).toEqual(['Hel', '']);
  });

  it('acknowledges each 64 KiB and at the end', () => {
    const big = new Log(GEN, 'y'.repeat(150_000));
    const cursor = new Cursor(GEN);
    const acks: number[] = [];
    for (const frame of big.deltas(0, always, 10_000)) {
      cursor.take(frame);
      const due = cursor.ack();
      if (due !== null) acks.push(due);
    }
    expect(acks.length).toBe(2);
    expect(acks[0]).toBeGreaterThanOrEqual(65536);
    expect(cursor.ack(true)).toBe(150_000);
    expect(cursor.ack(true)).toBe(null);
  });

  it('keeps at most 64 marks, most of them near the end', () => {
    const big = new Log(GEN, 'z'.repeat(600_000));
    const cursor = new Cursor(GEN);
    for (const frame of big.deltas(0, always, 300)) cursor.take(frame);
    const { marks } = cursor.resume();
    expect(marks!.length).toBeLessThanOrEqual(64);
    expect(marks!.length).toBeGreaterThan(40);
    expect(marks!.some(([off]) => off > 599_000)).toBe(true);
    expect(marks!.some(([off]) => off < 50_000)).toBe(true);
  });
});

/** Feeds frames through a line that drops, repeats, reorders and corrupts, serving resumes, until done. */
function stormy(seed: number): void {
  const random = seeded(seed);
  const log = new Log(GEN, randomText(random, 20 + Math.floor(random() * 800)));
  const cursor = new Cursor(GEN);
  let line = log.answer(cursor.resume(), random);
  let harm = 30;
  for (let steps = 0; !cursor.finished; steps++) {
    if (steps > 100_000) throw new Error(`seed ${seed} never ends`);
    let frame = line.shift();
    if (!frame) {
      line = log.answer(cursor.resume(), random);
      continue;
    }
    if (harm > 0 && random() < 0.08) {
      harm--;
      const kind = Math.floor(random() * 6);
      if (kind === 0) continue;
      if (kind === 1) line.unshift(frame);
      if (kind === 2 && line.length > 0) [frame, line[0]] = [line[0]!, frame];
      if (kind === 3 && frame.type === 'delta') frame = { ...frame, text: `${String(frame.text)}!` };
      if (kind === 4 && typeof frame.off === 'number') frame = { ...frame, off: frame.off + 3 };
      if (kind === 5 && frame.type !== 'done') line = restarted(log, cursor, random);
    }
    const verdict = cursor.take(frame);
    // What was on its way still comes before the answer.
    if (verdict.do === 'resume') line = [...line.slice(0, Math.floor(random() * 3)), ...log.answer(verdict.position, random)];
    if (verdict.do === 'tell') {
      expect(harm).toBeLessThan(30);
      return;
    }
  }
  expect(cursor.ledger.text).toBe(log.text);
  expect(cursor.position()).toMatchObject({ off: log.bytes.length, crc: log.crc(log.bytes.length) });
}

/** The upstream failed: the log is cut back and goes on otherwise, under a new epoch. */
function restarted(log: Log, cursor: Cursor, random: () => number): Frame[] {
  let off = Math.floor(random() * (Math.min(cursor.have, log.bytes.length) + 1));
  while (!log.boundary(off)) off--;
  log.epoch++;
  const kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(log.bytes.subarray(0, off));
  log.bytes = new TextEncoder().encode(kept + randomText(random, 200));
  return [log.rewind(off, 'restarted'), ...log.deltas(off, random), log.live(), log.done()];
}

describe('the client rule, in a storm', () => {
  it('always ends with exactly the bytes of the log, or says that it cannot', () => {
    for (let seed = 1; seed <= 400; seed++) stormy(seed);
  });

  it('ends with exactly the bytes where frames only split, overlap and repeat', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const log = new Log(GEN, randomText(random, 300));
      const cursor = new Cursor(GEN);
      const frames = [...log.deltas(0, random), log.done()];
      for (const frame of frames) {
        if (random() < 0.3) cursor.take(frame);
        const back = Math.max(0, cursor.have - Math.floor(random() * 50));
        if (log.boundary(back) && back < cursor.have) cursor.take(log.delta(back, cursor.have));
        expect(cursor.take(frame).do).not.toBe('resume');
      }
      expect(cursor.ledger.text).toBe(log.text);
      expect(cursor.finished).toBe(true);
    }
  });
});
