/** A gateway that asks who you are: the page asks for the credential, keeps it in the tab, shows only its owner's. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { ask, at, over, Stack, verifiedAs } from './stack.mjs';

const KEYS = `auth: {mode: keys}
keys:
  - {name: alice, owner: default/alice, key: alice-key-0123456789abcdef}
  - {name: bob, owner: default/bob, key: bob-key-0123456789abcdef00}
`;
let stack;
before(async () => (stack = await Stack.start(KEYS)));
afterEach(() => stack.closePages());
after(() => stack.close());

async function gated(hash = '') {
  const page = await stack.openIn(await stack.browser.newContext(), hash, false);
  page.watch.lossy = true;
  return page;
}

test('without a credential the page asks for one, and again if it is wrong', async () => {
  const page = await gated();
  await at(page, 'token').fill('wrong');
  await at(page, 'token-save').click();
  await at(page, 'token-refused').waitFor();
  await at(page, 'token').fill('alice-key-0123456789abcdef');
  await at(page, 'token-save').click();
  await at(page, 'token').waitFor({ state: 'detached' });
  await page.waitForSelector('[data-testid=status][data-state=open]');
  await ask(page, 'Mine', 'richierich-echo');
  await over(page);
  await verifiedAs(page, 'Mine');
  await page.reload();
  await verifiedAs(page, 'Mine');
});

test('a credential in the address is taken and leaves it; owners do not see each other', async () => {
  const page = await gated('#token=bob-key-0123456789abcdef00');
  await page.waitForSelector('[data-testid=status][data-state=open]');
  assert.doesNotMatch(page.url(), /bob/);
  await ask(page, 'Bob here', 'richierich-echo');
  await over(page);
  await at(page, 'conversation-item').filter({ hasText: 'Bob here' }).waitFor();
  assert.equal(await at(page, 'conversation-item').filter({ hasText: 'Mine' }).count(), 0);
  assert.equal(await page.evaluate(() => Object.values(localStorage).join()).then((kept) => kept.includes('bob-key')), false);
});
