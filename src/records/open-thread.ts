import { extname } from 'node:path';
import type { FromWorker } from './protocol.ts';
import { type OpenWorker, RestartingWorker } from './restarting-worker.ts';

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
/**
 * A thread that needs more ends alone, and not the process with its verdicts. Three times the space for new objects, 8 MB: what a
 * commit has under way fits, and V8 would take 32 MB for the same speed; with 4 MB an event costs a tenth more, with 1 MB twice as much.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 24 };

/** Starts the records thread in this process. */
export const openThread: OpenWorker<FromWorker> = (options) =>
  new RestartingWorker({ file: WORKER, resourceLimits: RESOURCE_LIMITS, ...options });
