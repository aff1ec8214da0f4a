/** What a message makes of its stream's events: the ones that are rare, and must be told in words. */
import type { Stream, StreamEvent, StreamResult } from '@lastword/client';
import { describe, expect, it } from 'vitest';
import { Message } from '../src/lib/message.svelte.ts';

/** A stream that says what the test says. */
class Told {
  gen = '01890000-0000-7000-8000-000000000000';
  text = '';
  reasoning = '';
  resumes = 0;
  result: StreamResult | null = null;
  #listeners: Array<(event: StreamEvent) => void> = [];
  on(listener: (event: StreamEvent) => void) {
    this.#listeners.push(listener);
    return () => {};
  }
  tell(event: StreamEvent) {
    for (const listener of this.#listeners) listener(event);
  }
  end(state: StreamResult['state'], more: Partial<StreamResult> = {}) {
    this.tell({
      type: 'done',
      result: { gen: this.gen, state, verified: true, off: this.text.length, crc: '00000000', usage: null, timing: null, persisted: true, error: null, ...more },
    });
  }
}

function followed(): [Message, Told] {
  const told = new Told();
  const message = new Message('assistant', 'a');
  message.follow(told as unknown as Stream, () => {});
  return [message, told];
}

const start = (mode: string, epoch: number): StreamEvent => ({ type: 'start', epoch, model: 'm', mode, off: 0 });

describe('message', () => {
  it('knows an upstream that failed from a gateway that died', () => {
    const [message, told] = followed();
    told.tell(start('fresh', 1));
    expect([message.takenOver, message.status, message.journey]).toEqual([false, null, []]);
    told.tell(start('prefix', 1));
    expect(message.takenOver).toBe(false);
    expect(message.journey[0]).toMatch(/\d\d:\d\d.*upstream failed/);
    told.tell(start('prefix', 2));
    expect(message.takenOver).toBe(true);
    expect(message.journey[1]).toMatch(/Taken over by another gateway/);
    expect(message.status).toBe('prefix');
  });

  it('says what was taken back', () => {
    const [message, told] = followed();
    told.tell({ type: 'rewind', off: 0, reason: 'restarted', text: 0, reasoning: 0 });
    expect(message.retracted).toBe(false);
    told.tell({ type: 'rewind', off: 0, reason: 'retracted', text: 0, reasoning: 0 });
    told.end('filtered');
    expect([message.retracted, message.state, message.journey.length]).toEqual([true, 'filtered', 2]);
  });

  it('says until when it may not be asked again', () => {
    const [message, told] = followed();
    const before = Date.now();
    told.end('refused', { verified: false, error: { code: 'RATE_LIMITED', message: 'Too often.', after_ms: 5000 } });
    expect(message.until).toBeGreaterThanOrEqual(before + 5000);
    expect(message.until).toBeLessThanOrEqual(Date.now() + 5000);
    expect([message.trouble?.message, message.verified]).toEqual(['Too often.', false]);
  });

  it('counts breaks, and is never verified by a stream that was not', () => {
    const [message, told] = followed();
    told.tell({ type: 'interrupted' });
    told.resumes = 1;
    told.tell({ type: 'resuming', off: 0, why: 'text was missing' });
    told.end('mismatch', { verified: false });
    expect([message.resumes, message.verified, message.state]).toEqual([1, false, 'mismatch']);
    expect(message.journey.join()).toMatch(/connection was lost/);
  });
});
