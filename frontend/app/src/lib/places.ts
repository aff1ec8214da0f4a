/**
 * What the page keeps in the browser: the open chat in the address, small choices and drafts in localStorage.
 * Storage may be denied; then things are simply not remembered.
 */
export interface Place {
  chat: string | null;
  token: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function readPlace(): Place {
  const params = new URLSearchParams(location.hash.slice(1));
  const chat = params.get('chat');
  return { chat: chat && UUID.test(chat) ? chat : null, token: params.get('token') };
}

/** Makes the address name `chat`; the token, if there was one, leaves the address. */
export function writePlace(chat: string | null, replace = false): void {
  const url = chat ? `#chat=${chat}` : location.pathname + location.search;
  if (replace) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null || value === '') localStorage.removeItem(`lastword.${key}`);
    else localStorage.setItem(`lastword.${key}`, value);
  } catch {
    /* denied: not remembered */
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`lastword.${key}`);
  } catch {
    return null;
  }
}
