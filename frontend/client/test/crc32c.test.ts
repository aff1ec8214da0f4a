import { describe, expect, it } from 'vitest';
import { crc32c, crcFromHex, crcHex } from '../src/crc32c.js';

const utf8 = (s: string) => new TextEncoder().encode(s);

describe('crc32c', () => {
  it('knows the published values', () => {
    expect(crcHex(crc32c(utf8('123456789')))).toBe('e3069283');
    expect(crcHex(crc32c(utf8('')))).toBe('00000000');
    expect(crcHex(crc32c(new Uint8Array(32)))).toBe('8a9136aa');
    expect(crcHex(crc32c(new Uint8Array(32).fill(0xff)))).toBe('62a8ab43');
  });

  it('knows the values of the protocol example', () => {
    expect(crcHex(crc32c(utf8('Hel')))).toBe('6e619d79');
    expect(crcHex(crc32c(utf8('lo'), crc32c(utf8('Hel'))))).toBe('81d90e1b');
  });

  it('is the same whole and split at every byte', () => {
    const all = utf8('Größe 漢字 🙂 and plain text, over several steps of four');
    const whole = crc32c(all);
    for (let i = 0; i <= all.length; i++) {
      expect(crc32c(all.subarray(i), crc32c(all.subarray(0, i)))).toBe(whole);
      expect(crc32c(all, crc32c(all, 0, 0, i), i)).toBe(whole);
    }
  });

  it('reads only its own form', () => {
    expect(crcFromHex('0000000f')).toBe(15);
    for (const bad of ['F0000000', '123', '0x123456', 7, null, undefined, '000000000']) expect(crcFromHex(bad)).toBe(-1);
  });
});
