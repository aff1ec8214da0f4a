/** What one does at the page: asking, waiting for a connection, keys, drafts, parameters, taking conversations in and out. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, chatOf, choose, over, shows, Stack, textOf, verifiedAs } from './stack.mjs';

const ECHO = 'richierich-echo';
const items = (page) => at(page, 'conversation-item');
const focused = (page) => page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.id);
const questions = (page) => at(page, 'message-user');
let stack;
before(async () => (stack = await Stack.start()));
afterEach(async () => {
  stack.wire.mend();
  await stack.closePages();
});
after(() => stack.close());

async function away(page) {
  page.watch.lossy = true;
  stack.wire.cut();
  await page.locator('[data-testid=status]:is([data-state=reconnecting], [data-state=offline])').waitFor();
}

test('a question is to be seen in the very next frame, however far the gateway', async () => {
  const page = await stack.open();
  await away(page);
  await at(page, 'composer').fill('At once');
  const seen = await page.evaluate(
    () =>
      new Promise((resolve) => {
        document.querySelector('[data-testid=composer]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
        requestAnimationFrame(() => {
          const said = document.querySelector('[data-testid=message-user] .said');
          resolve({ text: said?.textContent, shown: said?.checkVisibility(), field: document.querySelector('[data-testid=composer]').value });
        });
      }),
  );
  assert.deepEqual(seen, { text: 'At once', shown: true, field: '' });
});

test('questions asked while away wait, in order, and are sent on return', async () => {
  const page = await stack.open();
  await at(page, 'model').selectOption(ECHO);
  await away(page);
  for (const text of ['One', 'Two', 'Three']) await ask(page, text);
  assert.equal(await at(page, 'waiting').count(), 3);
  assert.match(await at(page, 'send').innerText(), /later/);
  stack.wire.mend();
  assert.equal(await over(page, 3), 'complete');
  for (const [i, text] of ['One', 'Two', 'Three'].entries()) await verifiedAs(page, text, i);
  assert.equal(await at(page, 'waiting').count(), 0);
  const { messages } = await stack.history(chatOf(page));
  assert.deepEqual(messages.map((m) => [m.text, m.parent]), messages.map((m, i) => [['One', 'Two', 'Three'][i >> 1], messages[i - 1]?.id ?? null]));
});

test('what was not sent outlives the tab', async () => {
  const page = await stack.open();
  await at(page, 'model').selectOption(ECHO);
  await ask(page, 'Sent');
  await over(page);
  await away(page);
  await ask(page, 'Unsent');
  await ask(page, 'And more');
  const hash = new URL(page.url()).hash;
  await page.close();
  stack.wire.mend();
  const next = await stack.openIn(page.context(), hash);
  assert.equal(await over(next, 3), 'complete');
  for (const [i, text] of ['Sent', 'Unsent', 'And more'].entries()) await verifiedAs(next, text, i);
  assert.equal(await next.evaluate(() => localStorage.getItem('lastword.unsent')), null);
  await next.reload();
  await over(next, 3);
  assert.equal(await answers(next).count(), 3, 'each was asked once');
});

test('what waits in a conversation that is not open is sent, too', async () => {
  const page = await stack.open();
  await at(page, 'model').selectOption(ECHO);
  await away(page);
  await ask(page, 'From afar');
  await page.close();
  stack.wire.mend();
  const next = await stack.openIn(page.context());
  await items(next).filter({ hasText: 'From afar' }).locator('a').click();
  await over(next);
  await verifiedAs(next, 'From afar');
});

test('what waits can be taken back', async () => {
  const page = await stack.open();
  await at(page, 'model').selectOption(ECHO);
  await away(page);
  for (const text of ['Stays', 'Goes', 'Stays, too']) await ask(page, text);
  await at(page, 'take-back').nth(1).click();
  assert.equal(await at(page, 'composer').inputValue(), 'Goes');
  assert.equal(await focused(page), 'composer');
  stack.wire.mend();
  await over(page, 2);
  for (const [i, text] of ['Stays', 'Stays, too'].entries()) await verifiedAs(page, text, i);
  assert.equal((await stack.history(chatOf(page))).messages.length, 4);
});

test('how it stands: since when, when it is tried again, and by hand', async () => {
  const page = await stack.open();
  assert.match(await at(page, 'status').innerText(), /Connected · gateway one/);
  await away(page);
  assert.match(await at(page, 'status').innerText(), /since \d+:\d\d:\d\d/);
  await page.waitForFunction(() => /next try in \d+ s/.test(document.querySelector('[data-testid=retry-in]')?.textContent ?? ''));
  stack.wire.mend();
  await at(page, 'try-now').click({ timeout: 5000 }).catch(() => {}); // it may have come back by itself
  await page.locator('[data-testid=status][data-state=open]').waitFor();
  assert.match(await at(page, 'status').innerText(), /Connected again/);
});

test('a finished answer tells its particulars', async () => {
  const page = await stack.open();
  await ask(page, 'Tell', ECHO);
  await over(page);
  assert.match(await at(page, 'first-token').innerText(), /first token \d/);
  await at(page, 'verified').click();
  assert.equal(await at(page, 'verified').getAttribute('aria-expanded'), 'true');
  const told = await at(page, 'details').innerText();
  const crc = (await at(page, 'verified').innerText()).trim().slice(-8);
  for (const part of [`CRC-32C ${crc} over 4 bytes`, 'agrees', ECHO, 'In the history', /[0-9a-f]{8}-[0-9a-f]{4}-7/]) assert.match(told, new RegExp(part));
  assert.match(await at(page, 'totals').innerText(), /^\d+ tokens? in 1 answer$/);
  await at(page, 'verified').click();
  assert.equal(await at(page, 'details').count(), 0);
});

test('keys', async () => {
  const page = await stack.open();
  await ask(page, 'Older', ECHO);
  await over(page);
  await page.keyboard.press('Control+Shift+O');
  assert.equal(await answers(page).count(), 0);
  assert.equal(await focused(page), 'composer');
  await ask(page, 'Newer', ECHO);
  await over(page);
  await items(page).and(page.locator(':nth-child(2)')).filter({ hasText: 'Older' }).waitFor();

  await page.keyboard.press('Control+/');
  await at(page, 'help').waitFor();
  await page.keyboard.press('Escape');
  await at(page, 'help').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'composer');

  await page.keyboard.press('Control+K');
  await page.waitForFunction(() => document.activeElement?.id === 'search');
  await page.keyboard.press('Shift+Escape');
  assert.equal(await focused(page), 'composer');

  await page.keyboard.press('Alt+ArrowDown');
  await verifiedAs(page, 'Older');
  await page.keyboard.press('Alt+ArrowUp');
  await verifiedAs(page, 'Newer');
  await page.keyboard.press('Alt+Shift+KeyR');
  await page.getByText('2 of 2').waitFor();
  await over(page);

  await at(page, 'composer').focus();
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(page), 'edit-input');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.dataset.testid === 'edit');
});

test('copying: an answer, a question, a block of code', async () => {
  const page = await stack.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const clip = () => page.evaluate(() => navigator.clipboard.readText());
  const text = 'Before\n\n```js\nlet x = 1;\n```\n\nAfter';
  await ask(page, text, ECHO);
  await over(page);
  await at(page, 'copy').click();
  await page.getByText('Answer copied').waitFor();
  assert.equal(await clip(), text);
  await page.locator('.copy-code').click();
  await page.getByText('Code copied').waitFor();
  assert.equal((await clip()).trim(), 'let x = 1;');
  await page.keyboard.press('Alt+Shift+KeyC');
  await page.waitForFunction(async (want) => (await navigator.clipboard.readText()) === want, text);
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }));
  await questions(page).hover();
  await at(page, 'copy-user').click();
  await page.getByText('Question copied').waitFor();
});

test('drafts stay with their conversations', async () => {
  const page = await stack.open();
  await ask(page, 'First', ECHO);
  await over(page);
  await at(page, 'composer').fill('half a thought');
  await at(page, 'new-chat').click();
  assert.equal(await at(page, 'composer').inputValue(), '');
  await at(page, 'composer').fill('another');
  await items(page).filter({ hasText: 'First' }).locator('a').click();
  await verifiedAs(page, 'First');
  assert.equal(await at(page, 'composer').inputValue(), 'half a thought');
  await page.reload();
  await verifiedAs(page, 'First');
  assert.equal(await at(page, 'composer').inputValue(), 'half a thought');
  await at(page, 'new-chat').click();
  assert.equal(await at(page, 'composer').inputValue(), 'another');
});

test('parameters reach the model, are kept, and can be emptied', async () => {
  const page = await stack.open();
  await at(page, 'settings').click();
  await page.getByLabel('Most tokens').fill('3');
  await page.keyboard.press('Escape');
  assert.equal(await at(page, 'settings').evaluate((el) => el === document.activeElement), true);
  await ask(page, 'one two three four five six', ECHO);
  assert.equal(await over(page), 'length');
  assert.ok((await answers(page).getByTestId('text').innerText()).length < 20);
  await page.reload();
  await over(page);
  await at(page, 'settings').click();
  assert.equal(await page.getByLabel('Most tokens').inputValue(), '3');
  await at(page, 'params-reset').click();
  await at(page, 'stop-sequences').fill('four');
  await page.keyboard.press('Escape');
  await ask(page, 'one two three four five six', ECHO);
  assert.equal(await over(page, 2), 'complete');
  assert.doesNotMatch(await textOf(page, 1), /five/);
});

test('a conversation goes out and comes in again', async () => {
  const page = await stack.open();
  await ask(page, 'Take me along', 'richierich');
  await over(page);
  const was = await textOf(page);
  const chat = chatOf(page);
  const [download] = await Promise.all([page.waitForEvent('download'), choose(page, 'Take me along', 'export-json')]);
  await choose(page, 'Take me along', 'delete');
  await page.getByRole('menuitem', { name: 'Really delete?' }).click();
  await at(page, 'blank').waitFor();
  const file = await readFile(await download.path(), 'utf8');
  const give = (text) => at(page, 'import-file').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await give(file);
  assert.equal(await over(page), 'complete');
  assert.notEqual(chatOf(page), chat);
  assert.equal(await textOf(page), was);
  await answers(page).getByTestId('verified').waitFor();
  await items(page).filter({ hasText: 'Take me along' }).waitFor();

  page.watch.lossy = true;
  await give(file.replace('"crc":"', '"crc":"f00'));
  assert.match(await at(page, 'notice').innerText(), /messages\[1\]\.crc/);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  assert.equal(await at(page, 'notice').count(), 0);
  assert.equal(await items(page).filter({ hasText: 'Take me along' }).count(), 1);
});

test('what one tab begins, the other shows at once', async () => {
  const one = await stack.open();
  const two = await stack.openIn(one.context());
  await ask(one, 'Begun here', 'richierich-slow');
  await shows(one, 5);
  await items(two).filter({ hasText: 'Begun here' }).locator('a').click();
  await shows(two, 20);
  assert.equal(await answers(two).getAttribute('data-state'), 'running');
  await at(two, 'stop').click();
  for (const page of [one, two]) assert.equal(await over(page), 'cancelled');
});

test('switching between versions keeps what follows each', async () => {
  const page = await stack.open();
  await ask(page, 'A', ECHO);
  await over(page);
  await ask(page, 'A after');
  await over(page, 2);
  await questions(page).first().hover();
  await at(page, 'edit').first().click();
  await at(page, 'edit-input').fill('B');
  await at(page, 'edit-input').press('Enter');
  await page.getByText('2 of 2').waitFor();
  await over(page);
  assert.equal(await focused(page), 'composer');
  await ask(page, 'B after');
  await over(page, 2);
  await page.getByLabel('Previous version').first().click();
  await verifiedAs(page, 'A after', 1);
  await page.getByLabel('Next version').first().click();
  await verifiedAs(page, 'B after', 1);
});

test('the drawer holds the focus, and gives it back', async () => {
  const page = await stack.open({ viewport: { width: 390, height: 800 } });
  const button = page.getByRole('button', { name: 'Conversations' });
  await button.click();
  assert.equal(await focused(page), 'new-chat');
  assert.equal(await page.locator('main').evaluate((el) => el.inert), true);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.id === 'drawer-button');
  assert.equal(await page.locator('main').evaluate((el) => el.inert), false);
});
