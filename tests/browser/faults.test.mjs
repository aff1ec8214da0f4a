/** Each fault of the upstream, as a person sees it: mended unseen, or said in words. Never a half answer as a whole one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answers, ask, at, chatOf, over, Stack } from './stack.mjs';

const EXTRA = 'upstream: {first_token_ms: 5000, between_tokens_ms: 1000, stalled_ms: 300, backoff_ms: 50, breaker_failures: 1000}\n';
const MENDED = ['s01', 's03', 's05', 's06', 's07', 's08', 's09', 's10', 's11', 's15', 's16', 'inband-error', 'nousage', 'slice1', 'crlf', 'burst', 'split', 'cutchar', 'comments'];
const SAID = { s02: 'error', s04: 'error', s12: 'error', s13: 'filtered', length: 'length' };

let stack;
before(async () => (stack = await Stack.start(EXTRA)));
after(() => stack.close());

// Most of it is waiting for the mock: a few side by side.
describe('a fault of the upstream', { concurrency: 6 }, () => {
  for (const name of MENDED) {
    test(`${name} is mended unseen`, async () => {
      const page = await stack.open();
      await ask(page, `Fault ${name}`, `richierich-${name}`);
      assert.equal(await over(page, 1, 60_000), 'complete');
      await answers(page).getByTestId('verified').waitFor();
      assert.equal(await at(page, 'outcome').count(), 0);
      const { messages } = await stack.history(chatOf(page));
      assert.equal((await answers(page).getByTestId('verified').innerText()).trim().slice(-8), messages.at(-1).crc);
      await stack.closePage(page);
    });
  }

  for (const [name, state] of Object.entries(SAID)) {
    test(`${name} is said in words`, async () => {
      const page = await stack.open();
      await ask(page, `Fault ${name}`, `richierich-${name}`);
      assert.equal(await over(page, 1, 60_000), state);
      const words = await at(page, 'outcome').innerText();
      assert.ok(words.length > 10, words);
      await page.reload();
      assert.equal(await over(page), state);
      assert.equal(await at(page, 'outcome').innerText(), words, 'the same after a reload');
      await stack.closePage(page);
    });
  }
});
