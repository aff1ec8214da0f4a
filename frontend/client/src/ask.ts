#!/usr/bin/env node
/**
 * `lastword-ask`: one question from the command line, its answer on standard output as it comes.
 *
 *     LASTWORD_URL=ws://127.0.0.1:8080/v1/ws lastword-ask [--model NAME] [--json] PROMPT...
 *
 * Text that was printed cannot be taken back: after a rewind the answer is printed anew below a line that says so. The exit
 * code is 0 only for a whole answer whose checksum was verified. Ctrl-C cancels.
 */
import { Client, uuid, type SocketClass } from './index.js';

/** The few of Node's globals that are used. */
interface Process {
  argv: string[];
  env: Record<string, string | undefined>;
  exitCode: number | undefined;
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  once(signal: 'SIGINT', listener: () => void): unknown;
}
const { process } = globalThis as unknown as { process: Process };

const USAGE = `usage: lastword-ask [--model NAME] [--json] PROMPT...
  LASTWORD_URL    address of the gateway (ws://127.0.0.1:8080/v1/ws)
  LASTWORD_TOKEN  credential, if it wants one
`;

/** Node 22 has one; before that `ws` has, where it is installed. */
async function webSocket(): Promise<SocketClass> {
  const found = (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (found) return found;
  const name: string = 'ws';
  return ((await import(name)) as { WebSocket: SocketClass }).WebSocket;
}

function readArguments(): { model: string | undefined; json: boolean; input: string } {
  const words = process.argv.slice(2);
  const at = words.indexOf('--model');
  const [, model] = at >= 0 ? words.splice(at, 2) : [];
  const json = words.includes('--json');
  return { model, json, input: words.filter((word) => word !== '--json').join(' ') };
}

function print(before: string, text: string): string {
  process.stdout.write(text);
  return before + text;
}

async function main(): Promise<number> {
  const { model, json, input } = readArguments();
  if (!input || input === '--help') {
    process.stderr.write(USAGE);
    return 2;
  }
  const { LASTWORD_URL: url = 'ws://127.0.0.1:8080/v1/ws', LASTWORD_TOKEN: token } = process.env;
  const client = new Client({ url, token, name: 'lastword-ask/0.1', WebSocket: await webSocket() });
  client.on('state', ({ state, reason }) => state === 'closed' && reason && process.stderr.write(`${reason}\n`));
  const request = { chat: uuid(), input };
  const stream = client.send(model ? { ...request, model } : request);
  client.on('state', ({ state }) => state === 'closed' && client.unauthorized && client.close());
  client.connect();
  process.once('SIGINT', () => stream.cancel());
  let printed = '';
  for await (const event of stream) {
    if (json || (event.type === 'text' && event.part !== 'text')) continue;
    if (event.type === 'text') printed = print(printed, event.text);
    else if (event.type === 'rewind' && event.text < printed.length) {
      print('', `\n[${event.reason}: the answer begins anew]\n`);
      printed = print('', printed.slice(0, event.text));
    }
  }
  const result = await stream.finished;
  client.close();
  process.stdout.write(json ? `${JSON.stringify({ ...result, text: stream.text })}\n` : '\n');
  if (result.error) process.stderr.write(`${result.error.code}: ${result.error.message}\n`);
  return result.verified && result.state === 'complete' ? 0 : 1;
}

process.exitCode = await main();
