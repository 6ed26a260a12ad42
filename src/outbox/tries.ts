import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseError } from '../database/database-error.ts';
import { OutboxError } from './contract.ts';

/** Times that a use of the database is tried which is in another's way, and milliseconds between two of them, at most. */
const TRIES = 6;
const AGAIN_MS = 25;

const DISK_FULL = '53100';

/**
 * Uses the database, and again where another was in the way: a deadlock, or a record that was handed out meanwhile.
 *
 * @throws OutboxError, or what is wrong with the values
 */
export async function tried<T>(use: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof DatabaseError && (error.isConflict || error.isUnavailable))) throw error;
      if (!error.isConflict || tries === TRIES) {
        throw new OutboxError(error.code === DISK_FULL ? 'full' : 'unavailable', error);
      }
      await wait(Math.random() * AGAIN_MS);
    }
  }
}
