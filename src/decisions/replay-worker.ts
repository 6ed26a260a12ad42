import { parentPort, workerData } from 'node:worker_threads';
import type { ReplayConfig } from '../config/config.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { BegunAnew } from './replay-file.ts';
import { type KeptCounts, ReplayKeeper } from './replay-keeper.ts';

/*
 * The thread that keeps calls to be judged again: it redacts, compresses and stores them, so that no verdict waits for any of it.
 */

export type ToReplay =
  | { readonly kind: 'keep'; readonly n: number; readonly packed: Uint8Array }
  /** Closes the file; replied to as well. */
  | { readonly kind: 'close'; readonly n: number };

/** @param bytes of all that is kept */
export type FromReplay =
  | { readonly kind: 'kept'; readonly n: number; readonly counts: KeptCounts; readonly bytes: number }
  | { readonly kind: 'failed'; readonly n: number; readonly code: string }
  | { readonly kind: 'maintained'; readonly bytes: number }
  | { readonly kind: 'begun_anew'; readonly why: BegunAnew }
  | { readonly kind: 'closed'; readonly n: number };

/** Time between two looks for what is too old. */
const MAINTAIN_MS = 60_000;

const port = parentPort;
if (port === null) throw new Error('not started by ReplayThread');
const post = (message: FromReplay) => port.postMessage(message);
const keeper = new ReplayKeeper(workerData as ReplayConfig, (why) => post({ kind: 'begun_anew', why }));
maintain();
const timer = setInterval(maintain, MAINTAIN_MS);

function maintain(): void {
  try {
    keeper.maintain();
    post({ kind: 'maintained', bytes: keeper.bytes });
  } catch {
    // Tried again, and told of, with the next calls
  }
}

port.on('message', (message: ToReplay) => {
  const { n } = message;
  if (message.kind === 'close') {
    clearInterval(timer);
    keeper.close();
    post({ kind: 'closed', n });
    return;
  }
  try {
    post({ kind: 'kept', n, counts: keeper.keep(message.packed), bytes: keeper.bytes });
  } catch (error) {
    post({ kind: 'failed', n, code: storageCode(error) });
  }
});
