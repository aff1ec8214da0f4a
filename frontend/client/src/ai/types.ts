/**
 * The shapes of the `ai` package (6 and 7) that the transport meets, so that nothing of it has to be installed. A test
 * holds the transport against the real ChatTransport of both.
 */
export interface UIPart {
  type: string;
  text?: string;
  data?: unknown;
}

/** What is read of a UIMessage. */
export interface UIMessageLike {
  id: string;
  role: string;
  metadata?: unknown;
  parts: UIPart[];
}

/** What every answer carries as `message.metadata.lastword`. */
export interface AnswerMetadata {
  gen: string;
  chat?: string;
  /** The gateway's ids of this answer and of the user message it follows. */
  message?: string;
  parent?: string;
  model?: string;
  /** From here on when it is over. `verified`: every byte was held against its checksum, to the last. */
  state?: string;
  verified?: boolean;
  off?: number;
  crc?: string;
  usage?: unknown;
  timing?: unknown;
}

/** Of a `data-lastword-rewind` part: what this message had before it is void. */
export interface RewindData {
  off: number;
  reason: string;
}

type Metadata = { lastword: Partial<AnswerMetadata> };

/** The chunks that are made: of both versions of `ai`. */
export type Chunk =
  | { type: 'start'; messageId: string; messageMetadata: Metadata }
  | { type: 'start-step' }
  | { type: 'finish-step' }
  | { type: 'text-start' | 'reasoning-start'; id: string }
  | { type: 'text-delta' | 'reasoning-delta'; id: string; delta: string }
  | { type: 'text-end' | 'reasoning-end'; id: string }
  | { type: 'message-metadata'; messageMetadata: Metadata }
  | { type: `data-${string}`; id?: string; data: unknown; transient?: boolean }
  | { type: 'abort' }
  | { type: 'error'; errorText: string }
  | { type: 'finish'; finishReason: 'stop' | 'length' | 'content-filter' | 'error' | 'other'; messageMetadata: Metadata };
