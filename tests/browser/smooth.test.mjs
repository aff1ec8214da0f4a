/** How soon and how evenly things come onto the screen, in milliseconds: tests/run gives it the machine for itself. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { answers, ask, at, over, Stack, verifiedAs } from './stack.mjs';

const QUICK = `routes:
  - {model: quick, to: [{upstream: mock, model: richierich, body: '{"rate":200}'}]}
  - {model: long, to: [{upstream: mock, model: richierich, body: '{"rate":300,"tokens":1500}'}]}
`;
let stack;
before(async () => (stack = await Stack.start(QUICK)));
afterEach(() => stack.closePages());
after(() => stack.close());

test('a token is painted within a frame or two of its arrival', async () => {
  const page = await stack.open();
  await page.addInitScript(() => {
    const Real = window.Worker;
    window.arrived = [];
    window.Worker = class extends Real {
      constructor(...args) {
        super(...args);
        const isText = (item) => item.events?.some((e) => e.type === 'text');
        this.addEventListener('message', (e) => e.data.some(isText) && window.arrived.push(performance.now()));
      }
    };
  });
  await page.reload();
  await page.waitForSelector('[data-testid=status][data-state=open]');
  await page.evaluate(() => {
    window.late = [];
    let length = 0;
    new MutationObserver(() => {
      const now = document.querySelector('[data-testid=text]')?.textContent.length ?? 0;
      if (now > length) window.late.push(...window.arrived.splice(0).map((at) => performance.now() - at));
      length = now;
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await ask(page, 'How fast', 'richierich');
  await over(page);
  const late = (await page.evaluate(() => window.late)).sort((a, b) => a - b);
  assert.ok(late.length > 50);
  assert.ok(late[Math.floor(late.length * 0.9)] < 60, `90 % within ${late[Math.floor(late.length * 0.9)]} ms`);
});

test('the last token is painted at most 100 ms after it came to this machine', async () => {
  const page = await stack.open();
  await page.evaluate(() => {
    const channel = new MessageChannel(); // after a frame has been painted
    channel.port1.onmessage = () => (window.painted = performance.timeOrigin + performance.now());
    let length = 0;
    new MutationObserver(() => {
      const texts = document.querySelectorAll('[data-testid=text]');
      const now = [...texts].reduce((sum, el) => sum + el.textContent.length, 0);
      if (now !== length) requestAnimationFrame(() => channel.port2.postMessage(0));
      length = now;
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const late = [];
  for (let i = 0; i < 5; i++) {
    await ask(page, `Hurry ${i}`, 'quick');
    await verifiedAs(page, await stack.wholeAnswer('richierich', `Hurry ${i}`), i);
    const text = answers(page).nth(i).getByTestId('text');
    await page.waitForFunction(() => performance.timeOrigin + performance.now() > window.painted + 250); // nothing came after it
    late.push((await page.evaluate(() => window.painted)) - stack.wire.lastText);
    assert.ok((await text.innerText()).length > 100);
  }
  late.sort((a, b) => a - b);
  if (process.env.SHOTS) console.log(`last token to paint, ms: ${late.map(Math.round)}`);
  assert.ok(late[0] > 0, `${late}`);
  assert.ok(late[2] <= 100, `half within ${late[2]} ms of ${late}`);
});

test('a conversation of 500 messages opens within a second, scrolls smoothly and goes on', async () => {
  const page = await stack.open();
  const markdown = (i) => `## Turn ${i}\n\nSome **bold** text and \`code\`.\n\n- a\n- b\n\n\`\`\`js\nconst x = ${i}; // why\n\`\`\`\n\n| a | b |\n|---|---|\n| ${i} | 2 |\n\nAnd some more words.`;
  const turns = Array.from({ length: 250 }, (_, i) => [{ role: 'user', text: `Turn ${i}` }, { role: 'assistant', text: markdown(i) }]);
  await stack.import({ title: 'Long', messages: turns.flat() });
  await page.reload();
  await at(page, 'conversation-item').filter({ hasText: 'Long' }).waitFor();
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

test('the end stays in view, and does not jump when the answer ends', async () => {
  const page = await stack.open();
  await page.evaluate(() => {
    window.steps = [];
    let last = 0;
    const look = () => {
      const el = document.querySelector('[role=log]');
      const top = el?.scrollTop ?? 0;
      if (top !== last) window.steps.push(top - last);
      last = top;
      requestAnimationFrame(look);
    };
    look();
  });
  await ask(page, 'A long one', 'long');
  await over(page);
  await page.waitForFunction(() => {
    const el = document.querySelector('[role=log]');
    return el.scrollHeight - el.clientHeight - el.scrollTop < 2;
  });
  const steps = await page.evaluate(() => window.steps);
  assert.ok(steps.length > 60, `${steps.length} steps`);
  assert.ok(Math.min(...steps) >= 0, 'never up');
  assert.ok(Math.max(...steps) < 200, `at most ${Math.max(...steps)} px in a frame`);
  assert.equal(await page.getByRole('button', { name: 'Latest' }).count(), 0);
});
