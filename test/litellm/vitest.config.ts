import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: '../../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: ['./global-setup.ts'],
    reporters: ['default', './release-table.ts'],
    // A file waits half of its time, for a LiteLLM that starts and for deadlines
    maxWorkers: 2,
    testTimeout: 90_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
  },
});
