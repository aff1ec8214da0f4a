/** The measured as Markdown, with a verdict beside each of our aims. */
const TITLES = { lastword: 'Lastword', streamdown: 'React + Streamdown', usechat: 'useChat + Streamdown' };

const ms = (n) => (n === Infinity ? 'never' : `${n.toFixed(n < 10 ? 1 : 0)} ms`);

/** [what, aim in words, value, text, whether it is met] */
function rows(part) {
  const throttled = part !== '1x';
  const most = throttled ? 200 : 50;
  return [
    ['frames over 25 ms', throttled ? '' : '≤ 1 %', (r) => r.late, (r) => `${r.late.toFixed(2)} % of ${r.frames}`, throttled ? null : (n) => n <= 1],
    ['longest task after the first second', `≤ ${most} ms`, (r) => r.longestTask, (r) => (r.longestTask ? ms(r.longestTask) : 'under 50 ms'), (n) => n <= most],
    ['tasks over 50 ms', '', (r) => r.tasksOver50, (r) => r.tasksOver50, null],
    ['script, main thread and worker', throttled ? '' : '≤ 2 s', (r) => r.script + r.worker, (r) => `${ms(r.script)} + ${ms(r.worker)}`, throttled ? null : (n) => n <= 2000],
    ['style and layout', '', (r) => r.layout, (r) => ms(r.layout), null],
    ['main thread busy', '', (r) => r.main, (r) => ms(r.main), null],
    ['last token to paint', throttled ? '' : '≤ 100 ms', (r) => r.paint, (r) => ms(r.paint), throttled ? null : (n) => n <= 100],
    ['key to paint, 98th percentile', '', (r) => r.key, (r) => ms(r.key), null],
  ];
}

export function streamTable(results, part) {
  const lines = rows(part).map(([what, aim, value, text, met]) => {
    const cells = results.map((r) => text(r[part]) + (met ? (met(value(r[part])) ? ' ✓' : ' ✗') : ''));
    return `| ${[what, aim, ...cells].join(' | ')} |`;
  });
  return table(part === '1x' ? 'At full speed' : `Processor throttled ${part}`, results, lines);
}

export function heapTable(results) {
  const change = (r, key, digits) => `${r.heap[1][key].toFixed(digits)} → ${r.heap.at(-1)[key].toFixed(digits)}`;
  const flat = (r) => (r.heap.at(-1).data / r.heap[1].data <= 1.05 ? '✓' : '✗');
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return table('Ten answers, each in a chat that is left: after the second → after the tenth', results, [
    row(['objects and text, MB', '≤ + 5 %', ...results.map((r) => `${change(r, 'data', 2)} ${flat(r)}`)]),
    row(['whole heap with compiled code, MB', '', ...results.map((r) => change(r, 'mb', 2))]),
    row(['DOM nodes', '', ...results.map((r) => change(r, 'nodes', 0))]),
  ]);
}

function table(title, results, lines) {
  const head = ['', 'aim', ...results.map((r) => TITLES[r.name])];
  return [`### ${title}`, '', `| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...lines, ''].join('\n');
}
