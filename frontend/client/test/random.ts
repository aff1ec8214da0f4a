/** Seeded randomness (mulberry32), so that a failing property can be run again. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PIECES = ['the ', 'a', 'ö', '漢字', '🙂', '\n', '**x**', '|', '👩‍👩‍👧', ' word', '\u0000', '"\\', '\ufeff'];

/** Text of about `n` pieces, of one to several bytes each character. */
export function randomText(random: () => number, n: number): string {
  let s = '';
  for (let i = 0; i < n; i++) s += PIECES[Math.floor(random() * PIECES.length)];
  return s;
}
