/**
 * What a client says, made fit to be said: hello within its room, requests without what JSON lets through and the
 * gateway would refuse. Pure.
 */
import type { StreamError } from './handle.js';
import type { Stream } from './stream.js';
import type { Frame, Limits, Position, SendRequest } from './wire.js';

/** Most of `hello` (32 KiB) that is used, and the room one resume may need. */
const HELLO_BYTES = 31 * 1024;
const RESUME_BYTES = 2048;

const encoder = new TextEncoder();
export const bytesOf = (text: string): number => encoder.encode(text).length;

/** Puts the resumes of `streams` into `hello`, as many as fit; their gens. The others follow after `welcome`. */
export function addResumes(hello: Frame, streams: Iterable<Stream>): Set<string> {
  const within = new Set<string>();
  const resume: Position[] = [];
  let room = HELLO_BYTES - bytesOf(JSON.stringify(hello));
  for (const stream of streams) {
    if (stream.pending || room < RESUME_BYTES) continue;
    const position = stream.resumeFrame();
    room -= JSON.stringify(position).length + 1;
    resume.push(position);
    within.add(stream.gen);
  }
  if (resume.length > 0) hello.resume = resume;
  return within;
}

/** A copy of its own, which is what is repeated after a break: ids in lower case, no lone surrogates. */
export function cleanRequest(request: SendRequest, gen: string): SendRequest {
  const copy = JSON.parse(JSON.stringify(request), (_, value: unknown) =>
    typeof value === 'string' ? wellFormed(value) : value,
  ) as SendRequest;
  copy.gen = gen;
  copy.chat = copy.chat.toLowerCase();
  if (copy.parent) copy.parent = copy.parent.toLowerCase();
  return copy;
}

/** Lone surrogates have no UTF-8; the gateway would refuse them. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Why the gateway would close the connection over this request, if it would. */
export function tooLarge(request: Frame, limits: Limits | null): StreamError | null {
  if (!limits) return null;
  const input = bytesOf(String(request.input ?? ''));
  if (input <= limits.prompt && bytesOf(JSON.stringify(request)) <= limits.message) return null;
  return {
    code: 'TOO_LARGE',
    message: `The message is ${input} bytes; the gateway takes ${limits.prompt}.`,
    retry: 'never',
  };
}
