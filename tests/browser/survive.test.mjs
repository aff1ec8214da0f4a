/** Whatever breaks, the answer ends with exactly the mock's text. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, chatOf, over, shows, Stack, textOf, verifiedAs } from './stack.mjs';

/** Four seconds of text; and half a minute of it, for what is stopped anyway. */
const MODEL = 'richierich';
const SLOW = 'richierich-slow';
let stack;
before(async () => (stack = await Stack.start('drain: {spread_ms: 200}\n')));
afterEach(async () => {
  stack.wire.mend();
  await stack.closePages();
});
after(() => stack.close());

test('reload in the middle', async () => {
  const page = await stack.open();
  await ask(page, 'Reload me', MODEL);
  await shows(page, 60);
  await page.reload();
  await shows(page, 60);
  assert.equal(await answers(page).getAttribute('data-state'), 'running');
  await page.reload();
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, await stack.wholeAnswer(MODEL, 'Reload me'));
});

test('the network is lost and comes back', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Cut me', MODEL);
  await shows(page, 40);
  stack.wire.cut();
  await page.locator('[data-testid=status][data-state=reconnecting]').waitFor();
  assert.match(await at(page, 'status').innerText(), /Reconnecting since \d/);
  stack.wire.mend();
  await page.locator('[data-testid=status][data-state=open]').waitFor();
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, await stack.wholeAnswer(MODEL, 'Cut me'));
  assert.match(await at(page, 'resumed').innerText(), /resumed and verified/);
  assert.match(await at(page, 'status').innerText(), /Resumed and verified/);
});

test('cut ten times over one answer', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Cut me often', MODEL);
  for (let i = 1; i <= 10; i++) {
    await shows(page, 40 * i);
    stack.wire.cut();
    stack.wire.mend();
  }
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, await stack.wholeAnswer(MODEL, 'Cut me often'));
});

test('the browser is offline and online again', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Offline', MODEL);
  await shows(page, 40);
  await page.context().setOffline(true);
  stack.wire.cut();
  await page.locator('[data-testid=status]:is([data-state=offline], [data-state=reconnecting])').waitFor();
  stack.wire.mend();
  await page.context().setOffline(false);
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, await stack.wholeAnswer(MODEL, 'Offline'));
});

test('a question asked while away is sent once it can be', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await at(page, 'model').selectOption('richierich-echo');
  stack.wire.cut();
  await page.locator('[data-testid=status][data-state=reconnecting]').waitFor();
  await ask(page, 'Wait for it');
  stack.wire.mend();
  assert.equal(await over(page), 'complete');
  await verifiedAs(page, 'Wait for it');
});

test('stop after a resume', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Stop me later', SLOW);
  await shows(page, 40);
  stack.wire.cut();
  stack.wire.mend();
  await shows(page, 80);
  await at(page, 'stop').click();
  assert.equal(await over(page), 'cancelled');
});

test('the gateway is killed and started again', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Kill it', MODEL);
  await shows(page, 60);
  await stack.gateway.stop('SIGKILL');
  await page.locator('[data-testid=status][data-state=reconnecting]').waitFor();
  await stack.startGateway();
  assert.equal(await over(page, 1, 90_000), 'complete');
  await verifiedAs(page, await stack.wholeAnswer(MODEL, 'Kill it'));
});

test('the gateway drains: its clients are told, and nothing finished is lost', async () => {
  const page = await stack.open();
  page.watch.lossy = true;
  await ask(page, 'Kept', 'richierich-echo');
  await over(page);
  await stack.gateway.stop('SIGTERM');
  await stack.startGateway();
  await page.locator('[data-testid=status][data-state=open]').waitFor({ timeout: 40_000 });
  await page.reload();
  await verifiedAs(page, 'Kept');
});

test('two tabs show the same answer as it grows', async () => {
  const one = await stack.open();
  await ask(one, 'Both of us', SLOW);
  await shows(one, 30);
  const two = await stack.openIn(one.context(), new URL(one.url()).hash);
  await shows(two, 30);
  assert.equal(await answers(two).getAttribute('data-state'), 'running');
  await at(two, 'stop').click();
  for (const page of [one, two]) assert.equal(await over(page), 'cancelled');
  assert.equal(await textOf(one), await textOf(two));
});

test('a tab that looks on sees what the other asks', async () => {
  const one = await stack.open();
  await ask(one, 'Begin', 'richierich-echo');
  await over(one);
  const two = await stack.openIn(one.context(), new URL(one.url()).hash);
  await over(two);
  await ask(one, 'Go on', SLOW);
  await shows(two, 30, 1);
  assert.equal(await answers(two).nth(1).getAttribute('data-state'), 'running');
  await at(one, 'stop').click();
  await over(two, 2);
  assert.equal(chatOf(one), chatOf(two));
});
