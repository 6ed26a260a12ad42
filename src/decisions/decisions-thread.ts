import { extname } from 'node:path';
import { type OpenWorker, RestartingWorker } from '../records/restarting-worker.ts';
import type { FromDecisions } from './protocol.ts';

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
/** It holds one batch at a time; a thread that needs more ends alone. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 3 };

/** Starts the thread of decisions in this process. */
export const openDecisionsThread: OpenWorker<FromDecisions> = (options) =>
  new RestartingWorker({ file: WORKER, resourceLimits: RESOURCE_LIMITS, ...options });
