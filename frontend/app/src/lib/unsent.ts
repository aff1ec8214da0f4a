/**
 * Prompts that the gateway has not acknowledged yet, kept over a reload. They are sent again under the `gen` they had,
 * so what did arrive is recognised and asked once.
 *
 *     send --> put --> accepted, refused or taken back --> drop
 *                \---- reload, crash, weeks offline ----> all --> sent again, in order
 *
 * They live as long as the credential does: with one, in this tab; without, in this browser.
 */
import type { SendRequest } from '@lastword/client';
import { credential } from './api.ts';

export type Unsent = SendRequest & { gen: string };

const KEY = 'lastword.unsent';

function place(): Storage {
  return credential() ? sessionStorage : localStorage;
}

export function unsent(): Unsent[] {
  try {
    const kept: unknown = JSON.parse(place().getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? (kept as Unsent[]).filter(isUnsent) : [];
  } catch {
    return [];
  }
}

export function keepUnsent(request: Unsent): void {
  write([...unsent().filter(({ gen }) => gen !== request.gen), request]);
}

export function dropUnsent(gen: string): void {
  const all = unsent();
  const left = all.filter((one) => one.gen !== gen);
  if (left.length < all.length) write(left);
}

function write(all: Unsent[]): void {
  try {
    if (all.length > 0) place().setItem(KEY, JSON.stringify(all));
    else place().removeItem(KEY);
  } catch {
    /* denied or full: kept in memory only */
  }
}

function isUnsent(one: unknown): boolean {
  const { gen, chat, input } = (one ?? {}) as Partial<Unsent>;
  return typeof gen === 'string' && typeof chat === 'string' && (typeof input === 'string' || input === null);
}
