/**
 * A gateway's side of one generation, small enough to be trusted: a log of UTF-8 text that serves resumes by
 * PROTOCOL §6, cut into frames as the caller likes.
 */
import { crc32c, crcHex } from '../src/crc32c.js';
import type { Frame, Position } from '../src/wire.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Log {
  bytes: Uint8Array;
  epoch = 1;
  seq = 0;

  constructor(
    readonly gen: string,
    text: string,
  ) {
    this.bytes = encoder.encode(text);
  }

  get text(): string {
    return decoder.decode(this.bytes);
  }

  boundary(off: number): boolean {
    return off >= 0 && off <= this.bytes.length && (off === this.bytes.length || (this.bytes[off]! & 0xc0) !== 0x80);
  }

  crc(off: number): string {
    return crcHex(crc32c(this.bytes, 0, 0, off));
  }

  delta(from: number, to: number): Frame {
    const text = decoder.decode(this.bytes.subarray(from, to));
    return { type: 'delta', gen: this.gen, epoch: this.epoch, seq: ++this.seq, off: from, text, crc: this.crc(to) };
  }

  /** Frames from `from` on, cut at random. */
  deltas(from: number, random: () => number, most = 40): Frame[] {
    const out: Frame[] = [];
    while (from < this.bytes.length) {
      let to = Math.min(this.bytes.length, from + 1 + Math.floor(random() * most));
      while (!this.boundary(to)) to++;
      out.push(this.delta(from, to));
      from = to;
    }
    return out;
  }

  rewind(off: number, reason: string): Frame {
    return { type: 'rewind', gen: this.gen, epoch: this.epoch, off, crc: this.crc(off), reason };
  }

  live(): Frame {
    return { type: 'live', gen: this.gen, off: this.bytes.length };
  }

  done(state = 'complete'): Frame {
    const off = this.bytes.length;
    const usage = { prompt_tokens: 1, completion_tokens: 2 };
    const timing = { ttft_ms: 3, total_ms: 4 };
    return { type: 'done', gen: this.gen, epoch: this.epoch, seq: ++this.seq, off, crc: this.crc(off), state, usage, timing, persisted: true };
  }

  /** The answer to a resume. */
  answer(position: Position, random: () => number): Frame[] {
    const agrees = (off: number, crc: string) => this.boundary(off) && this.crc(off) === crc;
    const frames: Frame[] = [];
    let from = position.off;
    if (!agrees(position.off, position.crc)) {
      from = 0;
      for (const [off, crc] of position.marks ?? []) if (off > from && agrees(off, crc)) from = off;
      frames.push(this.rewind(from, 'diverged'));
    }
    return [...frames, ...this.deltas(from, random), this.live(), this.done()];
  }
}
