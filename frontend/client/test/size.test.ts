/** What a page pays for the client: bundled, minified and gzipped as it would be. */
import { build } from 'esbuild';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname ?? '.', '../src');

async function gzipped(source: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: SRC, loader: 'ts' },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    outdir: '/nowhere',
    write: false,
  });
  const entry = outputFiles.filter((f) => !/hub/.test(f.path));
  return entry.reduce((sum, f) => sum + gzipSync(f.contents, { level: 9 }).length, 0);
}

it.each([
  ['the client', `export { Client } from './index.js'`, 7_150],
  ['the client in a Worker, as the page has it', `export { WorkerClient } from './worker.js'`, 4_350],
  ['the transport for ai', `export { LastwordTransport } from './ai-sdk.js'`, 3_100],
])('%s', async (name, source, limit) => {
  const size = await gzipped(source);
  console.log(`${name}: ${size} bytes`);
  expect(size).toBeLessThanOrEqual(limit);
});
