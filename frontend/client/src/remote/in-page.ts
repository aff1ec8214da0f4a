/**
 * The last way to a hub: in this very page, loaded only when it is needed.
 */
import type { Open } from './client.js';

export const inPage: Open = (failed) => {
  const { port1, port2 } = new MessageChannel();
  import('./hub.js').then(({ Hub }) => new Hub().attach(port2), failed);
  return { port: port1, end: () => port1.close() };
};
