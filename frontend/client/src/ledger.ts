/**
 * The text a reader holds, addressed by byte: what has been appended, its running checksum, and the way back.
 *
 *     off 0            256+            512+                have
 *      |---- segment ----|---- segment ----|-- segment (open) --|
 *      crc              crc               crc                  crc
 *
 * Each segment remembers the checksum before it, so that cutting back to any byte, and the marks a resume
 * carries, cost one short segment and never the whole text. It judges nothing; cursor.ts does.
 */
import { crc32c, crcHex } from './crc32c.js';
import type { Mark, Part } from './wire.js';

const SEGMENT_BYTES = 256;
const MAX_MARKS = 64;
const NEAR_MARKS = 24;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface Segment {
  off: number;
  len: number;
  crc: number;
  text: string;
  part: Part;
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of `bytes` from `from` on; null if that is inside a character. */
export function textFrom(bytes: Uint8Array, from: number, to = bytes.length): string | null {
  if (from < to && (bytes[from]! & 0xc0) === 0x80) return null;
  if (to < bytes.length && (bytes[to]! & 0xc0) === 0x80) return null;
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    return null;
  }
}

export class Ledger {
  #segments: Segment[] = [];
  #text = '';
  #reasoning = '';
  have = 0;
  crc = 0;

  get text(): string {
    return this.#text;
  }
  get reasoning(): string {
    return this.#reasoning;
  }

  /** `text` is `len` bytes and brings the checksum to `crc`; the caller has checked both. */
  append(text: string, part: Part, len: number, crc: number): void {
    const last = this.#segments.at(-1);
    if (last && last.part === part && last.len < SEGMENT_BYTES) {
      last.text += text;
      last.len += len;
    } else {
      this.#segments.push({ off: this.have, len, crc: this.crc, text, part });
    }
    if (part === 'reasoning') this.#reasoning += text;
    else this.#text += text;
    this.have += len;
    this.crc = crc;
  }

  /** The checksum of the first `off` bytes; -1 if `off` is beyond the text or inside a character. */
  crcAt(off: number): number {
    if (off === this.have) return this.crc;
    const found = this.#find(off);
    if (!found) return -1;
    const bytes = utf8(found.text);
    const cut = off - found.off;
    if (textFrom(bytes, 0, cut) === null) return -1;
    return crc32c(bytes, found.crc, 0, cut);
  }

  /** Throws away what follows `off`, where `crcAt(off)` must have been good. */
  cut(off: number): void {
    if (off >= this.have) return;
    const crc = this.crcAt(off);
    const index = this.#indexOf(off);
    const kept = this.#segments.slice(0, index);
    const cut = this.#segments[index]!;
    const text = textFrom(utf8(cut.text), 0, off - cut.off);
    if (text) kept.push({ ...cut, text, len: off - cut.off });
    this.#segments = kept;
    this.#text = this.#join('text');
    this.#reasoning = this.#join('reasoning');
    this.have = off;
    this.crc = crc;
  }

  /** Places to fall back to, farthest first: most near the end, where losses are, the rest spread over all. */
  marks(): Mark[] {
    const bounds = this.#segments.slice(1);
    const near = bounds.slice(-NEAR_MARKS);
    const far = bounds.slice(0, -NEAR_MARKS);
    const step = Math.max(1, Math.ceil(far.length / (MAX_MARKS - NEAR_MARKS)));
    const spread = far.filter((_, i) => i % step === 0);
    return [...spread, ...near].reverse().map((s) => [s.off, crcHex(s.crc)]);
  }

  /** The text in log order, one piece for each run of the same part. */
  parts(): Array<{ part: Part; text: string }> {
    const out: Array<{ part: Part; text: string }> = [];
    for (const s of this.#segments) {
      const last = out.at(-1);
      if (last?.part === s.part) last.text += s.text;
      else out.push({ part: s.part, text: s.text });
    }
    return out;
  }

  #join(part: Part): string {
    let all = '';
    for (const s of this.#segments) if (s.part === part) all += s.text;
    return all;
  }

  #indexOf(off: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.#segments[mid]!.off <= off) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  #find(off: number): Segment | undefined {
    if (off < 0 || off > this.have) return undefined;
    return this.#segments[this.#indexOf(off)];
  }
}
