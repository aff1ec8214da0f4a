/**
 * The open conversation: its messages as a tree, the branch that is shown, and what can be done to it.
 *
 *     history (GET) --+
 *     our own sends --+--> messages --branch choices--> path, what the page shows
 *     active (other tabs, reload) --> resume --+
 *
 * It talks to one Client and never to a socket. An answer that runs, wherever it was begun, is followed.
 */
import { uuid, type ActiveInfo, type Client, type Params, type Stream, type StreamEvent } from '@lastword/client';
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, readConversation } from './api.ts';
import { Message } from './message.svelte.ts';
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
    private readonly client: Client,
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
  }

  /** Asks with new text after `parent`; absent, after the end of what is shown. */
  send(input: string, ask: Ask, parent: string | null = this.#lastId()): void {
    this.#forget(parent);
    const user = new Message('user', uuid());
    user.text = input;
    user.parent = parent;
    user.local = true;
    this.messages.push(user);
    this.show(user);
    this.#begin(user, input, ask);
  }

  /** Answers the user message `user` once more, beside the answers it has. */
  regenerate(user: Message, ask: Ask): void {
    if (user.local) return this.send(user.text, ask, user.parent);
    this.#begin(user, null, ask);
  }

  stop(): void {
    this.running?.stream?.cancel();
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

  #begin(user: Message, input: string | null, ask: Ask): void {
    const answer = new Message('assistant', uuid());
    answer.parent = user.id;
    answer.local = true;
    this.messages.push(answer);
    this.show(answer);
    const stream = this.client.send({
      chat: this.id,
      input,
      parent: input === null ? user.id : user.parent,
      ...(ask.model ? { model: ask.model } : {}),
      ...(Object.keys(ask.params).length > 0 ? { params: ask.params } : {}),
    });
    this.#follow(answer, stream, user);
  }

  #follow(answer: Message, stream: Stream, user: Message | null): void {
    answer.follow(stream, (event) => this.#onEvent(event, answer, user));
  }

  #onEvent(event: StreamEvent, answer: Message, user: Message | null): void {
    if (event.type === 'accepted') this.#accepted(event.message, event.parent, answer, user);
    else if (event.type === 'done' && event.result.state === 'gone') void this.load();
    this.touched();
  }

  #accepted(id: string, parent: string, answer: Message, user: Message | null): void {
    if (user) {
      user.id = parent;
      user.local = false;
    }
    answer.id = id;
    answer.parent = parent;
    answer.local = false;
    this.show(answer);
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
    const gone = new Set(this.messages.filter((m) => m.local && m.role === 'user' && m.parent === parent).map((m) => m.id));
    this.messages = this.messages.filter((m) => !gone.has(m.id) && !(m.parent && gone.has(m.parent)));
  }
}

function isOver(state: string): boolean {
  return state !== 'running' && state !== 'queued';
}
