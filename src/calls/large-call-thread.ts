import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { LargeCallsStart } from './protocol.ts';

/** Far above what calls of 32 MB take: a thread that needs more ends alone, and not the process. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 24 };

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

/** Starts the thread of large calls. */
export function startLargeCallThread(start: LargeCallsStart): Worker {
  return new Worker(WORKER, { workerData: start, resourceLimits: RESOURCE_LIMITS });
}
