/**
 * The real programs and a real browser for one test: mock, gateway, and a line between browser and gateway that
 * can be cut.
 *
 *     Chromium --> Wire (cut, mend) --> lastword --> richierich
 *
 * With `engines` there is a Redis and a Postgres of its own behind it, and `launch` starts more gateways on them.
 *
 * Programs: LASTWORD_BIN, RICHIERICH_BIN (or build/release, build/debug), the page: PAGE (or frontend/app/dist),
 * the browser: CHROMIUM (or /usr/bin/chromium). Everything is ended by its own handle.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

function program(variable, ...names) {
  const given = process.env[variable];
  if (given) return given;
  const found = ['release', 'debug'].flatMap((b) => names.map((n) => join(ROOT, 'build', b, n))).find(existsSync);
  assert.ok(found, `no ${names[0]}: build first, or set ${variable}`);
  return found;
}

export const LASTWORD = program('LASTWORD_BIN', 'lastword');
export const RICHIERICH = program('RICHIERICH_BIN', 'richierich', 'upstream/mock/richierich');
export const PAGE = process.env.PAGE ?? join(ROOT, 'frontend/app/dist');

/** A program that prints where it listens. */
class Program {
  constructor(argv) {
    this.argv = argv;
    this.errors = '';
  }

  async start() {
    this.child = spawn(this.argv[0], this.argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'exit');
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.errors = (this.errors + text).slice(-20_000)));
    this.port = await this.#port();
    return this;
  }

  async #port() {
    let out = '';
    for await (const text of this.child.stdout.setEncoding('utf8')) {
      out += text;
      const found = /listening on http:\/\/\S+:(\d+)/.exec(out);
      if (!found) continue;
      this.child.stdout.resume();
      return Number(found[1]);
    }
    throw new Error(`${this.argv[0]} did not start:\n${out}${this.errors}`);
  }

  /** Ends it; a sanitizer's word is a failure. */
  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
    assert.doesNotMatch(this.errors, /runtime error:|AddressSanitizer|LeakSanitizer/, this.errors);
  }
}

const run = promisify(execFile);
const ENGINES = join(ROOT, 'deploy/engines.sh');

/** A Redis or a Postgres in a folder of its own, ready to be used. */
async function engine(folder, kind, port) {
  const child = spawn(ENGINES, [kind, folder, port], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await run(ENGINES, ['ready', folder, '30']);
  return { url: (await readFile(join(folder, 'url'), 'utf8')).trim(), stop: () => (child.kill('SIGINT'), ended) };
}

/** Both, side by side. */
async function engines(folder) {
  const ports = (await run(ENGINES, ['ports', '2'])).stdout.trim().split(/\s+/);
  return Promise.all(['redis', 'postgres'].map((kind, i) => engine(join(folder, kind), kind, ports[i])));
}

/** A TCP line that passes everything on until it is cut. */
class Wire {
  #pairs = new Set();
  #cut = false;
  target = 0;
  /** When the last piece of an answer's text came from the gateway, in ms as `performance.timeOrigin` counts. */
  lastText = 0;

  async start() {
    this.server = createServer((near) => this.#pass(near));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    return this;
  }

  #pass(near) {
    if (this.#cut) return near.destroy();
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('error', end).on('close', end).setNoDelay().pipe(far);
    far.on('error', end).on('close', end).setNoDelay().pipe(near);
    far.on('data', (data) => data.includes('"type":"delta"') && (this.lastText = performance.timeOrigin + performance.now()));
  }

  /** Breaks every connection, and until `mend` refuses new ones. */
  cut() {
    this.#cut = true;
    for (const [near, far] of [...this.#pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  mend() {
    this.#cut = false;
  }

  stop() {
    this.cut();
    this.server.close();
  }
}

export class Stack {
  /** `extra`: more YAML for the gateway. `browser`: whether one is needed. `goesOn`: whether the mock continues a cut answer. `page`: its folder. `shared`: on Redis and Postgres. */
  static async start(extra = '', { browser = true, goesOn = true, page = PAGE, shared = false } = {}) {
    const stack = new Stack();
    stack.folder = await mkdtemp(join(tmpdir(), 'lastword-browser-'));
    stack.mock = await new Program([RICHIERICH, '--port', '0']).start();
    stack.wire = await new Wire().start();
    stack.extra = extra;
    stack.page = page;
    stack.goesOn = goesOn ? ', continue: trailing_assistant' : '';
    stack.pages = [];
    stack.engines = shared ? await engines(stack.folder) : [];
    await stack.startGateway();
    if (browser) stack.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS.split(' ') });
    return stack;
  }

  get url() {
    return `http://127.0.0.1:${this.wire.port}/`;
  }

  /** Another gateway of that name; on the same stores, if they are shared. */
  async launch(node) {
    const config = join(this.folder, `${node}.yaml`);
    const [redis, postgres] = this.engines;
    const stores = redis
      ? `session: {store: redis, url: "${redis.url}", lease_ms: 1000}\nhistory: {store: postgres, url: "${postgres.url}"}`
      : `history: {path: ${join(this.folder, 'lastword.db')}}`;
    await writeFile(
      config,
      `listen: {host: 127.0.0.1, port: 0, node: ${node}}
${stores}
page: {dir: ${this.page}}
upstreams:
  - {name: mock, url: "http://127.0.0.1:${this.mock.port}", dialect: openai${this.goesOn}}
${this.extra}`,
    );
    return new Program([LASTWORD, 'serve', '--config', config]).start();
  }

  async startGateway(node = 'one') {
    this.gateway = await this.launch(node);
    this.wire.target = this.gateway.port;
  }

  /** A fresh browser profile with one page. What goes wrong in it is collected, and looked at in `close`. */
  async open(options = {}, connected = true) {
    const context = await this.browser.newContext({ viewport: { width: 1200, height: 850 }, ...options });
    return this.openIn(context, '', connected);
  }

  async openIn(context, hash = '', connected = true) {
    const page = await context.newPage();
    const watch = { page, context, wrong: [], foreign: [], lossy: false };
    this.pages.push(watch);
    page.watch = watch;
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)));
    page.on('console', (m) => m.type() === 'error' && watch.wrong.push(m.text()));
    page.on('pageerror', (e) => watch.wrong.push(`${e.message}\n${e.stack}`));
    page.on('dialog', (d) => (watch.wrong.push(`dialog: ${d.message()}`), d.dismiss()));
    page.on('request', (r) => {
      const { protocol, host } = new URL(r.url());
      if (!['data:', 'blob:'].includes(protocol) && host !== new URL(this.url).host) watch.foreign.push(r.url());
    });
    await page.goto(this.url + hash);
    if (connected) await page.waitForSelector('[data-testid=status][data-state=open]');
    return page;
  }

  /** The mock's whole answer to a conversation whose last user message is `input`. */
  async wholeAnswer(model, input) {
    const response = await fetch(`http://127.0.0.1:${this.mock.port}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: input }], rate: 0 }),
    });
    return (await response.json()).choices[0].message.content;
  }

  /** Records `file` as a conversation; its id. */
  async import(file) {
    const response = await fetch(`http://127.0.0.1:${this.gateway.port}/v1/conversations/import`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(file),
    });
    assert.equal(response.status, 201);
    return (await response.json()).chat;
  }

  async history(chat) {
    return (await fetch(`http://127.0.0.1:${this.gateway.port}/v1/conversations/${chat}`)).json();
  }

  /** Closes the pages of a test; nothing may have gone wrong on them. */
  async closePages() {
    while (this.pages.length > 0) await this.closePage(this.pages[0].page);
  }

  /** The same of one page, where tests run side by side. */
  async closePage(page) {
    const { context, wrong, foreign, lossy } = page.watch;
    this.pages = this.pages.filter((watch) => watch.page !== page);
    const url = page.url();
    await context.close();
    const unexpected = wrong.filter((text) => !lossy || !/Failed to load resource|WebSocket connection to|net::ERR/.test(text));
    assert.deepEqual(unexpected, [], `errors on ${url}`);
    assert.deepEqual(foreign, [], 'requests to others');
  }

  async close() {
    await this.browser?.close();
    await this.gateway.stop();
    await this.mock.stop();
    this.wire.stop();
    await Promise.all(this.engines.map((e) => e.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

// ---- what a person does and sees ----

export const at = (page, id) => page.getByTestId(id);

export async function ask(page, text, model) {
  if (model) await at(page, 'model').selectOption(model);
  await at(page, 'composer').fill(text);
  await at(page, 'composer').press('Enter');
}

/** Picks from the menu of the conversation whose name has `name`. */
export async function choose(page, name, id) {
  const item = at(page, 'conversation-item').filter({ hasText: name });
  await item.hover();
  await item.getByTestId('item-menu').click();
  await item.getByTestId(id).click();
}

export const answers = (page) => at(page, 'message-assistant');

/** Waits until the last answer is over; its state. */
export async function over(page, count = 1, timeout = 40_000) {
  const last = answers(page).nth(count - 1);
  await last.and(page.locator(':not([data-state=running]):not([data-state=queued])')).waitFor({ timeout });
  return last.getAttribute('data-state');
}

/** Waits until the last answer shows at least `n` characters. */
export async function shows(page, n, index = 0) {
  await page.waitForFunction(
    ([want, i]) => (document.querySelectorAll('[data-testid=message-assistant] [data-testid=text]')[i]?.textContent?.length ?? 0) >= want,
    [n, index],
    { timeout: 40_000 },
  );
}

export const textOf = (page, index = 0) => answers(page).nth(index).getByTestId('text').innerHTML();

export const chatOf = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get('chat');

const { crc32c, crcHex } = await import(join(ROOT, 'frontend/client/dist/index.js'));

export const crcOf = (text) => crcHex(crc32c(new TextEncoder().encode(text)));

/** The last answer is verified, and its checksum is that of `text`. */
export async function verifiedAs(page, text, index = 0) {
  const seal = answers(page).nth(index).getByTestId('verified');
  await seal.waitFor({ timeout: 40_000 });
  assert.equal((await seal.innerText()).trim().slice(-8), crcOf(text));
}

