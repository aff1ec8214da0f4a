/** A gateway that has enough to do: the page says until when, counts down, and lets it be asked again then. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { ask, at, over, shows, Stack, verifiedAs } from './stack.mjs';

let stack;
before(async () => (stack = await Stack.start('limits: {generations: 1}\n')));
afterEach(() => stack.closePages());
after(() => stack.close());

test('asked too often: until when, and again after that', async () => {
  const one = await stack.open();
  const two = await stack.open();
  await ask(one, 'Takes long', 'richierich-slow');
  await shows(one, 5);
  await ask(two, 'In between', 'richierich-echo');
  assert.equal(await over(two), 'refused');
  assert.match(await at(two, 'until').innerText(), /again at \d+:\d\d:\d\d.*, in 1 s|asked again now/);
  await at(one, 'stop').click();
  await over(one);
  await at(two, 'until').filter({ hasText: 'asked again now' }).waitFor();
  await at(two, 'regenerate').click();
  await over(two);
  await verifiedAs(two, 'In between');
});
