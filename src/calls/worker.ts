import { enableCompileCache } from 'node:module';
import { workerData } from 'node:worker_threads';
import type { LargeCallsStart } from './protocol.ts';

/*
 * Starts the thread of large calls. Compiled code is taken from where the main thread keeps it, which a thread does not do by itself:
 * that halves the time to its first call.
 */
const { compileCache } = workerData as LargeCallsStart;
if (compileCache !== undefined) enableCompileCache(compileCache);
await import('./thread.ts');
