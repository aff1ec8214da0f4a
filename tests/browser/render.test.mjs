/** How text comes onto the page: hostile text in a real browser, the end kept in view, one message a frame. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, over, shows, Stack } from './stack.mjs';

const ATTACKS = JSON.parse(await readFile(join(dirname(fileURLToPath(import.meta.url)), '../../frontend/app/test/attacks.json'), 'utf8'));
const ROUTES = `
routes:
  - {model: echo, to: [{upstream: mock, model: richierich-echo, body: '{"rate":0,"token_size":3}'}]}
  - {model: quick, to: [{upstream: mock, model: richierich, body: '{"rate":300,"tokens":2400}'}]}`;

let stack;
before(async () => (stack = await Stack.start(ROUTES)));
afterEach(() => stack.closePages());
after(() => stack.close());

test('the corpus of attacks does nothing', async () => {
  const page = await stack.open();
  const size = Math.ceil(ATTACKS.length / 6);
  for (let i = 0; i < 6; i++) {
    // Without NUL and lone carriage returns, which no text field keeps.
    const text = ATTACKS.slice(i * size, (i + 1) * size).join('\n\n').replaceAll('\0', '').replaceAll('\r', '\n');
    await ask(page, text, 'echo');
    assert.equal(await over(page, i + 1), 'complete');
  }
  const found = await page.evaluate(() => {
    const tags = new Set('a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr li ol p pre section span strong table tbody td th thead tr ul'.split(' '));
    const attributes = new Set(['class', 'href', 'rel', 'target', 'start', 'type', 'tabindex']);
    const all = [...document.querySelectorAll('[data-testid=text] *')];
    const odd = all.filter((e) => !tags.has(e.localName) || [...e.attributes].some((a) => !attributes.has(a.name)));
    const stops = all.filter((e) => e.hasAttribute('tabindex') && !(e.matches('pre, div.table') && e.tabIndex === 0));
    const links = all.filter((e) => e.hasAttribute('href'));
    const bad = links.filter((e) => e.localName !== 'a' || !['http:', 'https:', 'mailto:'].includes(e.protocol) || e.rel !== 'noopener noreferrer nofollow');
    return { all: all.length, links: links.length, odd: [...odd, ...stops].map((e) => e.outerHTML), bad: bad.map((e) => e.outerHTML) };
  });
  assert.ok(found.all > 500 && found.links > 20, JSON.stringify(found));
  assert.deepEqual([found.odd, found.bad], [[], []]);
});

/** How far the end of the conversation is below what is seen. */
const below = (page) => page.getByRole('log').evaluate((el) => el.scrollHeight - el.clientHeight - el.scrollTop);
const topOf = (page) => page.getByRole('log').evaluate((el) => el.scrollTop);
const isHeld = (page) => page.getByRole('button', { name: 'Latest' }).count().then((n) => n === 0);

/** An answer of a few screens that is being written. */
async function streaming(page) {
  await ask(page, 'A long one', 'quick');
  await shows(page, 2500);
}

test('any gesture of the reader lets go, and the end takes hold again', async () => {
  const page = await stack.open();
  const log = page.getByRole('log');
  const box = await log.boundingBox();
  const gestures = {
    wheel: () => page.mouse.wheel(0, -300),
    key: async () => (await log.focus(), await page.keyboard.press('PageUp')),
    selection: () => page.evaluate(() => getSelection().selectAllChildren(document.querySelector('[data-testid=text] p'))),
  };
  await streaming(page);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (const [name, gesture] of Object.entries(gestures)) {
    await gesture();
    await page.getByRole('button', { name: 'Latest' }).waitFor();
    await page.evaluate(() => getSelection().removeAllRanges());
    assert.equal(await isHeld(page), false, name);
    await page.getByRole('button', { name: 'Latest' }).click();
    await page.waitForFunction(() => !document.querySelector('.latest'));
    assert.equal(await isHeld(page), true, name);
  }
  await page.mouse.wheel(0, -300);
  await page.getByRole('button', { name: 'Latest' }).waitFor();
  const before = await topOf(page);
  await over(page);
  assert.ok(Math.abs((await topOf(page)) - before) < 400 && (await below(page)) > 100, 'the end pulled nobody down');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, 100_000);
  await page.waitForFunction(() => !document.querySelector('.latest'));
});

test('who wants less motion is at the end at once', async () => {
  const page = await stack.open({ reducedMotion: 'reduce' });
  await page.evaluate(() => {
    window.behind = [];
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const el = document.querySelector('[role=log]');
      window.behind.push(el.scrollHeight - el.clientHeight - el.scrollTop);
    };
    const look = () => (channel.port2.postMessage(0), requestAnimationFrame(look));
    look();
  });
  await streaming(page);
  const behind = await page.evaluate(() => window.behind);
  assert.ok(behind.filter((px) => px > 2).length <= behind.length * 0.02, `behind in ${behind.filter((px) => px > 2).length} of ${behind.length} frames`);
});

test('the socket is in a Worker, which sends at most one message a frame', async () => {
  const page = await stack.open();
  await page.addInitScript(() => {
    const Real = window.Worker;
    window.counts = { frames: 0, messages: 0, sockets: 0 };
    window.Worker = class extends Real {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', () => window.counts.messages++);
      }
    };
    window.WebSocket = class extends window.WebSocket {
      constructor(...args) {
        super(...args);
        window.counts.sockets++;
      }
    };
    const frame = () => (window.counts.frames++, requestAnimationFrame(frame));
    frame();
  });
  await page.reload();
  await page.waitForSelector('[data-testid=status][data-state=open]');
  await page.evaluate(() => void (window.counts.frames = window.counts.messages = 0));
  await streaming(page);
  const { frames, messages, sockets } = await page.evaluate(() => window.counts);
  assert.equal(sockets, 0);
  assert.ok(messages > 20 && messages <= frames + 2, `${messages} messages in ${frames} frames`);
});
