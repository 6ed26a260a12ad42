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
      'browser/**',
      'monitoring/**',
      'package/**',
      'bench/**',
      ...(mode === 'slow' ? [] : [SLOW]),
    ],
    isolate: false,
    // One more than cores: some files wait for deadlines
    maxWorkers: availableParallelism() + 1,
    testTimeout: mode === 'slow' ? 120_000 : 20_000,
  },
}));
