import { parentPort, workerData } from 'node:worker_threads';
import { backends } from '../backends/index.ts';
import { parseConfig } from '../config/config.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { runTelemetry } from './run.ts';

/** The telemetry thread: a flush to the disk, a large body or a slow vendor never delays a verdict here. */
const { env } = workerData as WorkerStart;
const port = parentPort;
const config = parseConfig(env, backends);
if (port === null || config.telemetry === undefined) throw new Error('not started by startTelemetry');
const worker = runTelemetry(config, config.telemetry, (message: FromWorker) => port.postMessage(message));
port.on('message', (message: ToWorker) => worker.take(message));
