/**
 * What a browser knows about the network and about having slept, told to a client. Elsewhere there is nothing to watch.
 */
export interface Sleeper {
  wake(networkChanged?: boolean): void;
  lost(): void;
}

/** Tells `client` until the returned function is called. */
export function watchNetwork(client: Sleeper): () => void {
  const page = globalThis as unknown as Partial<EventTarget> & { document?: Document };
  const watched: Array<[Partial<EventTarget> | undefined, string, (event: Event) => void]> = [
    [page, 'online', () => client.wake(true)],
    [page, 'offline', () => client.lost()],
    [page, 'pageshow', () => client.wake()],
    [page.document, 'visibilitychange', () => page.document!.visibilityState === 'visible' && client.wake()],
  ];
  for (const [target, type, listener] of watched) target?.addEventListener?.(type, listener);
  return () => {
    for (const [target, type, listener] of watched) target?.removeEventListener?.(type, listener);
  };
}
