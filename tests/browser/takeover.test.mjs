/**
 * Two gateways over one Redis and one Postgres; the one that produces an answer is killed under it, and never comes back.
 *
 *     page --> Wire --> one (kill -9)        two, which nobody asked: holds the same log, and takes the answer over
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, over, shows, Stack, textOf, verifiedAs } from './stack.mjs';

let stack, two;
before(async () => {
  stack = await Stack.start('', { shared: true });
  two = await stack.launch('two');
});
afterEach(() => stack.closePages());
after(() => stack.close()); // `two` is the stack's gateway by then

test('the gateway that writes is killed: another takes the answer over, and the page says so', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  assert.match(await at(page, 'node').innerText(), /gateway one/);
  await ask(page, 'Take it over', 'richierich');
  await shows(page, 60);
  const onlooker = await stack.openIn(page.context(), new URL(page.url()).hash);
  onlooker.watch.lossy = true;
  await shows(onlooker, 60);

  stack.wire.target = two.port;
  await stack.gateway.stop('SIGKILL');
  stack.gateway = two;
  const whole = await stack.wholeAnswer('richierich', 'Take it over');
  for (const tab of [page, onlooker]) {
    assert.equal(await over(tab), 'complete');
    await verifiedAs(tab, whole);
    assert.equal(await at(tab, 'taken-over').innerText(), 'taken over');
    assert.match(await at(tab, 'resumed').innerText(), /resumed and verified/);
    assert.match(await at(tab, 'node').innerText(), /gateway two/);
  }
  assert.equal(await textOf(page), await textOf(onlooker));
  await at(page, 'verified').click();
  assert.match(await at(page, 'details').innerText(), /Taken over by another gateway, which continued from the text so far/);

  await page.reload();
  await verifiedAs(page, whole);
  assert.equal(await answers(page).count(), 1);
});
