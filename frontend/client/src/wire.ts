/**
 * The messages of `lastword.v1.json`, as types, and the meaning of close codes.
 *
 * Nothing here has state. `parseFrame` is the only door for what a gateway says: it lets through objects with
 * a string `type` and leaves the fields to those who use them, because unknown fields and types are to be ignored.
 */
export const SUBPROTOCOL = 'lastword.v1.json';

export type Part = 'text' | 'reasoning';
export type RunState = 'queued' | 'running';
export type DoneState = 'complete' | 'length' | 'filtered' | 'cancelled' | 'truncated' | 'error';
export type StatusState = 'queued' | 'stalled' | 'retrying' | 'taking_over';
export type Retry = 'now' | 'backoff' | 'never';
export type Mark = [off: number, crc: string];

/** Where a reader stands: everything before `off`, proved by `crc`. */
export interface Position {
  gen: string;
  epoch: number;
  off: number;
  crc: string;
  marks?: Mark[];
}

export interface Params {
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string | string[];
  system?: string;
}

export interface SendRequest {
  /** The conversation; made on first use. */
  chat: string;
  /** The user's text; null answers the user message `parent` again. */
  input: string | null;
  /** Absent: the newest message. null: the root. */
  parent?: string | null;
  model?: string;
  params?: Params;
  on_disconnect?: 'continue' | 'cancel';
  if_busy?: 'reject' | 'queue' | 'interrupt';
  /** Minted if absent. A repeated `gen` never runs twice. */
  gen?: string;
}

export interface Usage {
  prompt_tokens?: number | null;
  completion_tokens?: number | null;
}
export interface Timing {
  ttft_ms?: number | null;
  total_ms?: number | null;
}
export interface WireError {
  code: string;
  message: string;
}
export interface ActiveInfo {
  gen: string;
  chat: string;
  state: RunState | DoneState;
  off: number;
}
export interface Limits {
  message: number;
  prompt: number;
  disconnect_ms: number;
}
export interface WelcomeFrame {
  type: 'welcome';
  session: string;
  node: string;
  ping_ms: number;
  limits: Limits;
  active: ActiveInfo[];
}
export interface DeltaFrame {
  type: 'delta';
  gen: string;
  epoch: number;
  seq: number;
  off: number;
  text: string;
  crc: string;
  part?: Part;
}
export interface RewindFrame {
  type: 'rewind';
  gen: string;
  epoch: number;
  off: number;
  crc: string;
  reason: string;
}
export interface DoneFrame {
  type: 'done';
  gen: string;
  epoch: number;
  off: number;
  crc: string;
  state: DoneState;
  usage?: Usage | null;
  timing?: Timing | null;
  persisted?: boolean;
  error?: WireError;
}
export interface ErrorFrame {
  type: 'error';
  code: string;
  message: string;
  gen?: string;
  retry?: Retry;
  after_ms?: number;
}

/** What came, before anyone has looked closer. */
export type Frame = { type: string } & Record<string, unknown>;

/** One message of the socket as a frame; null when it is not an object with a `type`. */
export function parseFrame(data: unknown): Frame | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return typeof (value as Frame).type === 'string' ? (value as Frame) : null;
  } catch {
    return null;
  }
}

/** What a close code asks of a client: come back, or stay away until someone decides otherwise. */
export function comesBack(code: number): boolean {
  const away = (code >= 1007 && code <= 1010) || (code >= 4500 && code < 4600) || code === 1002 || code === 1003;
  return !away;
}

const REASONS: Record<number, string> = {
  1001: 'the gateway is going away',
  1009: 'a message was too large',
  4001: 'the gateway is leaving',
  4002: 'the gateway is overloaded',
  4003: 'this reader was too slow',
  4004: 'no sign of life',
  4005: 'the credential expired',
  4006: 'the gateway asks to start anew',
  4500: 'a message was not understood',
  4501: 'the credential is not valid',
  4503: 'this is not allowed',
  4505: 'a limit was reached',
  4506: 'the connection did not begin with hello',
};

/** A close code in words, for people. */
export function closeReason(code: number): string {
  return REASONS[code] ?? (comesBack(code) ? 'the connection was lost' : `the gateway closed with ${code}`);
}
