/** Builds the pages that ours is held against, with the same client, for production. */
import { build } from 'esbuild';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = join(dirname(fileURLToPath(import.meta.url)), 'pages');

export async function buildPage(name, folder, root) {
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: { page: join(HERE, `${name}.jsx`) },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { '@lastword/client': join(root, 'frontend/client/dist/index.js') },
    logLevel: 'error',
  });
  for (const file of ['index.html', 'page.css']) await copyFile(join(HERE, file), join(folder, file));
  return folder;
}
