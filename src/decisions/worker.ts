import { parentPort, workerData } from 'node:worker_threads';
import { isAboutValues, storageCode } from '../storage/storage-code.ts';
import { DecisionStore } from './decision-store.ts';
import type { DecisionsStart, FromDecisions, ToDecisions } from './protocol.ts';
import { DecisionsVersionError } from './schema.ts';

/*
 * The thread of decisions: stores them in batches, so that no verdict waits for a disk. It loads nothing but this folder and SQLite,
 * and what brings rows into a database if there is one.
 */

/** Time between two looks for what is too old. */
const MAINTAIN_MS = 60_000;
/** The same while there is more to remove: batches come between. */
const MORE_MS = 20;
/** Time for the last rows on their way to the database. */
const CLOSE_MS = 1500;

const port = parentPort;
if (port === null) throw new Error('not started by DecisionKeeper');
const post = (message: FromDecisions) => port.postMessage(message);

const { database, ...start } = workerData as DecisionsStart;
const store = new DecisionStore({
  ...start,
  ships: database !== undefined,
  onDamage: (damage) =>
    post({
      kind: 'log',
      line: ['error', damage, 'decisions.db cannot be used; it was moved aside, and a new one begun'],
    }),
});
const shipping =
  database &&
  new (await import('./decision-shipping.ts')).DecisionShipping({ ...start, ...{ database, store, post } });

port.on('message', (message: ToDecisions) => {
  switch (message.kind) {
    case 'put':
      put(message);
      break;
    case 'close':
      close().catch(failed);
  }
});
let timer = setTimeout(maintain, 0);

function put({ sender, n, lines }: ToDecisions & { kind: 'put' }): void {
  try {
    store.put(sender, n, lines);
  } catch (error) {
    const advice = error instanceof DecisionsVersionError ? { advice: error.message } : {};
    post({ kind: 'failed', n, code: storageCode(error), ...advice, ...(isBad(error) && { isBad: true }) });
    return;
  }
  post({ kind: 'done', n });
  shipping?.wake();
}

/** True for a mistake of ours in what is to be stored. */
function isBad(error: unknown): boolean {
  return isAboutValues(error) || !(error instanceof Error) || !('code' in error);
}

function maintain(): void {
  const isMore = store.maintain();
  timer = setTimeout(maintain, isMore ? MORE_MS : MAINTAIN_MS);
}

async function close(): Promise<void> {
  clearTimeout(timer);
  await shipping?.close(CLOSE_MS);
  store.close();
  post({ kind: 'closed' });
}

/** A mistake of ours ends the thread; it is started again. */
function failed(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
