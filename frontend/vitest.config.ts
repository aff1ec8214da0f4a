import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte({ configFile: false })], // for the page's .svelte.ts
  test: { include: ['client/test/**/*.test.ts', 'app/test/**/*.test.ts'], testTimeout: 30_000 },
});
