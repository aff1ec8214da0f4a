/**
 * Text in log order, one piece for each run of the same part, grown and cut back by a stream's events. No checksums:
 * ledger.ts has those.
 */
import type { TextPart } from './handle.js';
import type { Part } from './wire.js';

export class Parts {
  list: TextPart[] = [];
  readonly whole: Record<Part, string> = { text: '', reasoning: '' };

  append(part: Part, text: string): void {
    this.whole[part] += text;
    const last = this.list.at(-1);
    if (last?.part === part) last.text += text;
    else this.list.push({ part, text });
  }

  /** Leaves the first `text` and `reasoning` UTF-16 units of each part, as a `rewind` event says. */
  cut(text: number, reasoning: number): void {
    const left: Record<Part, number> = { text, reasoning };
    const all = this.list;
    this.list = [];
    this.whole.text = this.whole.reasoning = '';
    for (const piece of all) {
      const stays = piece.text.slice(0, left[piece.part]);
      left[piece.part] -= stays.length;
      if (stays) this.append(piece.part, stays);
    }
  }
}
