import { extname } from 'node:path';
import { type OpenWorker, RestartingWorker } from '../records/restarting-worker.ts';
import type { FromOtlp } from './protocol.ts';

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
/** It holds what waits for the collector, and bounds that by its number; a thread that needs more ends alone. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 48 };

/** Starts the thread that exports, in this process. All that its packages could read in the environment is told to them. */
export const openOtlpThread: OpenWorker<FromOtlp> = (options) =>
  new RestartingWorker({ file: WORKER, resourceLimits: RESOURCE_LIMITS, env: {}, ...options });
