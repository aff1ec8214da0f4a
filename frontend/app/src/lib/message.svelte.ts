/**
 * One message of a conversation as the page shows it. Text that streams is not kept here but read from its stream,
 * so that no token passes through the framework; only what changes rarely is reactive.
 */
import { crc32c, crcHex, type StreamEvent, type StreamHandle, type StreamResult } from '@lastword/client';
import type { HistoryMessage } from './api.ts';
import { clock, rewindWords, startWords } from './words.ts';

export interface Trouble {
  code: string;
  message: string;
}

const bytes = (text: string) => new TextEncoder().encode(text);

export class Message {
  /** Stays the same when the gateway's id replaces our own. */
  readonly key: string;
  readonly role: 'user' | 'assistant';
  id = $state('');
  parent = $state<string | null>(null);
  gen = $state<string | null>(null);
  state = $state<string>('complete');
  model = $state<string | null>(null);
  text = $state('');
  reasoning = $state('');
  crc = $state<string | null>(null);
  verified = $state(false);
  resumes = $state(0);
  status = $state<string | null>(null);
  trouble = $state<Trouble | null>(null);
  firstTokenMs = $state<number | null>(null);
  tokens = $state<number | null>(null);
  totalMs = $state<number | null>(null);
  promptTokens = $state<number | null>(null);
  /** Bytes of all parts, as the checksum has them. */
  size = $state(0);
  /** Text that had been shown was taken back. */
  retracted = $state(false);
  takenOver = $state(false);
  /** What it went through while it was followed here, in words, with the time. */
  journey = $state.raw<string[]>([]);
  /** Refused for now: when it may be asked again, in ms of the epoch. */
  until = $state<number | null>(null);
  /** When it was asked or taken up here. */
  since = $state(0);
  #epoch = 1;
  persisted = $state(true);
  /** Set while it is followed here. */
  stream = $state.raw<StreamHandle | null>(null);
  /** Not known to the gateway: asked for here, and refused or not answered yet. */
  local = $state(false);

  constructor(role: 'user' | 'assistant', id: string) {
    this.role = role;
    this.id = id;
    this.key = id;
  }

  get running(): boolean {
    return this.state === 'running' || this.state === 'queued';
  }

  /** Asked, and the gateway does not know of it yet. */
  get waiting(): boolean {
    return this.local && this.running;
  }

  /** All text for copying and editing. */
  get whole(): string {
    return this.stream?.text ?? this.text;
  }

  /** Takes over what history says; a followed stream knows better about its text. */
  absorb(from: HistoryMessage): void {
    this.id = from.id;
    this.parent = from.parent;
    this.gen = from.gen ?? null;
    this.model = from.model ?? this.model;
    this.local = false;
    if (this.stream) return;
    this.state = from.state ?? 'complete';
    this.#split(from);
    this.crc = from.crc ?? null;
    const all = bytes(from.text);
    this.size = all.length;
    this.verified = this.crc !== null && crcHex(crc32c(all)) === this.crc;
    if (from.error) this.trouble = from.error;
    this.#count(from.usage, from.timing);
  }

  #split(from: HistoryMessage): void {
    if (!from.parts?.some(([part]) => part === 'reasoning')) {
      this.text = from.text;
      this.reasoning = '';
      return;
    }
    const all = bytes(from.text);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const of = (name: string) =>
      from
        .parts!.filter(([part]) => part === name)
        .map(([, off, len]) => decoder.decode(all.subarray(off, off + len)))
        .join('');
    this.text = of('text');
    this.reasoning = of('reasoning');
  }

  #count(usage: HistoryMessage['usage'], timing: HistoryMessage['timing']): void {
    this.tokens = usage?.completion_tokens ?? this.tokens;
    this.promptTokens = usage?.prompt_tokens ?? this.promptTokens;
    this.firstTokenMs = timing?.ttft_ms ?? this.firstTokenMs;
    this.totalMs = timing?.total_ms ?? this.totalMs;
  }

  /** Follows `stream` until it ends; `changed` is called when it is accepted and when it ends. */
  follow(stream: StreamHandle, changed: (event: StreamEvent) => void): void {
    this.stream = stream;
    this.gen = stream.gen;
    this.state = 'running';
    this.trouble = null;
    this.until = null;
    this.since = Date.now();
    const began = performance.now();
    stream.on((event) => {
      if (event.type === 'text') this.#onText(event.part, stream.resumes, began);
      else if (event.type === 'start') this.#onStart(event.model, event.mode, event.epoch);
      else if (event.type === 'rewind') this.#onRewind(event.reason);
      else if (event.type === 'status') this.status = event.state;
      else if (event.type === 'live') this.status = null;
      else if (event.type === 'resuming' || event.type === 'interrupted') this.#onBreak(event.type, stream.resumes);
      else if (event.type === 'error') this.trouble = event.error;
      else if (event.type === 'done') this.#onDone(event.result, stream);
      if (event.type === 'accepted' || event.type === 'done') changed(event);
    });
    if (stream.result) this.#onDone(stream.result, stream);
  }

  #onText(part: string, resumes: number, began: number): void {
    if (this.status !== null) this.status = null;
    if (this.firstTokenMs === null && resumes === 0) this.firstTokenMs = Math.round(performance.now() - began);
    if (part === 'reasoning' && this.reasoning === '') this.reasoning = '…';
    this.resumes = resumes;
  }

  #onStart(model: string, mode: string, epoch: number): void {
    const takenOver = epoch > this.#epoch;
    const words = startWords(mode, takenOver);
    this.#epoch = Math.max(epoch, this.#epoch);
    if (takenOver) this.takenOver = true;
    if (words) this.#tell(words);
    this.state = 'running';
    this.status = mode === 'fresh' ? null : mode;
    if (model) this.model = model;
  }

  #onRewind(reason: string): void {
    if (reason === 'retracted') this.retracted = true;
    this.#tell(rewindWords(reason));
  }

  #onBreak(type: string, resumes: number): void {
    this.resumes = resumes;
    if (type === 'interrupted' && !this.local) this.#tell('The connection was lost');
  }

  #tell(words: string): void {
    this.journey = [...this.journey, `${clock(Date.now())}  ${words}`];
  }

  #onDone(result: StreamResult, stream: StreamHandle): void {
    this.text = stream.text;
    this.reasoning = stream.reasoning;
    this.stream = null;
    this.state = result.state;
    this.status = null;
    this.crc = result.crc;
    this.verified = result.verified;
    this.resumes = stream.resumes;
    this.persisted = result.persisted;
    this.size = result.off;
    this.#count(result.usage, result.timing);
    if (result.error) {
      const { code, message, after_ms } = result.error;
      this.trouble = { code, message };
      this.until = after_ms ? Date.now() + after_ms : null;
    }
  }
}
