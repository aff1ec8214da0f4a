/**
 * What has to outlive a reload: which answer a chat was reading, so that it is replayed under the same message id even
 * where it ended meanwhile.
 */
export interface Remembered {
  gen: string;
  message?: string;
  parent?: string;
}

/** The part of Storage that is used. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Memory {
  constructor(private readonly store: Store | null) {}

  recall(chat: string): Remembered | null {
    try {
      const kept: unknown = JSON.parse(this.store?.getItem(`lastword:${chat}`) ?? 'null');
      return typeof (kept as Remembered | null)?.gen === 'string' ? (kept as Remembered) : null;
    } catch {
      return null;
    }
  }

  remember(chat: string, what: Remembered): void {
    try {
      this.store?.setItem(`lastword:${chat}`, JSON.stringify(what));
    } catch {
      /* a store that is full or forbidden: a reload then finds what still runs */
    }
  }

  /** Unless another answer has taken its place. */
  forget(chat: string, gen: string): void {
    if (this.recall(chat)?.gen === gen) this.store?.removeItem(`lastword:${chat}`);
  }
}

/** The tab's own, where there is one. */
export function tabStore(): Store | null {
  try {
    return (globalThis as { sessionStorage?: Store }).sessionStorage ?? null;
  } catch {
    return null;
  }
}
