/**
 * A stream whose connection lives in a Worker, as the page holds it: a mirror of the text, kept by the same events its
 * listeners get. It checks nothing; the Worker has, and says so in `done`.
 */
import { StreamHandle, type ResumeOptions, type StreamEvent, type TextPart } from '../handle.js';
import { Parts } from '../parts.js';
import type { Position } from '../wire.js';
import type { StreamFacts } from './messages.js';

export class RemoteStream extends StreamHandle {
  readonly #cancel: (stream: RemoteStream) => void;
  readonly #parts = new Parts();
  #accepted: boolean;
  #cancelled = false;
  #at: Position;

  /** `cancel` tells the Worker. `asked`: it is a send, not a resume. */
  constructor(gen: string, chat: string | null, asked: boolean, cancel: () => void, options: ResumeOptions = {}) {
    super(gen);
    this.chat = chat;
    this.#accepted = !asked;
    this.#at = { gen, epoch: options.from?.epoch ?? 1, off: 0, crc: '00000000' };
    this.#cancel = cancel;
  }

  get text(): string {
    return this.#parts.whole.text;
  }
  get reasoning(): string {
    return this.#parts.whole.reasoning;
  }
  get parts(): TextPart[] {
    return this.#parts.list.map((part) => ({ ...part }));
  }
  get accepted(): boolean {
    return this.#accepted;
  }

  cursor(): Position {
    return { ...this.#at };
  }

  cancel(): void {
    if (this.result || this.#cancelled) return;
    this.#cancelled = true;
    this.#cancel(this);
  }

  // ---- for the remote client ----

  /** After the Worker has been told of it, so that a cancel does not overtake it. */
  begin(signal: AbortSignal | undefined): void {
    this.obeySignal(signal);
  }

  apply(facts: StreamFacts, events: StreamEvent[]): void {
    const { chat, message, parent, model, accepted, resumes, at } = facts;
    this.chat = chat ?? this.chat;
    Object.assign(this, { message, parent, model, resumes });
    this.#accepted = accepted;
    this.#at = at;
    for (const event of events) this.#take(event);
  }

  /** The text will come again from its beginning. */
  restart(): void {
    this.#parts.cut(0, 0);
    this.emit({ type: 'rewind', off: 0, reason: 'diverged', text: 0, reasoning: 0 });
  }

  /** The client was closed here. */
  detach(): void {
    const { gen, off, crc } = this.#at;
    const nothing = { usage: null, timing: null, persisted: false, error: null };
    if (!this.result) this.settle({ gen, state: 'detached', verified: false, off, crc, ...nothing });
  }

  #take(event: StreamEvent): void {
    if (this.result) return;
    if (event.type === 'done') return this.settle(event.result);
    if (event.type === 'text') this.#parts.append(event.part, event.text);
    else if (event.type === 'rewind') this.#parts.cut(event.text, event.reasoning);
    this.emit(event);
  }
}
