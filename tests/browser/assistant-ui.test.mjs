/** assistant-ui in Chromium, as it is, over the `ai` package's transport: a chat page that nobody here wrote. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, test } from 'node:test';
import { build } from 'esbuild';
import { at, Stack } from './stack.mjs';
import { answerOf, conversationOf } from './waiting.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const HTML = '<!doctype html><meta charset="utf-8"><title>assistant-ui</title><div id="root"></div><script type="module" src="/page.js"></script>';

let folder, stack;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lastword-assistant-ui-'));
  await build({ entryPoints: [join(HERE, 'assistant-ui/page.jsx')], outfile: join(folder, 'page.js'), bundle: true, minify: true, format: 'esm', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'error' });
  await writeFile(join(folder, 'index.html'), HTML);
  await writeFile(join(folder, 'favicon.ico'), '');
  stack = await Stack.start('', { page: folder });
});
afterEach(async () => {
  // zod looks whether it may compile its checks; it may not, and does without.
  for (const watch of stack.pages) watch.wrong = watch.wrong.filter((text) => text !== 'CSP: script-src eval');
  await stack.closePages();
});
after(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

async function open(chat, model, params = {}) {
  const query = new URLSearchParams({ chat, model, params: JSON.stringify(params) });
  return stack.openIn(await stack.browser.newContext(), `?${query}`, false);
}

async function ask(page, text) {
  await at(page, 'input').fill(text);
  await at(page, 'send').click();
}

const is = (page, status) => at(page, 'status').filter({ hasText: new RegExp(`^${status}$`) }).waitFor({ timeout: 30_000 });
const shown = async (page) => (await at(page, 'assistant').last().getByTestId('text').allTextContents()).join('');
const shows = (page, n) =>
  page.waitForFunction((want) => [...document.querySelectorAll('[data-testid=assistant]:last-of-type [data-testid=text]')].map((e) => e.textContent).join('').length >= want, n);

test('a person asks, reads, and asks again', async () => {
  const page = await open('read', 'richierich', { rate: 400 });
  await ask(page, 'Read me');
  await is(page, 'streaming');
  await is(page, 'ready');
  assert.equal(await shown(page), await stack.wholeAnswer('richierich', 'Read me'));
  await ask(page, 'And more');
  await at(page, 'assistant').nth(1).waitFor();
  await is(page, 'ready');
  assert.equal(await shown(page), await stack.wholeAnswer('richierich', 'And more'));
  const { messages } = await conversationOf(stack, 'Read me');
  assert.equal(messages[2].parent, messages[1].id);
});

test('stop, and regenerate', async () => {
  const page = await open('stop', 'richierich-slow');
  await ask(page, 'Stop me');
  await shows(page, 20);
  await at(page, 'stop').click();
  await is(page, 'ready');
  await answerOf(stack, 'Stop me', 'cancelled');
  await at(page, 'reload').click();
  await is(page, 'streaming');
  await shows(page, 20);
  await at(page, 'stop').click();
  await is(page, 'ready');
  const { messages } = await conversationOf(stack, 'Stop me');
  assert.deepEqual(messages.map((m) => m.role), ['user', 'assistant', 'assistant']);
});

test('a reload in the middle', async () => {
  const page = await open('reload', 'richierich', { rate: 120 });
  await ask(page, 'Reload me');
  await shows(page, 60);
  await page.reload();
  await is(page, 'streaming');
  await is(page, 'ready');
  assert.equal(await shown(page), await stack.wholeAnswer('richierich', 'Reload me'));
  assert.equal(await at(page, 'assistant').count(), 1);
});

test('a cut-off answer says so', async () => {
  const page = await open('cut', 'richierich-fast', { fault: 's08', fail_attempts: -1 });
  await ask(page, 'Cut off');
  await is(page, 'error');
  assert.match(await at(page, 'error').innerText(), /broke off and is not complete/);
  assert.equal(await shown(page), (await answerOf(stack, 'Cut off', 'truncated')).text);
});
