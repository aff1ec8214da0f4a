/**
 * The gateway's HTTP side: conversations and models. Each call answers with data or throws an `ApiError` whose
 * message is a sentence for people. It keeps nothing but the credential, and that in sessionStorage.
 */
export interface Head {
  chat: string;
  title: string | null;
  created_ms: number;
  updated_ms: number;
  messages?: number;
  snippet?: string;
}

export interface HistoryMessage {
  id: string;
  parent: string | null;
  role: 'user' | 'assistant';
  text: string;
  parts?: Array<[part: string, off: number, len: number]>;
  /** From here on: of answers only. */
  gen?: string | null;
  state?: string | null;
  model?: string | null;
  error?: { code: string; message: string } | null;
  usage?: { prompt_tokens?: number | null; completion_tokens?: number | null } | null;
  timing?: { ttft_ms?: number | null; total_ms?: number | null } | null;
  crc?: string | null;
  created_ms: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const TOKEN_KEY = 'lastword.token';
let token: string | null = null;

export function credential(): string | null {
  return token;
}

/** Takes the credential of the address bar or of this tab's session. */
export function loadCredential(fromHash: string | null): void {
  try {
    token = fromHash ?? sessionStorage.getItem(TOKEN_KEY);
    if (fromHash) sessionStorage.setItem(TOKEN_KEY, fromHash);
  } catch {
    token = fromHash;
  }
}

export function setCredential(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(TOKEN_KEY, value);
  } catch {
    /* kept in memory only */
  }
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'omit', cache: 'no-store' });
  } catch {
    throw new ApiError(0, 'NETWORK', 'The gateway cannot be reached.');
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as { error: { code?: string; message?: string } };
    return new ApiError(response.status, error.code ?? '', error.message ?? `The gateway answered ${response.status}.`);
  } catch {
    return new ApiError(response.status, '', `The gateway answered ${response.status}.`);
  }
}

export async function listConversations(query: string, before: string | null): Promise<{ data: Head[]; next: string | null }> {
  const params = new URLSearchParams({ limit: '50' });
  if (before) params.set('before', before);
  if (query) params.set('q', query);
  const body = (await (await call(`/v1/conversations?${params}`)).json()) as { data: Head[]; next: string | null };
  return { data: body.data ?? [], next: body.next ?? null };
}

export async function readConversation(chat: string): Promise<{ title: string | null; messages: HistoryMessage[] }> {
  return (await call(`/v1/conversations/${chat}`)).json() as Promise<{ title: string | null; messages: HistoryMessage[] }>;
}

export async function renameConversation(chat: string, title: string): Promise<void> {
  await call(`/v1/conversations/${chat}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ title: fitTitle(title) }),
  });
}

export async function deleteConversation(chat: string): Promise<void> {
  await call(`/v1/conversations/${chat}`, { method: 'DELETE' });
}

const MAX_TITLE_BYTES = 200;

/** As much of `title` as the gateway takes. */
export function fitTitle(title: string): string {
  let fits = title.trim();
  while (new TextEncoder().encode(fits).length > MAX_TITLE_BYTES) fits = [...fits].slice(0, -1).join('');
  return fits;
}

/** Fetches the export and hands it to the browser as a download, because a link could not carry the credential. */
export async function exportConversation(chat: string, format: 'json' | 'markdown'): Promise<void> {
  const blob = await (await call(`/v1/conversations/${chat}/export?format=${format}`)).blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `${chat}.${format === 'json' ? 'json' : 'md'}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Records an exported conversation as a new one; its address. `file` is the text of the export. */
export async function importConversation(file: string): Promise<string> {
  const response = await call('/v1/conversations/import', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: file,
  });
  return ((await response.json()) as { chat: string }).chat;
}

export async function listModels(): Promise<string[]> {
  const body = (await (await call('/v1/models')).json()) as { data?: Array<{ id: string }> };
  return (body.data ?? []).map((m) => m.id);
}
