import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    exclude: ['litellm/**', 'bench/**'],
    isolate: false,
    testTimeout: 20_000,
  },
});
