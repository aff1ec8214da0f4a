/**
 * One answer, or ten, in a fresh browser, and what it cost.
 *
 *     type, ask --> feed --> page      probe.js: frames, long tasks, what was on the screen when
 *                                      Chromium: time in script and layout of the main thread
 *                                      /proc: processor time of every thread of the page's process
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const TICK_MS = 10;
const ANSWERS = 10;
/** What is loaded and compiled in the first second is not the answer's. */
const SETTLED_MS = 1000;
const TYPED = 'while the answer is written somebody types the next question ';

async function open(line) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS.split(' ') });
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 850 } })).newPage();
  page.on('pageerror', (e) => console.error(`in the page: ${e.message}`));
  page.on('console', (m) => m.type() === 'error' && console.error(`in the page: ${m.text()}`));
  await page.addInitScript({ path: join(dirname(fileURLToPath(import.meta.url)), 'probe.js') });
  await page.goto(`http://127.0.0.1:${line.port}/`);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const box = page.getByTestId('composer');
  await box.waitFor();
  return { browser, page, cdp, box };
}

/** Asks `model`; our page has a picker, the others take its word. */
async function ask({ page, box }, name, model, text) {
  if (name === 'lastword') await page.getByTestId('model').selectOption(model);
  else await page.evaluate((m) => void (window.model = m), model);
  await box.fill(text);
  await box.press('Enter');
}

/** Resolves when the answer is over. */
function over({ page }, name) {
  const running = name === 'lastword' ? '[data-testid=stop]' : 'form[data-running=true]';
  const over = (busy) => !document.querySelector(busy) && document.querySelector('[data-testid=text]')?.lastElementChild != null;
  return page.waitForFunction(over, running, { timeout: 240_000, polling: 500 });
}

async function metrics(cdp) {
  const { metrics: list } = await cdp.send('Performance.getMetrics');
  return Object.fromEntries(list.map((m) => [m.name, m.value]));
}

/** Processor time of each thread of the page's process, in ms. */
async function threads(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const found = {};
  for (const { id, type } of processInfo) {
    if (type !== 'renderer') continue;
    for (const task of await readdir(`/proc/${id}/task`).catch(() => [])) {
      const stat = await readFile(`/proc/${id}/task/${task}/stat`, 'utf8').catch(() => null);
      if (!stat) continue;
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
      found[name] = (found[name] ?? 0) + (user + system) * TICK_MS;
    }
  }
  return found;
}

/** The page's clock less ours, in ms. */
async function clockOf(page) {
  let best = { width: Infinity, offset: 0 };
  for (let i = 0; i < 9; i++) {
    const before = performance.now();
    const there = await page.evaluate(() => window.probe.now());
    const after = performance.now();
    if (after - before < best.width) best = { width: after - before, offset: there - (before + after) / 2 };
  }
  return best.offset;
}

/** One answer while somebody types. */
export async function stream(name, line, { tokens, rate }, throttle) {
  const at = await open(line);
  const { browser, page, cdp, box } = at;
  try {
    if (throttle > 1) await cdp.send('Emulation.setCPUThrottlingRate', { rate: throttle });
    const offset = await clockOf(page);
    await page.evaluate(() => void window.probe.take());
    const [before, cpu] = [await metrics(cdp), await threads(browser)];
    const began = performance.now() + offset;
    await ask(at, name, 'feed', 'Tell me.');
    const finished = over(at, name).then(() => performance.now());
    let typing = true;
    const typist = (async () => {
      for (let i = 0; typing; i++) {
        await page.keyboard.press(TYPED[i % TYPED.length] === ' ' ? 'Space' : TYPED[i % TYPED.length]);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    await finished;
    typing = false;
    await typist;
    const [after, cpuAfter] = [await metrics(cdp), await threads(browser)];
    await page.waitForTimeout(300); // frames after the end are the answer's, too
    const seen = await page.evaluate(() => window.probe.take());
    return result({ seen, before, after, cpu, cpuAfter, began, throttle, lastText: line.lastText + offset, ideal: (tokens / rate) * 1000 });
  } finally {
    await browser.close();
  }
}

function result({ seen, before, after, cpu, cpuAfter, began, lastText, ideal }) {
  const settled = began + SETTLED_MS;
  const shown = seen.ends.at(-1)?.[0] ?? Infinity;
  const gaps = seen.frames.slice(1).map((at, i) => [at, at - seen.frames[i]]).filter(([at]) => at > settled && at < shown + 200).map(([, gap]) => gap);
  const tasks = seen.tasks.filter(([at]) => at > settled).map(([, ms]) => ms);
  const keys = seen.keys.map(([, ms]) => ms).sort((a, b) => a - b);
  const spent = (key) => (after[key] - before[key]) * 1000;
  const worker = (t) => Object.entries(t).filter(([n]) => n.startsWith('DedicatedWorker')).reduce((sum, [, ms]) => sum + ms, 0);
  const all = (t) => Object.values(t).reduce((sum, ms) => sum + ms, 0);
  return {
    frames: gaps.length,
    late: (100 * gaps.filter((gap) => gap > 25).length) / Math.max(gaps.length, 1),
    longestTask: Math.max(0, ...tasks),
    tasksOver50: tasks.filter((ms) => ms > 50).length,
    tasksOver200: tasks.filter((ms) => ms > 200).length,
    script: spent('ScriptDuration'),
    layout: spent('LayoutDuration') + spent('RecalcStyleDuration'),
    main: spent('TaskDuration'),
    worker: worker(cpuAfter) - worker(cpu),
    process: all(cpuAfter) - all(cpu),
    paint: shown - lastText,
    key: keys[Math.floor(keys.length * 0.98)] ?? 0,
    behind: lastText - began - ideal,
  };
}

/** MB of V8's heap that are objects and text, without the code it compiles. */
async function dataOf(cdp) {
  const chunks = [];
  const keep = ({ chunk }) => chunks.push(chunk);
  cdp.on('HeapProfiler.addHeapSnapshotChunk', keep);
  await cdp.send('HeapProfiler.takeHeapSnapshot');
  cdp.off('HeapProfiler.addHeapSnapshotChunk', keep);
  const { snapshot, nodes } = JSON.parse(chunks.join(''));
  const { node_fields: fields, node_types: [types] } = snapshot.meta;
  const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')];
  const others = new Set(['code', 'native', 'synthetic'].map((name) => types.indexOf(name)));
  let bytes = 0;
  for (let i = 0; i < nodes.length; i += fields.length) if (!others.has(nodes[i + type])) bytes += nodes[i + size];
  return bytes / 1e6;
}

/** What is kept after each of ten answers, each in a chat of its own, in MB. */
export async function heap(name, line) {
  const at = await open(line);
  const { browser, page, cdp } = at;
  const kept = [];
  try {
    for (let i = 0; i < ANSWERS; i++) {
      await ask(at, name, 'swift', `Tell me, ${i}.`);
      await over(at, name);
      if (name === 'lastword') await page.getByTestId('new-chat').click();
      else await page.evaluate(() => window.fresh());
      await page.waitForFunction(() => !document.querySelector('[data-testid=text]'));
      await page.evaluate(() => void window.probe.take());
      for (let n = 0; n < 3; n++) await cdp.send('HeapProfiler.collectGarbage');
      const { JSHeapUsedSize, Nodes } = await metrics(cdp);
      const data = i === 1 || i === ANSWERS - 1 ? await dataOf(cdp) : null;
      kept.push({ mb: JSHeapUsedSize / 1e6, nodes: Nodes, data });
    }
  } finally {
    await browser.close();
  }
  return kept;
}
