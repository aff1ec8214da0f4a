/** The page around the answers: conversations, errors, hostile text, weight, looks. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, chatOf, over, Stack, textOf, verifiedAs } from './stack.mjs';

const items = (page) => at(page, 'conversation-item');
let stack;
before(async () => (stack = await Stack.start()));
afterEach(() => stack.closePages());
after(() => stack.close());

test('conversations: listed, opened, renamed, searched, exported, deleted', async () => {
  const page = await stack.open();
  for (const text of ['An apple', 'A banana', 'A cherry']) {
    await at(page, 'new-chat').click();
    await ask(page, text, 'richierich-echo');
    await over(page);
    await items(page).filter({ hasText: text }).waitFor();
  }
  assert.match(await items(page).first().innerText(), /A cherry/);

  await items(page).filter({ hasText: 'An apple' }).locator('a').click();
  await verifiedAs(page, 'An apple');
  await at(page, 'rename').click();
  await page.getByLabel('Title').fill('A pear');
  await page.getByLabel('Title').press('Enter');
  await items(page).filter({ hasText: 'A pear' }).waitFor();

  await at(page, 'search').fill('banana');
  await items(page).filter({ hasText: 'A pear' }).waitFor({ state: 'detached' });
  await items(page).filter({ hasText: 'A banana' }).waitFor();
  await at(page, 'search').fill('');
  await items(page).filter({ hasText: 'A pear' }).waitFor();

  for (const [id, pattern] of [['export-markdown', /An apple/], ['export-json', /"messages"/]]) {
    const [download] = await Promise.all([page.waitForEvent('download'), at(page, id).click()]);
    assert.match(await readFile(await download.path(), 'utf8'), pattern);
  }

  await at(page, 'delete').click();
  assert.match(await at(page, 'delete').innerText(), /Really/);
  await at(page, 'delete').click();
  await items(page).filter({ hasText: 'A pear' }).waitFor({ state: 'detached' });
  assert.equal(chatOf(page), null);
  assert.equal(await items(page).count(), 2);
});

test('back and forward in the browser', async () => {
  const page = await stack.open();
  await ask(page, 'Here', 'richierich-echo');
  await over(page);
  await at(page, 'new-chat').click();
  await ask(page, 'There', 'richierich-echo');
  await over(page);
  await page.goBack();
  await page.goBack();
  await verifiedAs(page, 'Here');
});

test('more conversations than one page of the list', async () => {
  const page = await stack.open();
  await page.evaluate(async () => {
    for (let i = 0; i < 60; i++) {
      await fetch('/v1/chat/completions', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ model: 'richierich-echo', messages: [{ role: 'user', content: `Number ${i}` }] }),
      });
    }
  });
  await page.reload();
  await items(page).first().waitFor();
  const { next } = await (await fetch(`http://127.0.0.1:${stack.gateway.port}/v1/conversations?limit=50`)).json();
  assert.notEqual(next, null);
  assert.equal(await items(page).count(), 50);
  await page.getByText('Older').click();
  await items(page).nth(55).waitFor();
});

test('an error is a sentence, and can be retried', async () => {
  const page = await stack.open();
  await ask(page, 'Too much', 'richierich-s12');
  assert.equal(await over(page), 'error');
  const error = await at(page, 'error').innerText();
  assert.ok(error.length > 10 && /[a-z] [a-z]/.test(error), error);
  assert.equal(await at(page, 'verified').count(), 1, 'the nothing that came is proved, too');
  await at(page, 'model').selectOption('richierich-echo');
  await at(page, 'regenerate').click();
  await page.getByText('2 of 2').waitFor();
  assert.equal(await over(page), 'complete');
});

test('an answer that ends too soon says so', async () => {
  const page = await stack.open();
  await ask(page, 'Shorten', 'richierich-length');
  assert.equal(await over(page), 'length');
  assert.match(await at(page, 'outcome').innerText(), /length limit/);
});

test('what the gateway refuses is kept and can be sent again', async () => {
  const page = await stack.open();
  await ask(page, 'x'.repeat(600_000), 'richierich-echo');
  assert.equal(await over(page), 'refused');
  assert.match(await at(page, 'error').innerText(), /bytes/);
  await ask(page, 'Shorter');
  await over(page);
  await verifiedAs(page, 'Shorter');
});

test('hostile text stays text', async () => {
  const page = await stack.open();
  const attacks = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '![x](https://evil.example/track.png)',
    '<response onclick="alert(1)"><body onload=alert(1)><link href="javascript:alert(1)">x</link></body></response>',
    '<style>*{display:none}</style>',
  ];
  await ask(page, attacks.join('\n\n'), 'richierich-echo');
  assert.equal(await over(page), 'complete');
  const found = await answers(page)
    .getByTestId('text')
    .evaluate((el) => [...el.querySelectorAll('*')].filter((e) => /script|img|style|iframe/.test(e.localName) || [...e.attributes].some((a) => a.name.startsWith('on') || /javascript/i.test(a.value))).length);
  assert.equal(found, 0);
  assert.match(await textOf(page), /&lt;script&gt;/);
});

test('the first load weighs at most 90 kB', async () => {
  const page = await stack.open();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const sizes = new Map();
  const names = new Map();
  session.on('Network.responseReceived', (e) => names.set(e.requestId, e.response.url));
  session.on('Network.loadingFinished', (e) => sizes.set(e.requestId, e.encodedDataLength));
  await page.reload({ waitUntil: 'networkidle' });
  const total = [...sizes].filter(([id]) => !names.get(id)?.includes('/v1/')).reduce((sum, [, n]) => sum + n, 0);
  assert.ok(total > 20_000, `${total} bytes`);
  assert.ok(total <= 90 * 1024, `${total} bytes`);
});

test('served with the policy that was promised', async () => {
  const response = await fetch(stack.url);
  const policy = response.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('axe finds nothing, light and dark', async () => {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const page = await stack.open({ colorScheme });
    await ask(page, 'Look closely', 'richierich');
    await over(page);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`), [], colorScheme);
  }
});

test('fits a phone, light and dark', async () => {
  const shots = process.env.SHOTS;
  for (const colorScheme of ['light', 'dark']) {
    const page = await stack.open({ colorScheme, viewport: { width: 390, height: 780 }, deviceScaleFactor: 2 });
    await ask(page, 'On the way', 'richierich');
    await over(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `${wide} px wide`);
    if (shots) await page.screenshot({ path: join(shots, `phone-${colorScheme}.png`) });
    await page.setViewportSize({ width: 1280, height: 860 });
    if (shots) await page.screenshot({ path: join(shots, `desktop-${colorScheme}.png`) });
  }
});

test('a conversation of 500 messages opens and goes on', async () => {
  const page = await stack.open();
  await ask(page, 'Turn 0', 'richierich-echo');
  await over(page);
  const chat = chatOf(page);
  await page.evaluate(async (id) => {
    const { port, hostname } = location;
    const socket = new WebSocket(`ws://${hostname}:${port}/v1/ws`, 'lastword.v1.json');
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.send(JSON.stringify({ type: 'hello' }));
    for (let i = 1; i < 250; i++) {
      const gen = `${String(i).padStart(8, '0')}-0000-7000-8000-000000000000`;
      const done = new Promise((resolve) => (socket.onmessage = (e) => e.data.includes('"done"') && e.data.includes(gen) && resolve()));
      socket.send(JSON.stringify({ type: 'send', gen, chat: id, model: 'richierich-echo', input: `Turn ${i}, with **some** Markdown:\n\n- a\n- b\n` }));
      await done;
    }
    socket.close();
  }, chat);
  const began = Date.now();
  await page.reload();
  await answers(page).nth(249).getByTestId('verified').waitFor();
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
  assert.equal(await at(page, 'verified').count(), 250);
  await ask(page, 'And on', 'richierich-echo');
  await over(page, 251);
  await verifiedAs(page, 'And on', 250);
  assert.ok(await page.evaluate(() => { const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight < 50; }), 'its end is in view');
});
