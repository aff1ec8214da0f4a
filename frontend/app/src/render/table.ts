/** Tables: cells by `|`, alignment by the rule line. Rows have as many cells as the head has. */
import { inline } from './inline.ts';
import { once, type Memo } from './memo.ts';
import { el, type El } from './nodes.ts';

/** `rule`: the second line, as far as it has come. `growing`: the last row is. */
export function table(titles: string[], rule: string, rows: string[], growing: boolean, memo: Memo): El {
  const aligns = cells(rule).map(alignOf);
  const width = titles.length;
  const cell = (tag: string, text: string, i: number, open: boolean) => el(tag, inline(text, open), aligns[i]);
  const row = (text: string, open: boolean) => {
    const texts = cells(text);
    return el('tr', Array.from({ length: width }, (_, i) => cell('td', texts[i] ?? '', i, open && i === texts.length - 1)));
  };
  const head = el('tr', titles.map((t, i) => cell('th', t, i, growing && rows.length === 0 && i === width - 1)));
  const body = rows.map((text, r) => {
    const open = growing && r === rows.length - 1;
    return once(memo, `|${aligns.join()},${width}\n${text}`, open, () => row(text, open));
  });
  return el('div', [el('table', [el('thead', [head]), el('tbody', body)])], 'table');
}

export function cells(row: string): string[] {
  const inner = row.trim().replace(/^\|/, '').replace(/(^|[^\\])\|$/, '$1');
  return inner.split(/(?<!\\)\|/).map((c) => c.trim().replaceAll('\\|', '|'));
}

function alignOf(rule: string): string {
  if (/^:-*:$/.test(rule)) return 'ac';
  return rule.endsWith(':') ? 'ar' : '';
}
