/**
 * `@lastword/client/shared-worker`: one connection for all tabs of an origin, in a SharedWorker; where there is none, a
 * Worker of this tab's own, and where there is not even that, the page. The same interface as Client.
 *
 *     tab --\
 *     tab ----> SharedWorker --one WebSocket--> gateway
 *     tab --/
 *
 * Tabs share where the address, `scope` and a credential given as text are the same. A credential given as a function is
 * shared by every tab of a scope, so tabs of different users must name different scopes. A tab that goes away stops
 * looking; it cancels nothing.
 */
import { uuid } from './ids.js';
import { RemoteClient, type Kind, type Open, type RemoteOptions } from './remote/client.js';
import { inPage } from './remote/in-page.js';
import { toWorker } from './worker.js';

export type { ClientApi, ClientEvent, ClientState, Token, TokenSource } from './api.js';
export type { StreamHandle, StreamEvent, StreamResult, StreamError, EndState, Snapshot, TextPart } from './handle.js';
export type { RemoteOptions } from './remote/client.js';

export interface SharedWorkerOptions extends RemoteOptions {
  /** Whose connection it is; for instance the name of the user. Tabs of one scope are of one owner. */
  scope?: string;
  /** Makes the SharedWorker whose script is `@lastword/client/shared-worker-script`. */
  sharedWorker?: () => SharedWorker;
  /** Makes the Worker to fall back to, whose script is `@lastword/client/worker-script`. */
  worker?: () => Worker;
}

const ALIVE_MS = 30_000;

function toSharedWorker(make?: () => SharedWorker): Open {
  return (failed) => {
    const worker = make
      ? make()
      : new SharedWorker(new URL('./shared-worker-script.js', import.meta.url), { type: 'module', name: 'lastword' });
    worker.onerror = failed;
    return { port: worker.port, end: () => worker.port.close() };
  };
}

/** A Web Lock says by itself when the page that holds it is gone; without one the page says goodbye and pings. */
const live: NonNullable<Kind['live']> = (tell) => {
  const name = `lastword-${uuid()}`;
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const timer = setInterval(() => tell({ do: 'alive' }), ALIVE_MS);
  globalThis.navigator?.locks
    ?.request(name, () => {
      clearInterval(timer);
      tell({ do: 'lock', name });
      return held;
    })
    .catch(() => {});
  const leave = (event: PageTransitionEvent) => event.persisted || tell({ do: 'bye' });
  globalThis.addEventListener?.('pagehide', leave);
  return () => {
    clearInterval(timer);
    release();
    globalThis.removeEventListener?.('pagehide', leave);
  };
};

export class SharedWorkerClient extends RemoteClient {
  constructor(options: SharedWorkerOptions = {}) {
    const ways = [toSharedWorker(options.sharedWorker), toWorker(options.worker), inPage];
    super(options, { ways, scope: options.scope ?? '', live });
  }
}
