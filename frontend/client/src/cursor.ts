/**
 * The client's rule of PROTOCOL §6, whole, and nothing else: what to do with each frame of one generation.
 *
 *     frame --> take() --> drop | append | rewind | resume | tell | live | done
 *
 *            have
 *     --------|            off == have   append, check the crc
 *        |--|              before        drop
 *          |-----|         overlapping   take the new tail
 *               |---|      off > have    a gap: resume (dropped while a resume is outstanding)
 *
 * Pure: no socket, no clock. A wrong checksum or a gap is a failure. The first at a place resumes there with
 * marks, the second throws the text away and resumes from 0, the third is for the user to hear. Whoever calls
 * sends what `resume` says, at once.
 */
import { crc32c, crcFromHex, crcHex } from './crc32c.js';
import { Ledger, textFrom, utf8 } from './ledger.js';
import type { DeltaFrame, DoneFrame, Frame, Part, Position, RewindFrame } from './wire.js';

const ACK_EVERY = 64 * 1024;

export type Verdict =
  | { do: 'drop' }
  | { do: 'append'; text: string; part: Part; off: number }
  | { do: 'rewind'; off: number; reason: string }
  | { do: 'resume'; position: Position; emptied: boolean; why: string }
  | { do: 'tell'; why: string }
  | { do: 'live'; off: number }
  | { do: 'done'; frame: DoneFrame };

/** Text from an earlier reader; whether it is the log's is for the answer to a resume to say. */
export interface Kept {
  epoch: number;
  parts: Array<{ part: Part; text: string }>;
}

const DROP: Verdict = { do: 'drop' };

export class Cursor {
  readonly ledger = new Ledger();
  epoch = 1;
  /** A resume is on its way and its answer has not begun. */
  awaiting = false;
  /** `done` came and agreed with every byte. */
  finished = false;
  #failures = 0;
  #failedAt = -1;
  #acked = 0;

  /** `from`: what was kept of this answer. */
  constructor(
    readonly gen: string,
    from?: Kept,
  ) {
    for (const { part, text } of from?.parts ?? []) {
      for (const piece of text.match(/[^]{1,200}/gu) ?? []) this.#keep(piece, part);
    }
    this.#epoch(from?.epoch);
  }

  get have(): number {
    return this.ledger.have;
  }

  position(): Position {
    return { gen: this.gen, epoch: this.epoch, off: this.have, crc: crcHex(this.ledger.crc) };
  }

  /** The position to resume from, with marks. From here until its answer begins, later frames are dropped. */
  resume(): Position {
    this.awaiting = true;
    this.#acked = this.have;
    const marks = this.ledger.marks();
    return marks.length > 0 ? { ...this.position(), marks } : this.position();
  }

  /** The connection a resume was sent on is gone, or never carried it. */
  abandon(): void {
    this.awaiting = false;
  }

  /** The offset to acknowledge now, or null. `always` after `done`. */
  ack(always = false): number | null {
    if (this.have === this.#acked || (!always && this.have - this.#acked < ACK_EVERY)) return null;
    this.#acked = this.have;
    return this.have;
  }

  take(frame: Frame): Verdict {
    if (this.finished) return DROP;
    switch (frame.type) {
      case 'start':
        return this.#start(frame.off, frame.crc);
      case 'delta':
        return this.#delta(frame as unknown as DeltaFrame);
      case 'rewind':
        return this.#rewind(frame as unknown as RewindFrame);
      case 'live':
        return this.#live(frame.off);
      case 'done':
        return this.#done(frame as unknown as DoneFrame);
      default:
        return DROP;
    }
  }

  fail(why: string): Verdict {
    const again = this.#failures > 0 && this.have <= this.#failedAt;
    this.#failures = again ? this.#failures + 1 : 1;
    if (!again) this.#failedAt = this.have;
    if (this.#failures > 2) return { do: 'tell', why };
    if (this.#failures === 1) return { do: 'resume', position: this.resume(), emptied: false, why };
    this.ledger.cut(0);
    return { do: 'resume', position: this.resume(), emptied: true, why };
  }

  /** It moves no position, but it carries one. */
  #start(off: unknown, crc: unknown): Verdict {
    if (this.awaiting || off !== this.have || crcFromHex(crc) === this.ledger.crc) return DROP;
    return this.fail('a checksum was wrong');
  }

  #keep(text: string, part: Part): void {
    const bytes = utf8(text);
    this.ledger.append(text, part, bytes.length, crc32c(bytes, this.ledger.crc));
  }

  #delta(f: DeltaFrame): Verdict {
    if (!isOffset(f.off) || typeof f.text !== 'string') return this.#ahead('a delta was malformed');
    const have = this.have;
    if (f.off > have) return this.#ahead('text was missing');
    const bytes = utf8(f.text);
    if (f.off + bytes.length <= have) return DROP;
    const skip = have - f.off;
    const text = skip === 0 ? f.text : textFrom(bytes, skip);
    const crc = crc32c(bytes, this.ledger.crc, skip);
    if (text === null || crc !== crcFromHex(f.crc)) return this.fail('a checksum was wrong');
    const part: Part = f.part === 'reasoning' ? 'reasoning' : 'text';
    this.ledger.append(text, part, bytes.length - skip, crc);
    this.#epoch(f.epoch);
    this.#progress();
    return { do: 'append', text, part, off: have };
  }

  #rewind(f: RewindFrame): Verdict {
    if (!isOffset(f.off) || f.off > this.have) return this.#ahead('a rewind went past the text');
    if (this.ledger.crcAt(f.off) !== crcFromHex(f.crc)) return this.fail('a checksum was wrong');
    this.ledger.cut(f.off);
    this.#acked = Math.min(this.#acked, f.off);
    this.#epoch(f.epoch);
    this.awaiting = false;
    return { do: 'rewind', off: f.off, reason: typeof f.reason === 'string' ? f.reason : 'diverged' };
  }

  #live(off: unknown): Verdict {
    if (!isOffset(off) || off > this.have) return this.#ahead('text was missing');
    this.awaiting = false;
    return { do: 'live', off };
  }

  #done(f: DoneFrame): Verdict {
    if (!isOffset(f.off) || f.off > this.have) return this.#ahead('the end came before the text');
    if (f.off !== this.have || crcFromHex(f.crc) !== this.ledger.crc) return this.fail('the end did not agree');
    this.#epoch(f.epoch);
    this.finished = true;
    this.awaiting = false;
    return { do: 'done', frame: f };
  }

  /** A frame from beyond what we hold: a gap, or the rest of an earlier following. */
  #ahead(why: string): Verdict {
    return this.awaiting ? DROP : this.fail(why);
  }

  #progress(): void {
    this.awaiting = false;
    if (this.have > this.#failedAt) {
      this.#failures = 0;
      this.#failedAt = -1;
    }
  }

  #epoch(epoch: unknown): void {
    if (typeof epoch === 'number' && epoch > this.epoch) this.epoch = epoch;
  }
}

function isOffset(n: unknown): n is number {
  return typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
}
