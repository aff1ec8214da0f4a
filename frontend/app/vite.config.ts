import { svelte } from '@sveltejs/vite-plugin-svelte';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const COMPRESSIBLE = /\.(html|js|css|svg|txt|json)$/;

/** Writes .gz and .br beside each text file, so that the gateway never compresses while serving. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    enforce: 'post',
    async closeBundle() {
      const out = join(import.meta.dirname ?? '.', 'dist');
      for (const name of await readdir(out, { recursive: true })) {
        if (!COMPRESSIBLE.test(name)) continue;
        const data = await readFile(join(out, name));
        const br = brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        await writeFile(join(out, `${name}.gz`), gzipSync(data, { level: 9 }));
        await writeFile(join(out, `${name}.br`), br);
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte({ emitCss: true, compilerOptions: { css: 'external' } }), precompress()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
