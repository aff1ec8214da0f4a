/** The client of `lastword.v1.json`. See README.md for use, the repository's PROTOCOL.md for the contract. */
export { Client } from './client.js';
export type { ClientOptions } from './client.js';
export type { ClientApi, ClientEvent, ClientState, Token, TokenSource } from './api.js';
export { Stream } from './stream.js';
export { StreamHandle } from './handle.js';
export type {
  EndState,
  ResumeOptions,
  Snapshot,
  StreamError,
  StreamEvent,
  StreamOptions,
  StreamResult,
  TextPart,
} from './handle.js';
export type { SocketClass, SocketLike } from './link.js';
export { Cursor } from './cursor.js';
export type { Verdict } from './cursor.js';
export { crc32c, crcHex } from './crc32c.js';
export { uuid } from './ids.js';
export { SUBPROTOCOL, comesBack, closeReason } from './wire.js';
export type {
  ActiveInfo,
  DoneState,
  Limits,
  Mark,
  Params,
  Part,
  Position,
  Retry,
  RunState,
  SendRequest,
  Timing,
  Usage,
  WelcomeFrame,
} from './wire.js';
