/**
 * CRC-32C (Castagnoli, RFC 3720), the checksum every position of the protocol carries.
 *
 * Table-driven, reflected polynomial 0x82f63b78, four bytes a step. A running value is passed in and handed
 * back already finished, so `crc32c(b, crc32c(a))` is the checksum of `a` followed by `b`, and 0 is that of
 * nothing. It knows bytes only; who turns text into UTF-8 is cursor.ts.
 */
const T = new Uint32Array(4 * 256);

for (let i = 0; i < 1024; i++) {
  let c = i < 256 ? i : T[i - 256]!;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
  T[i] = c;
}

/** Checksum of `bytes[from, to)` after `crc`. Unsigned 32 bits. */
export function crc32c(bytes: Uint8Array, crc = 0, from = 0, to = bytes.length): number {
  let c = ~crc;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c = T[768 + (c & 0xff)]! ^ T[512 + ((c >>> 8) & 0xff)]! ^ T[256 + ((c >>> 16) & 0xff)]! ^ T[c >>> 24]!;
  }
  for (; i < to; i++) c = T[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** The wire's form: eight lower-case hex digits. */
export function crcHex(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

/** Back from the wire's form; -1 (equal to no checksum) if it is not one. */
export function crcFromHex(hex: unknown): number {
  return typeof hex === 'string' && /^[0-9a-f]{8}$/.test(hex) ? parseInt(hex, 16) : -1;
}
