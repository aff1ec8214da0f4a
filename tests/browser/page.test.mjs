/** The page around the answers: conversations, errors, hostile text, weight, looks. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, chatOf, choose, over, Stack, textOf, verifiedAs } from './stack.mjs';

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
  await choose(page, 'An apple', 'rename');
  await page.getByLabel('Title').fill('A pear');
  await page.getByLabel('Title').press('Enter');
  await items(page).filter({ hasText: 'A pear' }).waitFor();

  await at(page, 'search').fill('banana');
  await items(page).filter({ hasText: 'A pear' }).waitFor({ state: 'detached' });
  await items(page).filter({ hasText: 'A banana' }).waitFor();
  await at(page, 'search').fill('');
  await items(page).filter({ hasText: 'A pear' }).waitFor();

  for (const [id, pattern] of [['export-markdown', /An apple/], ['export-json', /"messages"/]]) {
    const [download] = await Promise.all([page.waitForEvent('download'), choose(page, 'A pear', id)]);
    assert.match(await readFile(await download.path(), 'utf8'), pattern);
  }

  await choose(page, 'A pear', 'delete');
  const sure = page.getByRole('menuitem', { name: 'Really delete?' });
  await sure.click();
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

test('the first load weighs at most 90 kB with gzip', async () => {
  const page = await stack.open();
  await page.setExtraHTTPHeaders({ 'Accept-Encoding': 'gzip' });
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
  assert.ok(total <= 90_000, `${total} bytes`);
  if (process.env.SHOTS) console.log(`first load: ${total} bytes`);
});

test('served with the policy that was promised', async () => {
  const response = await fetch(stack.url);
  const policy = response.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('a conversation of 500 messages opens within a second, scrolls smoothly and goes on', async () => {
  const page = await stack.open();
  const markdown = (i) => `## Turn ${i}\n\nSome **bold** text and \`code\`.\n\n- a\n- b\n\n\`\`\`js\nconst x = ${i}; // why\n\`\`\`\n\n| a | b |\n|---|---|\n| ${i} | 2 |\n\nAnd some more words.`;
  const turns = Array.from({ length: 250 }, (_, i) => [{ role: 'user', text: `Turn ${i}` }, { role: 'assistant', text: markdown(i) }]);
  await stack.import({ title: 'Long', messages: turns.flat() });
  await page.reload();
  await items(page).filter({ hasText: 'Long' }).waitFor();
  const opened = await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const began = performance.now();
    [...document.querySelectorAll('[data-testid=conversation-item] a')].find((a) => a.textContent.includes('Long')).click();
    while (document.querySelectorAll('[data-testid=verified]').length < 250) await frame();
    await frame();
    return performance.now() - began;
  });
  assert.ok(opened < 1000, `${opened} ms`);
  const atEnd = () => page.waitForFunction(() => { const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight < 50; });
  await atEnd();

  const frames = await page.evaluate(async () => {
    const el = document.querySelector('.scroller');
    const took = [];
    for (let i = 0, last = performance.now(); i < 120; i++) {
      el.scrollTop -= 300;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      took.push(performance.now() - last);
      last = performance.now();
    }
    return took.sort((a, b) => a - b);
  });
  assert.ok(frames[60] < 25 && frames[114] < 60, `frames: half within ${frames[60]} ms, 95 % within ${frames[114]} ms`);
  await at(page, 'latest').click();
  await atEnd();
  await ask(page, 'And on', 'richierich-echo');
  await over(page, 251);
  await verifiedAs(page, 'And on', 250);
  await atEnd();
});
