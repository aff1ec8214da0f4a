/**
 * `@lastword/client/worker`: the client with its socket, decoding, checksums and resumes in a dedicated Worker; the main
 * thread gets at most one message a frame. The same interface as Client.
 *
 * Where a Worker cannot be had, or does not start, the same code runs in the page.
 */
import { inPage } from './remote/in-page.js';
import { RemoteClient, type Open, type RemoteOptions } from './remote/client.js';

export type { ClientApi, ClientEvent, ClientState, Token, TokenSource } from './api.js';
export type { StreamHandle, StreamEvent, StreamResult, StreamError, EndState, Snapshot, TextPart } from './handle.js';
export type { RemoteOptions } from './remote/client.js';

export interface WorkerOptions extends RemoteOptions {
  /** Makes the Worker whose script is `@lastword/client/worker-script`, where a bundler does not find it by itself. */
  worker?: () => Worker;
}

/** The way to a Worker of this page's own. */
export function toWorker(make?: () => Worker): Open {
  return (failed) => {
    const worker = make
      ? make()
      : new Worker(new URL('./worker-script.js', import.meta.url), { type: 'module', name: 'lastword' });
    worker.onerror = failed;
    return { port: worker, end: () => worker.terminate() };
  };
}

export class WorkerClient extends RemoteClient {
  constructor(options: WorkerOptions = {}) {
    super(options, { ways: [toWorker(options.worker), inPage] });
  }
}
