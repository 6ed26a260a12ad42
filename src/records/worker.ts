import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { RecordsWorker } from './records-worker.ts';

/** Entry of the records thread: a flush to the disk, a large body or a slow vendor delays no verdict here. */
const port = parentPort;
if (port === null) throw new Error('not started by RecordsThread');
const worker = new RecordsWorker(workerData as WorkerStart, (message: FromWorker) =>
  port.postMessage(message),
);
port.on('message', (message: ToWorker) => void worker.take(message));
