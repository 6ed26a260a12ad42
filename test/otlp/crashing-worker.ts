import { parentPort } from 'node:worker_threads';

/** A thread that ends by a mistake when it is told anything. */
parentPort?.on('message', () => {
  throw new Error('a mistake');
});
