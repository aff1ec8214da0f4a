/**
 * Where a link leads: `(address "title")`, read by hand, because a pattern would backtrack. It judges no address;
 * `safeHref` does.
 */

/** Longest that it may be. */
export const MAX_TARGET = 4200;

/** What begins at `at`, which is `(`. 'unfinished': the text ends before it does. */
export function targetAt(src: string, at: number): { address: string; end: number } | 'none' | 'unfinished' {
  const limit = Math.min(src.length, at + MAX_TARGET);
  const short = limit === src.length ? 'unfinished' : 'none';
  let i = skipSpace(src, at + 1, limit);
  const found = src[i] === '<' ? bracketed(src, i, limit) : bare(src, i, limit);
  if (!found) return short;
  i = skipSpace(src, found.end, limit);
  const quote = src[i] === '(' ? ')' : src[i];
  if (i < limit && (src[i] === '"' || src[i] === "'" || src[i] === '(')) {
    const close = src.indexOf(quote!, i + 1);
    if (close < 0 || close >= limit) return short;
    i = skipSpace(src, close + 1, limit);
  }
  if (i >= limit) return short;
  return src[i] === ')' ? { address: found.address, end: i + 1 } : 'none';
}

function bracketed(src: string, at: number, limit: number): { address: string; end: number } | null {
  const close = src.indexOf('>', at);
  return close < 0 || close >= limit ? null : { address: src.slice(at + 1, close), end: close + 1 };
}

function bare(src: string, at: number, limit: number): { address: string; end: number } {
  let end = at;
  for (let parens = 0; end < limit && !/\s/.test(src[end]!); end++) {
    if (src[end] === '\\') end++;
    else if (src[end] === '(') parens++;
    else if (src[end] === ')' && parens-- === 0) break;
  }
  return { address: src.slice(at, end), end };
}

function skipSpace(src: string, at: number, limit: number): number {
  while (at < limit && /\s/.test(src[at]!)) at++;
  return at;
}
