import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Each bridge that a test starts, as a thread or as a process, reads the sources anew; compiled they are read in half the time
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../node_modules/.cache/compiled');

const SLOW = '**/*.slow.test.ts';

/** `npm test` runs everything that ends within a minute, `npm run test:slow` (--mode slow) the rest. */
export default defineConfig(({ mode }) => ({
  test: {
    root: import.meta.dirname,
    include: [mode === 'slow' ? SLOW : '**/*.test.ts'],
    exclude: [
      'litellm/**',
      'counterparts/**',
      'postgres/**',
      'deploy/**',
      'bench/**',
      ...(mode === 'slow' ? [] : [SLOW]),
    ],
    isolate: false,
    // vitest would leave one core for its watcher
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: mode === 'slow' ? 120_000 : 20_000,
  },
}));
