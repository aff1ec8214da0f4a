/**
 * Mock, gateway and the line between gateway and browser, on which the last text of an answer is noticed.
 *
 *     Chromium --> Line (when did the last delta pass?) --> lastword --> richierich
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

export function program(folder, ...names) {
  const found = names.map((n) => join(folder, n)).find(existsSync);
  if (!found) throw new Error(`no ${names[0]} in ${folder}: build it first`);
  return found;
}

/** A program that prints where it listens. */
export class Program {
  constructor(argv) {
    this.argv = argv;
  }

  async start() {
    this.child = spawn(this.argv[0], this.argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = once(this.child, 'exit');
    let out = '';
    for await (const text of this.child.stdout.setEncoding('utf8')) {
      out += text;
      const found = /listening on http:\/\/\S+:(\d+)/.exec(out);
      if (!found) continue;
      this.port = Number(found[1]);
      this.child.stdout.resume();
      return this;
    }
    throw new Error(`${this.argv[0]} did not start:\n${out}`);
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    await this.ended;
  }
}

/** A TCP line that remembers when text last passed to the browser. */
export class Line {
  lastText = 0;

  async start(port) {
    this.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      const end = () => (near.destroy(), far.destroy());
      near.setNoDelay().on('error', end).on('close', end).pipe(far);
      far.setNoDelay().on('error', end).on('close', end).on('data', (data) => {
        near.write(data);
        if (data.includes('"type":"delta"')) this.lastText = performance.now();
      });
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    return this;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections?.();
  }
}

/** `feed` is the model both kinds of page ask; `swift` the same without pace. */
export async function gateway(binary, folder, name, page, mockPort, { tokens, rate }) {
  const routed = (model, body) => ({ model, to: [{ upstream: 'mock', model: 'richierich', body: JSON.stringify(body) }] });
  const config = {
    listen: { host: '127.0.0.1', port: 0, node: 'bench' },
    log: { level: 'warn' },
    page: { dir: page },
    history: { path: join(folder, `${name}.db`) },
    upstreams: [{ name: 'mock', url: `http://127.0.0.1:${mockPort}/v1`, dialect: 'openai', models: ['richierich'] }],
    routes: [routed('feed', { tokens, rate }), routed('swift', { tokens, rate: 0 })],
  };
  const path = join(folder, `${name}.yaml`);
  await writeFile(path, JSON.stringify(config)); // JSON is YAML
  return new Program([binary, 'serve', '--config', path]).start();
}
