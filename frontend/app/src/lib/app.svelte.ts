/**
 * The page's one state: the client and how it stands, the list of conversations, the open chat, the models.
 * Components read it and call its methods; it owns no markup.
 */
import type { ClientApi, ClientEvent, ClientState, Params } from '@lastword/client';
import * as api from './api.ts';
import { Chat } from './chat.svelte.ts';
import { connection } from './connection.ts';
import { copyText } from './copy.ts';
import type { Message } from './message.svelte.ts';
import { readPlace, recall, remember, writePlace } from './places.ts';
import { dropUnsent, unsent } from './unsent.ts';

export class App {
  readonly client: ClientApi;
  connection = $state<ClientState>('idle');
  since = $state(Date.now());
  reason = $state<string | null>(null);
  retryAt = $state<number | null>(null);
  node = $state<string | null>(null);
  needsToken = $state(false);
  /** The credential given last was not accepted. */
  refused = $state(false);
  #tried = false;
  notice = $state<string | null>(null);
  /** How often the connection came back. */
  returns = $state(0);
  /** Said in the status line for a moment: what a click did. */
  said = $state<string | null>(null);
  #silence: ReturnType<typeof setTimeout> | undefined;
  theme = $state(recall('theme') ?? 'auto');

  /** Text for the place where one writes, until it is taken there. */
  given = $state<string | null>(null);

  chat = $state.raw<Chat>(null!);
  heads = $state<api.Head[]>([]);
  next = $state<string | null>(null);
  query = $state('');
  listProblem = $state<string | null>(null);

  models = $state<string[]>([]);
  model = $state<string | null>(null);
  params = $state.raw<Params>(recallParams());
  #refreshing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const place = readPlace();
    api.loadCredential(place.token);
    this.client = connection(() => api.credential());
    this.chat = new Chat(this.client, () => this.#touched(), place.chat ?? undefined);
    if (place.token) writePlace(place.chat, true);
    this.client.on((event) => this.#onClient(event));
  }

  start(): void {
    this.client.connect();
    void this.refresh();
    void this.#loadModels();
    if (readPlace().chat) void this.chat.load();
    this.#sendUnsent();
    addEventListener('hashchange', () => this.#onPlace());
    addEventListener('popstate', () => this.#onPlace());
  }

  newChat(): void {
    if (readPlace().chat === null && this.chat.messages.length === 0) return;
    writePlace(null);
    this.chat = new Chat(this.client, () => this.#touched());
  }

  open(chat: string): void {
    if (chat === this.chat.id) return;
    writePlace(chat);
    this.#show(chat);
  }

  send(input: string): void {
    if (readPlace().chat !== this.chat.id) writePlace(this.chat.id);
    this.chat.send(input, this.ask());
  }

  /** The conversation `step` further down the list; up, where it is negative. */
  step(step: number): void {
    const at = this.heads.findIndex((h) => h.chat === this.chat.id);
    const head = this.heads[at < 0 ? 0 : at + step];
    if (head) this.open(head.chat);
  }

  say(text: string): void {
    clearTimeout(this.#silence);
    this.said = text;
    this.#silence = setTimeout(() => (this.said = null), 4000);
  }

  async copy(text: string, what: string): Promise<boolean> {
    const done = await copyText(text);
    this.say(done ? `${what} copied` : 'The browser does not let this page copy');
    return done;
  }

  pickTheme(theme: string): void {
    this.theme = theme;
    remember('theme', theme === 'auto' ? null : theme);
  }

  ask(): { model: string | null; params: Params } {
    return { model: this.model, params: this.params };
  }

  pickModel(model: string): void {
    this.model = model;
    remember('model', model);
  }

  /** undefined: as the model has it. */
  setParam<K extends keyof Params>(key: K, value: Params[K] | undefined): void {
    const { [key]: _, ...rest } = this.params;
    this.params = value === undefined ? rest : { ...rest, [key]: value };
    remember('params', Object.keys(this.params).length > 0 ? JSON.stringify(this.params) : null);
  }

  clearParams(): void {
    this.params = {};
    remember('params', null);
  }

  /** An unsent question goes back to where it was written. */
  takeBack(answer: Message): void {
    this.given = this.chat.takeBack(answer) || null;
  }

  giveToken(token: string): void {
    api.setCredential(token);
    this.#tried = true;
    this.refused = false;
    this.client.setToken(token);
    this.client.connect();
    void this.refresh();
    void this.#loadModels();
    void this.chat.load();
  }

  async refresh(): Promise<void> {
    await this.#read(async () => {
      const { data, next } = await api.listConversations(this.query, null);
      this.heads = data;
      this.next = next;
      const open = data.find((h) => h.chat === this.chat.id);
      if (open) this.chat.title = open.title;
    });
  }

  async more(): Promise<void> {
    const before = this.next;
    if (before === null) return;
    await this.#read(async () => {
      const { data, next } = await api.listConversations(this.query, before);
      const known = new Set(this.heads.map((h) => h.chat));
      this.heads.push(...data.filter((h) => !known.has(h.chat)));
      this.next = next;
    });
  }

  search(query: string): void {
    this.query = query;
    this.#soon(200);
  }

  async rename(chat: string, title: string): Promise<void> {
    if (!(await this.#do(() => api.renameConversation(chat, title)))) return;
    if (chat === this.chat.id) this.chat.title = api.fitTitle(title);
    await this.refresh();
  }

  async remove(chat: string): Promise<void> {
    if (!(await this.#do(() => api.deleteConversation(chat)))) return;
    if (chat === this.chat.id) this.newChat();
    this.heads = this.heads.filter((h) => h.chat !== chat);
    this.say('Deleted');
    await this.refresh();
  }

  async export(chat: string, format: 'json' | 'markdown'): Promise<void> {
    await this.#do(() => api.exportConversation(chat, format));
  }

  async import(file: File): Promise<void> {
    await this.#do(async () => {
      const chat = await api.importConversation(await file.text());
      this.query = '';
      this.open(chat);
      await this.refresh();
      this.say('Imported');
    });
  }

  /** Prompts of conversations that are not open: sent now, to be seen when they are. */
  #sendUnsent(): void {
    for (const request of unsent()) {
      if (request.chat === this.chat.id) continue;
      const stream = this.client.send(request);
      stream.on((event) => {
        if (event.type !== 'accepted' && event.type !== 'done') return;
        dropUnsent(request.gen);
        this.#touched();
      });
    }
  }

  #show(chat: string): void {
    this.chat = new Chat(this.client, () => this.#touched(), chat);
    void this.chat.load();
  }

  #onPlace(): void {
    const { chat, token } = readPlace();
    if (token) {
      writePlace(chat, true);
      this.giveToken(token);
    }
    if (chat && chat !== this.chat.id) this.#show(chat);
    else if (!chat && this.chat.messages.length > 0) this.chat = new Chat(this.client, () => this.#touched());
  }

  #onClient(event: ClientEvent): void {
    if (event.type === 'state') this.#onState(event);
    else if (event.type === 'active') this.#onActive(event.info);
    else if (event.type === 'error') this.notice = event.error.code === 'UNAUTHORIZED' ? null : event.error.message;
    else {
      this.node = event.welcome.node;
      for (const info of event.welcome.active) void this.chat.onActive(info);
    }
  }

  #onState(event: Extract<ClientEvent, { type: 'state' }>): void {
    const back = event.state === 'open' && (this.connection === 'reconnecting' || this.connection === 'offline');
    this.connection = event.state;
    this.since = event.since;
    this.reason = event.reason;
    this.retryAt = event.retryAt;
    if (event.state === 'closed' && this.client.unauthorized) this.#unauthorized();
    if (event.state === 'open') this.needsToken = this.refused = this.#tried = false;
    if (!back) return;
    this.returns++;
    this.notice = null;
    void this.refresh();
    if (this.models.length === 0) void this.#loadModels();
    if (this.chat.problem) void this.chat.load();
  }

  #onActive(info: Parameters<Chat['onActive']>[0]): void {
    void this.chat.onActive(info);
    this.#touched();
  }

  #touched(): void {
    this.#soon(150);
  }

  #soon(ms: number): void {
    clearTimeout(this.#refreshing);
    this.#refreshing = setTimeout(() => void this.refresh(), ms);
  }

  #unauthorized(): void {
    this.needsToken = true;
    this.refused = this.#tried;
  }

  async #loadModels(): Promise<void> {
    await this.#read(async () => {
      this.models = await api.listModels();
      const wanted = recall('model');
      this.model = wanted && this.models.includes(wanted) ? wanted : (this.models[0] ?? null);
    });
  }

  /** What is only read again, after a while or on return, fails in the list's place and not over the network. */
  async #read(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.listProblem = null;
    } catch (e) {
      if (e instanceof api.ApiError && e.status === 401) this.#unauthorized();
      else if (!(e instanceof api.ApiError && e.code === 'NETWORK')) this.listProblem = (e as Error).message;
    }
  }

  /** What somebody has asked for: a failure is told. True if it was done. */
  async #do(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      this.notice = null;
      return true;
    } catch (e) {
      if (e instanceof api.ApiError && e.status === 401) this.#unauthorized();
      else this.notice = (e as Error).message;
      return false;
    }
  }
}

function recallParams(): Params {
  try {
    const kept: unknown = JSON.parse(recall('params') ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Params) : {};
  } catch {
    return {};
  }
}
