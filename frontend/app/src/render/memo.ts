/**
 * What was parsed and cannot change, by its source: so the items of a list that still grows, or the rows of a table, are
 * parsed once. It lives as long as the block it belongs to is not committed.
 */
import type { El } from './nodes.ts';

export type Memo = Map<string, El>;

/** What `make` makes of the source `key`; remembered unless it is still `growing`. */
export function once(memo: Memo, key: string, growing: boolean, make: () => El): El {
  const known = growing ? undefined : memo.get(key);
  if (known) return known;
  const made = make();
  if (!growing) memo.set(key, made);
  return made;
}
