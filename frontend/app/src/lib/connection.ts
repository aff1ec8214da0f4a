/**
 * The page's way to its gateway: socket, decoding, checksums and resumes in a Worker, which sends at most one message
 * for each frame of the screen. Where there is no Worker the same runs in the page.
 */
import type { ClientApi, TokenSource } from '@lastword/client';
import { WorkerClient } from '@lastword/client/worker';

export function connection(token: TokenSource): ClientApi {
  return new WorkerClient({ token, name: 'lastword-page/0.1' });
}
