/**
 * UUIDs, minted by the client so that a repeated `send` is recognised.
 *
 * Version 7: ordered by time, which is kind to the stores. `crypto.randomUUID` is not used because browsers
 * offer it on secure pages only, and a gateway on a private network may well be plain HTTP.
 */
export function uuid(now = Date.now()): string {
  const b = new Uint8Array(16);
  const source = (globalThis as { crypto?: Crypto }).crypto;
  if (source?.getRandomValues) source.getRandomValues(b);
  else for (let i = 0; i < 16; i++) b[i] = Math.random() * 256;
  for (let i = 5, t = now; i >= 0; i--, t = Math.floor(t / 256)) b[i] = t % 256;
  b[6] = 0x70 | (b[6]! & 0x0f);
  b[8] = 0x80 | (b[8]! & 0x3f);
  let s = '';
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) s += '-';
    s += (b[i]! + 256).toString(16).slice(1);
  }
  return s;
}
