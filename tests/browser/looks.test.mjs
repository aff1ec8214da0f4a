/** Each state of the page, light and dark, wide and on a phone: axe finds nothing, a finger hits what it aims at. With SHOTS=FOLDER it keeps pictures. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { ask, at, over, shows, Stack } from './stack.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const MARKDOWN = `# A heading

1. A number
2. Below it:
   - a point

- [x] A task that is done, and whose words do not find room in one line of a phone
- [ ] Another

\`\`\`python
def append(log: list[bytes], token: bytes) -> int:  # a line that is wider than a phone
    return sum(len(t) for t in log)
\`\`\`

| engine | appended | resumed | remarks |
|---|--:|--:|---|
| memory | 2 µs | 3 µs | everything in a single process |
| PostgreSQL | 180 µs | 240 µs | asynchronously |

> A quotation.`;

let stack;
before(async () => (stack = await Stack.start(`routes:
  - {model: echo, to: [{upstream: mock, model: richierich-echo, body: '{"rate":150,"token_size":4}'}]}
`)));
afterEach(async () => {
  stack.wire.mend();
  await stack.closePages();
});
after(() => stack.close());

/** Waits until nothing that was to come is still on its way in: axe judges colours as they are in that moment. */
const settled = (page) =>
  page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity));

async function look(page, name) {
  await settled(page);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`), [], name);
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
}

/** Everything one can tap, that can be seen, is 44 px wide and high; links within text may be smaller. */
async function fingers(page, name) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, a, input:not([hidden]), select, textarea, summary')]
      .filter((el) => el.checkVisibility({ visibilityProperty: true }) && !el.closest('.prose p, .prose li, .prose td') && !el.matches('.prose a, .veil, [inert] *'))
      .map((el) => ({ el, box: el.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
      .map(({ el, box }) => `${el.localName}.${el.className} ${el.dataset.testid ?? el.ariaLabel ?? ''} ${Math.round(box.width)}x${Math.round(box.height)}`),
  );
  assert.deepEqual(small, [], name);
}

/** How an answer in Markdown lies: words of tables that are broken, and how far the lines of a task are from one edge. */
const laid = (page) =>
  page.evaluate(() => {
    const prose = document.querySelector('[data-testid=message-assistant] .prose');
    const boxes = (node, from, to) => {
      const range = document.createRange();
      range.setStart(node, from);
      range.setEnd(node, to);
      return [...range.getClientRects()];
    };
    const broken = [];
    for (const cell of prose.querySelectorAll('th, td')) {
      const text = cell.firstChild;
      for (const word of text.data.matchAll(/\S+/g)) if (boxes(text, word.index, word.index + word[0].length).length > 1) broken.push(word[0]);
    }
    const task = [...prose.querySelector('li.task').childNodes].find((n) => n.data?.includes('whose words'));
    const lefts = boxes(task, task.data.search(/\S/), task.data.length).map(({ left }) => left);
    return { cells: prose.querySelectorAll('th, td').length, broken, lines: lefts.length, spread: Math.max(...lefts) - Math.min(...lefts) };
  });

async function markdown(page, seen) {
  await ask(page, MARKDOWN, 'echo');
  await shows(page, 250);
  await seen('markdown-growing');
  await over(page);
  await seen('markdown');
  return laid(page);
}

async function states(page, seen) {
  await seen('empty');
  await ask(page, 'Look closely', 'richierich');
  await shows(page, 80);
  await seen('answering');
  await over(page);
  await at(page, 'verified').click();
  await at(page, 'details').waitFor();
  await seen('finished');
  await at(page, 'settings').click();
  await at(page, 'temperature').fill('0.4');
  await seen('settings');
  await page.keyboard.press('Escape');
  await at(page, 'edit').click();
  await seen('editing');
  await page.keyboard.press('Escape');
  await ask(page, 'It fails', 'richierich-s12');
  await over(page, 2);
  await seen('failed');
  stack.wire.cut();
  await page.locator('[data-testid=status]:is([data-state=reconnecting], [data-state=offline])').waitFor();
  await ask(page, 'Later');
  await at(page, 'waiting').waitFor();
  await seen('waiting');
  stack.wire.mend();
  await over(page, 3);
}

for (const colorScheme of ['light', 'dark']) {
  test(`wide, ${colorScheme}`, async () => {
    const page = await stack.open({ colorScheme, viewport: { width: 1280, height: 860 } });
    page.watch.lossy = true;
    await page.evaluate(axe);
    await states(page, (name) => look(page, `wide-${colorScheme}-${name}`));
    await at(page, 'item-menu').first().click();
    await look(page, `wide-${colorScheme}-menu`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+/');
    await at(page, 'help').waitFor();
    await look(page, `wide-${colorScheme}-keys`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Shift+O');
    assert.deepEqual((await markdown(page, (name) => look(page, `wide-${colorScheme}-${name}`))).broken, []);
  });

  test(`phone, ${colorScheme}`, async () => {
    const page = await stack.open({ colorScheme, ...PHONE });
    page.watch.lossy = true;
    await page.evaluate(axe);
    await states(page, async (name) => {
      await look(page, `phone-${colorScheme}-${name}`);
      await fingers(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 390, `${name}: ${wide} px wide`);
    });
    await page.getByRole('button', { name: 'Conversations' }).click();
    await look(page, `phone-${colorScheme}-drawer`);
    await fingers(page, 'drawer');
    await at(page, 'item-menu').first().click();
    await look(page, `phone-${colorScheme}-menu`);
    await fingers(page, 'menu');
    await page.keyboard.press('Escape');
    await at(page, 'new-chat').click();
    const { cells, broken, lines, spread } = await markdown(page, (name) => look(page, `phone-${colorScheme}-${name}`));
    assert.deepEqual([cells, broken], [12, []]);
    assert.ok(lines > 1 && spread < 1, `${lines} lines, ${spread} px apart`);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  });
}

test('who asks for less motion sees none', async () => {
  const page = await stack.open({ reducedMotion: 'reduce' });
  await ask(page, 'Hold still', 'richierich-slow');
  await shows(page, 40);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await at(page, 'stop').click();
  await over(page);
});
