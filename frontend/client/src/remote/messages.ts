/**
 * What a page and the Worker that holds its connection say to each other. Plain data, for structured clone.
 *
 *     page --Ask--> hub        one by one, as they come
 *     page <--Batch-- hub      one at a time: the next only after `go`, which the page says at its next frame; but what
 *                              cannot wait (`token`, `evicted`) comes alone, between them, and is not answered
 *
 * So the main thread gets at most one message a frame however fast the answer is, and a page that is busy gets larger
 * ones instead of more.
 */
import type { ClientEvent, ClientState, Token } from '../api.js';
import type { Snapshot, StreamError, StreamEvent } from '../handle.js';
import type { Limits, Position, SendRequest } from '../wire.js';

export interface Settings {
  /** Absolute. */
  url: string;
  name: string;
  /** Tabs share a connection where the address, the scope and this credential are the same. */
  scope: string;
  token: Token;
  /** The credential is a function of the page's, to be asked by `token`. */
  asks: boolean;
}

export type Ask =
  | { do: 'attach'; settings: Settings }
  /** This Web Lock is held while the page lives. */
  | { do: 'lock'; name: string }
  | { do: 'connect' }
  | { do: 'bye' }
  | { do: 'alive' }
  | { do: 'go' }
  | { do: 'setToken'; token: Token; asks: boolean }
  | { do: 'refreshToken'; id: number }
  | { do: 'token'; id: number; token: Token; failed: boolean }
  | { do: 'send'; request: SendRequest }
  | { do: 'resume'; gen: string; from: Snapshot | null }
  | { do: 'cancel'; gen: string }
  | { do: 'unfollow'; gen: string }
  | { do: 'wake'; changed: boolean }
  | { do: 'lost' };

/** Everything of a client that an application reads. */
export interface ClientFacts {
  state: ClientState;
  since: number;
  reason: string | null;
  retryAt: number | null;
  unauthorized: boolean;
  node: string | null;
  session: string | null;
  limits: Limits | null;
}

/** The same of a stream, but for its text. */
export interface StreamFacts {
  chat: string | null;
  message: string | null;
  parent: string | null;
  model: string | null;
  accepted: boolean;
  resumes: number;
  at: Position;
}

export type Item =
  | { of: 'client'; facts: ClientFacts; event: ClientEvent }
  | { of: 'stream'; gen: string; facts: StreamFacts; events: StreamEvent[] }
  /** The page's token function is to be called. */
  | { of: 'token'; id: number }
  /** `refreshToken` is done. */
  | { of: 'refreshed'; id: number; error: StreamError | null }
  /** The page was silent for so long that it lost its seat: it is to attach anew. */
  | { of: 'evicted' };

/** The first one may be empty: the hub is there. */
export type Batch = Item[];

/** A Worker, a MessagePort, or one end of a MessageChannel. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: any) => void) | null;
  start?(): void;
  close?(): void;
}
