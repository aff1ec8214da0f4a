/** The keyboard: what each shortcut is called, how it is written on a sheet, and whether an event is one. Pure. */
export type Action = 'help' | 'search' | 'new' | 'newer' | 'older' | 'copy' | 'again' | 'ask';

interface Shortcut {
  action: Action;
  says: string;
  keys: string[];
  is: (e: KeyboardEvent) => boolean;
}

const apple = () => /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '');
const mod = (e: KeyboardEvent) => (e.ctrlKey || e.metaKey) && !e.altKey;
const alt = (e: KeyboardEvent) => e.altKey && !e.ctrlKey && !e.metaKey;

/** None is a bare letter, which speech input and a stray key would set off. By `code` where Alt changes the letter. */
export const SHORTCUTS: Shortcut[] = [
  { action: 'help', says: 'Show these keys', keys: ['mod', '/'], is: (e) => mod(e) && e.key === '/' },
  { action: 'search', says: 'Search the conversations', keys: ['mod', 'K'], is: (e) => mod(e) && !e.shiftKey && e.code === 'KeyK' },
  { action: 'new', says: 'New conversation', keys: ['mod', 'Shift', 'O'], is: (e) => mod(e) && e.shiftKey && e.code === 'KeyO' },
  { action: 'newer', says: 'Conversation above', keys: ['Alt', '↑'], is: (e) => alt(e) && !e.shiftKey && e.key === 'ArrowUp' },
  { action: 'older', says: 'Conversation below', keys: ['Alt', '↓'], is: (e) => alt(e) && !e.shiftKey && e.key === 'ArrowDown' },
  { action: 'ask', says: 'Go to where one asks', keys: ['Shift', 'Esc'], is: (e) => e.shiftKey && e.key === 'Escape' },
  { action: 'copy', says: 'Copy the last answer', keys: ['Alt', 'Shift', 'C'], is: (e) => alt(e) && e.shiftKey && e.code === 'KeyC' },
  { action: 'again', says: 'Ask the last question again', keys: ['Alt', 'Shift', 'R'], is: (e) => alt(e) && e.shiftKey && e.code === 'KeyR' },
];

/** Those that belong to the place where one types. */
export const TYPING: Array<{ says: string; keys: string[] }> = [
  { says: 'Send', keys: ['Enter'] },
  { says: 'New line', keys: ['Shift', 'Enter'] },
  { says: 'Edit the last question', keys: ['↑'] },
  { says: 'Stop the answer; close what is open', keys: ['Esc'] },
];

export function actionOf(e: KeyboardEvent): Action | null {
  return SHORTCUTS.find((s) => s.is(e))?.action ?? null;
}

export function keyName(key: string): string {
  if (key === 'mod') return apple() ? '⌘' : 'Ctrl';
  return key;
}
