/**
 * One generation on the connection of this thread: what is sent for it, and what comes.
 *
 *     Client --frames--> Stream --verdicts of cursor.ts--> events of handle.ts
 *            <--send, resume, ack, cancel--
 *
 * It outlives sockets: the client hands it whichever connection there is and asks it, on each new one, how it
 * wants to take up again. An abort is a cancel; losing a connection never is.
 */
import { Cursor, type Verdict } from './cursor.js';
import { StreamHandle, type EndState, type ResumeOptions, type StreamError, type TextPart } from './handle.js';
import type { DoneFrame, ErrorFrame, Frame, Position, SendRequest } from './wire.js';

/** How long the answer to a resume may take on an open connection before it is asked for again. */
const RESUME_OVERDUE_MS = 30_000;

/** What a stream asks of its client. */
export interface Outlet {
  /** Sends now; false if there is no open connection. */
  post(frame: Frame): boolean;
  /** The stream is finished: forget it. */
  release(gen: string): void;
}

export class Stream extends StreamHandle {
  readonly #outlet: Outlet;
  readonly #cursor: Cursor;
  readonly #request: Frame | null;
  #accepted: boolean;
  #asked = false;
  #cancelled = false;
  #overdue: ReturnType<typeof setTimeout> | undefined;

  constructor(outlet: Outlet, gen: string, request: SendRequest | null, options: ResumeOptions = {}) {
    super(gen);
    this.#outlet = outlet;
    this.chat = request?.chat ?? null;
    this.#cursor = new Cursor(gen, options.from);
    this.#request = request ? { ...request, type: 'send', gen } : null;
    this.#accepted = request === null;
    this.obeySignal(options.signal);
  }

  get text(): string {
    return this.#cursor.ledger.text;
  }
  get reasoning(): string {
    return this.#cursor.ledger.reasoning;
  }
  get parts(): TextPart[] {
    return this.#cursor.ledger.parts();
  }
  get accepted(): boolean {
    return this.#accepted;
  }

  cursor(): Position {
    return this.#cursor.position();
  }

  cancel(): void {
    if (this.result || this.#cancelled) return;
    this.#cancelled = true;
    if (this.#request && !this.#asked) this.#end('cancelled', null);
    else this.#outlet.post({ type: 'cancel', gen: this.gen });
  }

  // ---- for the client ----

  /** What is asked, while it has not been accepted. */
  get pending(): Frame | null {
    return this.#accepted ? null : this.#request;
  }

  /** A resume from where this reader stands, for `hello`. */
  resumeFrame(): Position {
    if (this.#asked || this.#request === null) this.resumes++;
    this.#asked = true;
    this.#watch(RESUME_OVERDUE_MS);
    return this.#cursor.resume();
  }

  /** What to send on a connection that is open. `resumed`: its hello carried our resume already. */
  open(resumed: boolean): void {
    if (this.result) return;
    if (!this.#accepted) {
      this.#asked = true;
      this.#outlet.post(this.#request!);
    } else if (!resumed) {
      this.#outlet.post({ type: 'resume', ...this.resumeFrame() });
    }
    if (this.#cancelled) this.#outlet.post({ type: 'cancel', gen: this.gen });
  }

  interrupted(): void {
    clearTimeout(this.#overdue);
    this.#cursor.abandon();
    if (!this.result) this.emit({ type: 'interrupted' });
  }

  /** The client is closed for good. */
  detach(error: StreamError | null): void {
    this.#end('detached', error);
  }

  /** Refused here, before anything was sent. */
  refuse(error: StreamError): void {
    this.#end('refused', error);
  }

  deliver(frame: Frame): void {
    if (this.result) return;
    switch (frame.type) {
      case 'accepted':
        return this.#onAccepted(frame);
      case 'start':
        return this.#onStart(frame);
      case 'status':
        return this.emit({
          type: 'status',
          state: String(frame.state),
          idle_ms: typeof frame.idle_ms === 'number' ? frame.idle_ms : null,
        });
      case 'error':
        return this.#onError(frame as unknown as ErrorFrame);
      default:
        return this.#obey(this.#cursor.take(frame));
    }
  }

  // ---- inside ----

  #onAccepted(frame: Frame): void {
    this.#accepted = true;
    this.message = String(frame.message);
    this.parent = String(frame.parent);
    this.emit({ type: 'accepted', message: this.message, parent: this.parent });
  }

  #onStart(frame: Frame): void {
    this.model = String(frame.model ?? '') || this.model;
    this.emit({
      type: 'start',
      epoch: Number(frame.epoch),
      model: String(frame.model ?? ''),
      mode: String(frame.mode ?? ''),
      off: Number(frame.off),
    });
    this.#obey(this.#cursor.take(frame));
  }

  /** After `accepted` only two errors end it; another one, while a resume is out, says when to ask again. */
  #onError(frame: ErrorFrame): void {
    const { type: _, gen: _gen, ...error } = frame;
    if (!this.#accepted) return this.#end('refused', error);
    if (error.code === 'NOT_FOUND' || error.code === 'RESUME_GONE') return this.#end('gone', error);
    this.emit({ type: 'error', error });
    if (this.#cursor.awaiting && error.after_ms !== undefined) this.#watch(error.after_ms);
  }

  #obey(verdict: Verdict): void {
    if (!this.#cursor.awaiting) clearTimeout(this.#overdue);
    switch (verdict.do) {
      case 'append':
        this.emit({ type: 'text', text: verdict.text, part: verdict.part, off: verdict.off });
        return this.#acknowledge(false);
      case 'rewind':
        return this.#emitRewind(verdict.off, verdict.reason);
      case 'resume':
        return this.#resume(verdict.position, verdict.emptied, verdict.why);
      case 'tell':
        this.#outlet.post({ type: 'unfollow', gen: this.gen });
        return this.#end('mismatch', { code: 'MISMATCH', message: `The text could not be verified: ${verdict.why}.` });
      case 'live':
        return this.emit({ type: 'live', off: verdict.off });
      case 'done':
        return this.#onDone(verdict.frame);
    }
  }

  #resume(position: Position, emptied: boolean, why: string): void {
    this.resumes++;
    if (emptied) this.#emitRewind(0, 'diverged');
    this.emit({ type: 'resuming', off: position.off, why });
    this.#watch(RESUME_OVERDUE_MS);
    this.#outlet.post({ type: 'resume', ...position });
  }

  #onDone(frame: DoneFrame): void {
    this.#acknowledge(true);
    this.#end(frame.state, frame.error ?? null, frame);
  }

  #acknowledge(always: boolean): void {
    const off = this.#cursor.ack(always);
    if (off !== null) this.#outlet.post({ type: 'ack', gen: this.gen, off });
  }

  /** A resume nobody answers proves nothing about the text, so it is no failure: it is sent again. */
  #watch(ms: number): void {
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => {
      if (this.result || !this.#cursor.awaiting) return;
      this.#resume(this.#cursor.resume(), false, 'a resume was not answered');
    }, ms);
  }

  #emitRewind(off: number, reason: string): void {
    this.emit({ type: 'rewind', off, reason, text: this.text.length, reasoning: this.reasoning.length });
  }

  #end(state: EndState, error: StreamError | null, frame?: DoneFrame): void {
    if (this.result) return;
    clearTimeout(this.#overdue);
    const { off, crc } = this.cursor();
    this.#outlet.release(this.gen);
    this.settle({
      gen: this.gen,
      state,
      verified: frame !== undefined,
      off,
      crc,
      usage: frame?.usage ?? null,
      timing: frame?.timing ?? null,
      persisted: frame?.persisted === true,
      error,
    });
  }
}
