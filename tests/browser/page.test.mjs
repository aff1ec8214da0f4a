/** The page around the answers: conversations, errors, hostile text, weight, looks. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
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

/** What is served of `url` to one who takes gzip: bytes of its body, and the headers. */
const served = (url) =>
  new Promise((resolve, reject) => {
    get(url, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) => {
      let bytes = 0;
      for await (const part of response) bytes += part.length;
      resolve({ bytes, headers: response.headers });
    }).on('error', reject);
  });

test('the first load, with the script of the Worker, weighs at most 90 kB with gzip', async () => {
  const context = await stack.browser.newContext();
  const urls = new Set();
  context.on('request', (request) => new URL(request.url()).pathname.startsWith('/v1/') || urls.add(request.url()));
  const page = await stack.openIn(context);
  await page.waitForLoadState('networkidle');
  const parts = await Promise.all([...urls].map(async (url) => ({ url, ...(await served(url)) })));
  for (const part of [/worker-script-.*\.js$/, /index-.*\.js$/, /\.css$/, /\.woff2$/]) assert.ok(parts.some(({ url }) => part.test(url)), `${part} in ${[...urls]}`);
  for (const { url, headers } of parts) assert.equal(headers['content-encoding'], url.endsWith('.woff2') ? undefined : 'gzip', url);
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(total <= 90_000, `${total} bytes`);
  if (process.env.SHOTS) console.log(`first load: ${total} bytes`);
});

test('served with the policy that was promised', async () => {
  const response = await fetch(stack.url);
  const policy = response.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('the Worker is held to the same policy: it asks its own gateway, and makes no code', async () => {
  const page = await stack.open();
  const [worker] = page.workers();
  const { headers } = await served(worker.url());
  assert.equal(headers['content-security-policy'], (await served(stack.url)).headers['content-security-policy']);
  const elsewhere = `http://127.0.0.1:${stack.mock.port}/health`;
  const found = await worker.evaluate(async (url) => {
    const violated = [];
    addEventListener('securitypolicyviolation', (e) => violated.push(e.effectiveDirective), { once: true });
    const fetched = await fetch(url, { mode: 'no-cors' }).then(() => 'fetched', (e) => e.name);
    const made = await new Promise((resolve) => setTimeout(() => {
      try {
        resolve(new Function('return "made"')());
      } catch (e) {
        resolve(e.name);
      }
    }));
    return { fetched, made, violated };
  }, elsewhere);
  assert.deepEqual(found, { fetched: 'TypeError', made: 'EvalError', violated: ['connect-src'] });
  page.watch.wrong = page.watch.wrong.filter((text) => !/Content Security Policy/.test(text));
  page.watch.foreign = page.watch.foreign.filter((url) => url !== elsewhere);
});
