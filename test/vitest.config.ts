import { defineConfig } from 'vitest/config';

const SLOW = '**/*.slow.test.ts';

/** `npm test` runs what a change wants to know within a minute, `npm run test:slow` (--mode slow) the rest. */
export default defineConfig(({ mode }) => ({
  test: {
    root: import.meta.dirname,
    include: [mode === 'slow' ? SLOW : '**/*.test.ts'],
    exclude: ['litellm/**', 'bench/**', ...(mode === 'slow' ? [] : [SLOW])],
    isolate: false,
    testTimeout: 20_000,
  },
}));
