/**
 * A conversation as `ai` holds it, as the gateway wants to be asked. Pure.
 *
 *     user, assistant (metadata.lastword.message), user   -->   send { parent: that message, input: the last text }
 *
 * What stands before the last user message is named by the newest answer that carries the gateway's id of it, so an
 * edited message and a regenerated answer begin a branch.
 */
import type { AnswerMetadata, UIMessageLike, UIPart } from './types.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `id` if it is a UUID; otherwise the one that stands for it, always the same (version 8, of a 128-bit hash). */
export function chatUuid(id: string): string {
  const lower = id.toLowerCase();
  if (UUID.test(lower)) return lower;
  const hex = hash128(id);
  const variant = ((parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)].join('-');
}

/** Four multiplicative hashes that mix each other; spreads well, and is no secret keeper. */
function hash128(text: string): string {
  const h = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f];
  const primes = [597399067, 2869860233, 951274213, 2716044179];
  const turn = (value: number) => {
    for (let i = 0; i < 4; i++) h[i] = h[(i + 1) & 3]! ^ Math.imul(h[i]! ^ value ^ (h[i]! >>> 15), primes[i]!);
  };
  for (let i = 0; i < text.length; i++) turn(text.charCodeAt(i));
  for (let i = 0; i < 8; i++) turn(text.length + i);
  return h.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** What the gateway said of an answer, if this is one. */
export function metadataOf(message: UIMessageLike): AnswerMetadata | null {
  const { lastword } = (message.metadata ?? {}) as { lastword?: AnswerMetadata };
  return typeof lastword?.gen === 'string' ? lastword : null;
}

/** The text of a user's message; null if it has something else that is to be read, which the gateway does not take. */
export function inputOf(message: UIMessageLike): string | null {
  if (message.parts.some((part) => part.type === 'file')) return null;
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text ?? ''] : [])).join('\n');
}

/**
 * The gateway's id of the answer that the message at `index` follows. null: it is the first message; undefined: nothing
 * before it says, so the newest.
 */
export function parentOf(messages: UIMessageLike[], index: number): string | null | undefined {
  for (let i = index - 1; i >= 0; i--) {
    const id = metadataOf(messages[i]!)?.message;
    if (id) return id;
  }
  return index === 0 ? null : undefined;
}

/** The parts of an answer that stand: what a rewind made void is left out, with the mark itself. */
export function standingParts<PART extends UIPart>(message: { parts: PART[] }): PART[] {
  const last = message.parts.map((part) => part.type).lastIndexOf('data-lastword-rewind');
  return message.parts.slice(last + 1);
}
