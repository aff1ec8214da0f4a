/**
 * The open conversation: its messages as a tree, the branch that is shown, and what can be done to it.
 *
 *     history (GET) --+
 *     our own sends --+--> messages --branch choices--> path, what the page shows
 *     active (other tabs, reload) --> resume --+
 *
 * It talks to one Client and never to a socket. An answer that runs, wherever it was begun, is followed.
 */
import { uuid, type ActiveInfo, type ClientApi, type Params, type StreamHandle, type StreamEvent } from '@lastword/client';
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, readConversation } from './api.ts';
import { Message } from './message.svelte.ts';
import { recall, remember } from './places.ts';
import { dropUnsent, keepUnsent, unsent, type Unsent } from './unsent.ts';
import { nameOf } from './words.ts';

const ROOT = 'root';

export interface Ask {
  model: string | null;
  params: Params;
}

export class Chat {
  readonly id: string;
  title = $state<string | null>(null);
  messages = $state<Message[]>([]);
  loading = $state(false);
  problem = $state<string | null>(null);
  /** For each parent, which of its children is shown; absent: the newest. */
  #choice = new SvelteMap<string, string>();

  constructor(
    private readonly client: ClientApi,
    /** Something the list of conversations shows has changed. */
    private readonly touched: () => void,
    id: string = uuid(),
  ) {
    this.id = id;
  }

  /** From the first message to the last, along the chosen branch. */
  path = $derived.by(() => {
    const children = new Map<string, Message[]>();
    for (const m of this.messages) {
      const list = children.get(m.parent ?? ROOT);
      if (list) list.push(m);
      else children.set(m.parent ?? ROOT, [m]);
    }
    const out: Array<{ message: Message; siblings: Message[]; index: number }> = [];
    for (let at = ROOT; out.length <= this.messages.length; ) {
      const siblings = children.get(at);
      if (!siblings) break;
      const chosen = this.#choice.get(at);
      const found = siblings.findIndex((m) => m.key === chosen);
      const index = found < 0 ? siblings.length - 1 : found;
      out.push({ message: siblings[index]!, siblings, index });
      at = siblings[index]!.id;
    }
    return out;
  });

  name = $derived(this.messages.length > 0 ? nameOf(this.title, this.path[0]?.message.text) : null);

  /** What the answers shown have cost, as far as it is known. */
  totals = $derived.by(() => {
    const answers = this.path.map(({ message }) => message).filter((m) => m.role === 'assistant' && m.tokens !== null);
    const sum = (of: (m: Message) => number | null) => answers.reduce((all, m) => all + (of(m) ?? 0), 0);
    return { answers: answers.length, tokens: sum((m) => m.tokens), promptTokens: sum((m) => m.promptTokens) };
  });

  running = $derived(this.path.find(({ message }) => message.running)?.message ?? null);

  show(message: Message): void {
    this.#choice.set(message.parent ?? ROOT, message.key);
  }

  /** Reads the conversation from history. A chat nobody knows is a new one. */
  async load(): Promise<void> {
    this.loading = this.messages.length === 0;
    this.problem = null;
    try {
      const found = await readConversation(this.id);
      this.title = found.title;
      this.#absorb(found.messages);
    } catch (e) {
      if (!(e instanceof ApiError) || e.status !== 404) this.problem = (e as Error).message;
    } finally {
      this.loading = false;
    }
    this.#restore();
  }

  /** Asks with new text after `parent`; absent, after the end of what is shown, be that still unsent. */
  send(input: string, ask: Ask, parent?: string | null): void {
    const last = this.path.at(-1)?.message;
    const behind = parent === undefined && last?.waiting ? last : null;
    const after = behind ? behind.id : parent === undefined ? this.#lastId() : parent;
    if (!behind) this.#forget(after);
    const user = this.#ask(input, after);
    this.#begin(user, { ...this.#request(input, ask), ...(behind ? { if_busy: 'queue' } : { parent: after }) });
  }

  /** Answers the user message `user` once more, beside the answers it has. */
  regenerate(user: Message, ask: Ask): void {
    if (user.local) return this.send(user.text, ask, user.parent);
    this.#begin(user, { ...this.#request(null, ask), parent: user.id });
  }

  stop(): void {
    this.running?.stream?.cancel();
  }

  /** Takes back an answer that was not sent yet, with its question; the question's text. */
  takeBack(answer: Message): string {
    const user = this.messages.find((m) => m.id === answer.parent);
    answer.stream?.cancel();
    if (answer.gen) dropUnsent(answer.gen);
    const fresh = user?.local === true;
    for (const m of this.messages) if (m.parent === answer.id) m.parent = user?.parent ?? null;
    this.messages = this.messages.filter((m) => m !== answer && !(fresh && m === user));
    return fresh ? user.text : '';
  }

  /** Generations of the owner that began, ran, or ended somewhere. */
  async onActive(info: ActiveInfo): Promise<void> {
    if (info.chat !== this.id) return;
    const known = this.messages.find((m) => m.gen === info.gen);
    if (known?.stream || (known && !known.running && isOver(info.state))) return;
    await this.load();
    const now = this.messages.find((m) => m.gen === info.gen);
    if (!now && !isOver(info.state)) this.#adopt(info.gen);
  }

  #ask(input: string, parent: string | null): Message {
    const user = new Message('user', uuid());
    user.text = input;
    user.parent = parent;
    user.local = true;
    this.messages.push(user);
    this.show(user);
    return user;
  }

  #request(input: string | null, ask: Ask): Unsent {
    return {
      gen: uuid(),
      chat: this.id,
      input,
      ...(ask.model ? { model: ask.model } : {}),
      ...(Object.keys(ask.params).length > 0 ? { params: ask.params } : {}),
    };
  }

  #begin(user: Message, request: Unsent): void {
    const answer = new Message('assistant', uuid());
    answer.parent = user.id;
    answer.local = true;
    this.messages.push(answer);
    this.show(answer);
    keepUnsent(request);
    this.#follow(answer, this.client.send(request), user);
  }

  /** What was asked here before a reload and never acknowledged; it follows what it followed then. */
  #restore(): void {
    for (const request of unsent()) {
      if (request.chat !== this.id) continue;
      const known = this.messages.find((m) => m.gen === request.gen);
      if (known && !known.local) dropUnsent(request.gen);
      if (known) continue;
      const last = this.path.at(-1)?.message.id ?? null;
      if (request.input !== null) {
        this.#begin(this.#ask(request.input, request.parent === undefined ? last : request.parent), request);
        continue;
      }
      const user = this.messages.find((m) => m.id === request.parent);
      if (user) this.#begin(user, request);
      else dropUnsent(request.gen);
    }
  }

  #follow(answer: Message, stream: StreamHandle, user: Message | null): void {
    answer.follow(stream, (event) => this.#onEvent(event, answer, user));
  }

  #onEvent(event: StreamEvent, answer: Message, user: Message | null): void {
    if (event.type === 'accepted') this.#accepted(event.message, event.parent, answer, user);
    else if (event.type === 'done') this.#ended(event.result.state, answer, user);
    if (answer.gen && answer.state !== 'detached') dropUnsent(answer.gen);
    this.touched();
  }

  #ended(state: string, answer: Message, user: Message | null): void {
    if (state === 'gone') void this.load();
    const key = `draft.${this.id}`;
    if (state === 'refused' && user?.local && answer.local && !recall(key)) remember(key, user.text);
  }

  #accepted(id: string, parent: string, answer: Message, user: Message | null): void {
    for (const m of this.messages) if (m.parent === answer.id) m.parent = id; // asked behind it
    this.#keepShown(answer.id, id);
    if (user) {
      this.#keepShown(user.id, parent);
      user.id = parent;
      user.local = false;
    }
    answer.id = id;
    answer.parent = parent;
    answer.local = false;
    this.show(answer);
  }

  /** Which child is shown, under the id that the gateway gave the parent. */
  #keepShown(from: string, to: string): void {
    const chosen = this.#choice.get(from);
    if (chosen) this.#choice.set(to, chosen);
  }

  #absorb(history: Awaited<ReturnType<typeof readConversation>>['messages']): void {
    const byId = new Map(this.messages.map((m) => [m.id, m]));
    const byGen = new Map(this.messages.filter((m) => m.gen).map((m) => [m.gen, m]));
    const added: Message[] = [];
    for (const item of history) {
      const known = byId.get(item.id) ?? (item.gen ? byGen.get(item.gen) : undefined);
      const message = known ?? new Message(item.role, item.id);
      message.absorb(item);
      if (!known) added.push(message);
      if (message.running && !message.stream && item.gen) this.#follow(message, this.client.resume(item.gen), null);
    }
    if (added.length > 0) this.messages.push(...added);
  }

  /** A running generation that history does not list yet. */
  #adopt(gen: string): void {
    const parent = this.messages.findLast((m) => m.role === 'user');
    const answer = new Message('assistant', uuid());
    answer.parent = parent?.id ?? null;
    this.messages.push(answer);
    this.#follow(answer, this.client.resume(gen), null);
  }

  #lastId(): string | null {
    return this.path.findLast(({ message }) => !message.local)?.message.id ?? null;
  }

  /** Drops what was refused under `parent`, now that it is asked again. */
  #forget(parent: string | null): void {
    const waits = new Set(this.messages.filter((m) => m.waiting).map((m) => m.parent));
    const refused = this.messages.filter((m) => m.local && m.role === 'user' && m.parent === parent && !waits.has(m.id));
    const gone = new Set(refused.map((m) => m.id));
    this.messages = this.messages.filter((m) => !gone.has(m.id) && !(m.parent && gone.has(m.parent)));
  }
}

function isOver(state: string): boolean {
  return state !== 'running' && state !== 'queued';
}
