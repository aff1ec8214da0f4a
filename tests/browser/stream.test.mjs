/** Answers come as they are written, and can be stopped, asked again, edited. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, chatOf, over, shows, Stack, textOf, verifiedAs } from './stack.mjs';

let stack;
before(async () => (stack = await Stack.start()));
afterEach(() => stack.closePages());
after(() => stack.close());

test('tokens become visible as they come', async () => {
  const page = await stack.open();
  await page.evaluate(() => {
    window.seen = [];
    const look = () => {
      const text = document.querySelector('[data-testid=text]')?.textContent ?? '';
      if (text.length !== (window.seen.at(-1)?.length ?? 0)) window.seen.push({ length: text.length, at: performance.now() });
      requestAnimationFrame(look);
    };
    look();
  });
  await ask(page, 'Show me', 'richierich');
  await shows(page, 40);
  assert.equal(await page.getByRole('log').getAttribute('aria-busy'), 'true');
  assert.equal(await over(page), 'complete');
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.length > 50, `${seen.length} states seen`);
  assert.ok(seen.at(-1).at - seen[0].at > 1000, 'spread over time');
  assert.ok(seen.every((s, i) => i === 0 || s.length > seen[i - 1].length - 4), 'only growing');
  await verifiedAs(page, await stack.wholeAnswer('richierich', 'Show me'));
  assert.equal(await page.getByRole('log').getAttribute('aria-busy'), 'false');
});

test('what streamed looks the same as what is read back', async () => {
  const same = async (model) => {
    const page = await stack.open();
    await ask(page, 'Same', model);
    await over(page);
    const streamed = await textOf(page);
    await page.reload();
    await over(page);
    assert.equal(await textOf(page), streamed);
    await verifiedAs(page, await stack.wholeAnswer(model, 'Same'));
  };
  await Promise.all(['richierich', 'richierich-rrml'].map(same));
});

test('stop', async () => {
  const page = await stack.open();
  await ask(page, 'A long one', 'richierich-slow');
  await shows(page, 20);
  await at(page, 'stop').click();
  assert.equal(await over(page), 'cancelled');
  assert.match(await at(page, 'outcome').innerText(), /Stopped/);
  await at(page, 'send').waitFor();
  const { messages } = await stack.history(chatOf(page));
  assert.equal(messages.at(-1).state, 'cancelled');
  assert.ok((await stack.wholeAnswer('richierich-slow', 'A long one')).startsWith(messages.at(-1).text));
});

test('Escape stops, Shift+Enter makes a line', async () => {
  const page = await stack.open();
  await at(page, 'model').selectOption('richierich-slow');
  await at(page, 'composer').fill('one');
  await at(page, 'composer').press('Shift+Enter');
  await at(page, 'composer').pressSequentially('two');
  await at(page, 'composer').press('Enter');
  assert.equal(await at(page, 'message-user').locator('.said').innerText(), 'one\ntwo');
  await shows(page, 5);
  await page.keyboard.press('Escape');
  assert.equal(await over(page), 'cancelled');
});

test('regenerate branches, and the versions can be looked at', async () => {
  const page = await stack.open();
  await ask(page, 'Again', 'richierich-echo');
  await over(page);
  await at(page, 'model').selectOption('richierich-fast');
  await at(page, 'regenerate').click();
  await page.getByText('2 of 2').waitFor();
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, await stack.wholeAnswer('richierich-fast', 'Again'));
  await page.getByLabel('Previous version').click();
  await verifiedAs(page, 'Again');
  await page.reload();
  await page.getByText('2 of 2').waitFor();
  const { messages } = await stack.history(chatOf(page));
  assert.deepEqual(messages.map((m) => m.role), ['user', 'assistant', 'assistant']);
});

test('editing a question branches there', async () => {
  const page = await stack.open();
  await ask(page, 'First', 'richierich-echo');
  await over(page);
  await ask(page, 'Second');
  await over(page, 2);
  await at(page, 'message-user').first().hover();
  await at(page, 'edit').first().click();
  await at(page, 'edit-input').fill('Other');
  await at(page, 'edit-save').click();
  await page.getByText('2 of 2').waitFor();
  await over(page);
  assert.equal(await answers(page).count(), 1);
  await verifiedAs(page, 'Other');
  await page.getByLabel('Previous version').click();
  assert.equal(await answers(page).count(), 2);
  await verifiedAs(page, 'Second', 1);
});

test('a whole conversation goes to the model, in order', async () => {
  const page = await stack.open();
  for (const [i, text] of ['one', 'two', 'three'].entries()) {
    await ask(page, text, 'richierich-echo');
    await over(page, i + 1);
    await verifiedAs(page, text, i);
  }
  const { messages } = await stack.history(chatOf(page));
  assert.equal(messages.length, 6);
  for (const [i, m] of messages.entries()) assert.equal(m.parent, i === 0 ? null : messages[i - 1].id);
});
