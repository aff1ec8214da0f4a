/**
 * The client as an application sees it: one interface, whether the connection lives in this thread (client.ts), in a
 * Worker of its own, or in one that all tabs share (remote/). Types only.
 */
import type { Listener } from './emitter.js';
import type { ResumeOptions, StreamError, StreamHandle, StreamOptions } from './handle.js';
import type { ActiveInfo, Limits, SendRequest, WelcomeFrame } from './wire.js';

export type ClientState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'offline' | 'closed';

export type ClientEvent =
  | { type: 'state'; state: ClientState; since: number; reason: string | null; retryAt: number | null }
  | { type: 'welcome'; welcome: WelcomeFrame }
  | { type: 'active'; info: ActiveInfo }
  /** An error that belongs to no generation. */
  | { type: 'error'; error: StreamError };

export type Token = string | null | undefined;
/** A credential, or how to get one: asked before each connection, so it may change. */
export type TokenSource = Token | (() => Token | Promise<Token>);

export interface ClientApi {
  readonly state: ClientState;
  /** When the present state began, in ms of the epoch. */
  readonly since: number;
  /** Why the connection was lost or closed, in words; null while all is well. */
  readonly reason: string | null;
  /** When the next try is due, in ms of the epoch; null while none is. */
  readonly retryAt: number | null;
  /** The gateway refused our credential: `setToken` and `connect` again. */
  readonly unauthorized: boolean;
  readonly node: string | null;
  readonly session: string | null;
  readonly limits: Limits | null;
  /** The owner's running answers by `gen`, as far as the gateway has told; a reloaded page finds its own there. */
  readonly active: ReadonlyMap<string, ActiveInfo>;

  on(listener: Listener<ClientEvent>): () => void;
  on<T extends ClientEvent['type']>(type: T, listener: Listener<Extract<ClientEvent, { type: T }>>): () => void;

  connect(): void;
  /** Leaves for good. Generations go on; their streams finish as `detached`. */
  close(): void;
  /** The credential from now on; an open connection is told, and stays. */
  setToken(token: TokenSource): void;
  /** Asks the token function anew and tells the open connection, before the old credential runs out. */
  refreshToken(): Promise<void>;

  /** Asks. The stream exists at once; it is sent when there is a connection, and again after a break. */
  send(request: SendRequest, options?: StreamOptions): StreamHandle;
  /** Follows a generation that exists, from its beginning or from what was kept of it. */
  resume(gen: string, options?: ResumeOptions): StreamHandle;
  /** The stream of `gen`, while it is not finished. */
  stream(gen: string): StreamHandle | undefined;
  /** Stops a generation, followed or not. */
  cancel(gen: string): void;
  /** Stops following; the generation goes on and the stream finishes as `detached`. */
  unfollow(gen: string): void;

  /** Something says the network may be back or another, or time has passed unseen: look at once. */
  wake(networkChanged?: boolean): void;
  /** Something says the network is gone. */
  lost(): void;
}
