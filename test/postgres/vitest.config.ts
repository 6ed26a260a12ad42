import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { postgresPrograms } from './programs.ts';

process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');

const isInstalled = postgresPrograms() !== undefined;

export default defineConfig({
  cacheDir: '../../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    include: isInstalled ? ['*.test.ts'] : ['not-installed.ts'],
    ...(isInstalled && { globalSetup: 'shared-server.ts' }),
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
});
