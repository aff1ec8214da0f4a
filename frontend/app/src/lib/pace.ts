/**
 * How much of a growing text to show in this frame: bursts are spread, and nothing waits long.
 *
 *     arrives   ####      ####      ####        (a gap between any two, 64 ms at most counted)
 *     shown     # # # #   # # # #   # # # #     each spread over the usual gap, so it ends as the next arrives
 *
 * Text that comes with every frame is shown at once; so is the first. What has arrived is shown whole by the first
 * frame that begins LAG_MS later, whatever was usual. Pure: the time is handed in, in ms; lengths are UTF-16 units.
 */
export const LAG_MS = 64;

/** How fast the usual gap follows what comes, for each arrival. */
const LEARN = 0.25;
/** A frame's length as assumed, whatever the last one took. */
const FRAME_MS = 1000 / 60;

export class Pacer {
  /** What has arrived and is not shown: up to which length, by when. */
  #due: Array<{ to: number; by: number }> = [];
  #shown = 0;
  #gap = 0;
  #last = -Infinity;

  /** How far the text has been shown. */
  get shown(): number {
    return this.#shown;
  }

  /** The text is `to` long now. */
  arrived(to: number, now: number): void {
    if (to <= (this.#due.at(-1)?.to ?? this.#shown)) return;
    const gap = Math.min(now - this.#last, LAG_MS);
    if (this.#last > -Infinity) this.#gap += (gap - this.#gap) * LEARN;
    this.#last = now;
    this.#due.push({ to, by: now + this.#gap });
  }

  /** The first `to` units are on the page now. */
  showed(to: number): void {
    this.#shown = to;
    this.#due = this.#due.filter((d) => d.to > to);
  }

  /** The text is another; `shown` units of it are on the page. */
  restart(shown: number): void {
    this.#shown = shown;
    this.#due = [];
  }

  /** The length to show in a frame that begins `now`; ends of words and characters are the caller's. */
  step(now: number): number {
    let most = 0;
    for (const { to, by } of this.#due) {
      const frames = Math.max(1, Math.floor((by - now) / FRAME_MS) + 1);
      most = Math.max(most, (to - this.#shown) / frames);
    }
    const last = this.#due.at(-1)?.to ?? this.#shown;
    return Math.min(last, this.#shown + Math.ceil(most));
  }
}

/** Longest that `wholeWord` goes on, in UTF-16 units. */
const WORD = 24;

/** What belongs to the character before it: second halves, joiners, variation selectors, marks, skin tones. */
const JOINS = /^(?:[\udc00-\udfff]|[\u200d\ufe0f\u0300-\u036f\u20d0-\u20ff]|\ud83c[\udffb-\udfff])/;

/** The first place at or after `to` where `text` may end for a frame: after a word, never within a character. */
export function wholeWord(text: string, to: number): number {
  let end = Math.min(to, text.length);
  if (end === 0) return 0;
  const limit = Math.min(text.length, end + WORD);
  while (end < limit && isInWord(text, end)) end++;
  while (end < text.length && (JOINS.test(text.slice(end, end + 2)) || text[end - 1] === '\u200d')) end++;
  return end;
}

function isInWord(text: string, at: number): boolean {
  return !/\s/.test(text[at - 1]!) && !/\s/.test(text[at]!);
}
