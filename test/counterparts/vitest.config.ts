import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: '../../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    // The first run installs what it needs
    hookTimeout: 900_000,
    teardownTimeout: 30_000,
  },
});
