/** How the page says things: states, times and numbers in words. Pure. */
import type { ClientState } from '@lastword/client';

export function connectionWords(state: ClientState, since: number, reason: string | null, returns: number): string {
  switch (state) {
    case 'open':
      return returns > 0 ? 'Connected again' : 'Connected';
    case 'connecting':
    case 'idle':
      return 'Connecting…';
    case 'reconnecting':
      return `Reconnecting since ${clock(since)}`;
    case 'offline':
      return `Offline since ${clock(since)}`;
    case 'closed':
      return reason ? `Not connected: ${reason}` : 'Not connected';
  }
}

const STATES: Record<string, string> = {
  length: 'Stopped at the length limit',
  filtered: 'Withheld by a filter',
  cancelled: 'Stopped',
  truncated: 'Truncated: the answer is not complete',
  error: 'Failed',
  refused: 'Not sent',
  gone: 'No longer kept by the gateway',
  mismatch: 'Could not be verified',
  detached: 'Not followed to its end',
};

/** What to say of an answer that is not simply complete; null if it is. */
export function stateWords(state: string): string | null {
  return STATES[state] ?? null;
}

const STATUS: Record<string, string> = {
  queued: 'Waiting its turn…',
  stalled: 'The model has paused…',
  retrying: 'Trying again…',
  taking_over: 'Another gateway is taking over…',
  reattach: 'Taken up again',
  prefix: 'Continued from the text so far',
  restart: 'Begun again',
};

export function statusWords(status: string): string {
  return STATUS[status] ?? '';
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

/** Tokens each second of the writing, without the wait before it; null where that says nothing. */
export function rate(tokens: number | null, ttft: number | null, total: number | null): string | null {
  if (!tokens || tokens < 2 || total === null) return null;
  const writing = total - (ttft ?? 0);
  if (writing < 20) return null;
  const perSecond = (tokens * 1000) / writing;
  return `${perSecond < 100 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')} tokens/s`;
}

export function size(bytes: number): string {
  if (bytes < 10_000) return `${bytes.toLocaleString('en')} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000).toLocaleString('en')} kB` : `${Math.round(bytes / 1e6)} MB`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** What an answer went through, of its producer: null where there is nothing to tell. */
export function startWords(mode: string, takenOver: boolean): string | null {
  const how: Record<string, string> = {
    reattach: 'went on with the same answer',
    prefix: 'continued from the text so far',
    restart: 'began again',
  };
  if (!how[mode]) return null;
  return takenOver ? `Taken over by another gateway, which ${how[mode]}` : `The upstream failed; the gateway ${how[mode]}`;
}

const REWINDS: Record<string, string> = {
  restarted: 'What was written so far was given up',
  diverged: 'Put right from the gateway’s log',
  retracted: 'Withdrawn by the gateway',
};

export function rewindWords(reason: string): string {
  return REWINDS[reason] ?? 'Cut back by the gateway';
}

/** Which drawer of time a conversation lies in. */
export function dayGroup(ms: number, now = Date.now()): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (ms >= midnight) return 'Today';
  if (ms >= midnight - 86_400_000) return 'Yesterday';
  if (ms >= midnight - 6 * 86_400_000) return 'This week';
  return new Date(ms).toLocaleDateString([], { month: 'long', year: 'numeric' });
}

/** A conversation without a title goes by the beginning of its first question. */
export function nameOf(title: string | null, beginning: string | undefined): string {
  return title ?? (beginning?.trim().split('\n', 1)[0]!.slice(0, 120) || 'Untitled');
}
