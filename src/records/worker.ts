import { parentPort, workerData } from 'node:worker_threads';
import { backends } from '../backends/index.ts';
import { parseConfig } from '../config/config.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { RecordsWorker } from './records-worker.ts';

/** Entry of the records thread: a flush to the disk, a large body or a slow vendor delays no verdict here. */
const { env } = workerData as WorkerStart;
const config = parseConfig(env, backends);
const port = parentPort;
if (port === null || config.telemetry === undefined) throw new Error('not started by RecordsThread');
const worker = new RecordsWorker(config, config.telemetry, (message: FromWorker) =>
  port.postMessage(message),
);
port.on('message', (message: ToWorker) => void worker.take(message));
