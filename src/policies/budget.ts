import { setImmediate as othersTurn } from 'node:timers/promises';

/** Thrown when a call takes longer than its time. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** So many characters are looked at in one go. */
export const SLICE = 32 * 1024;

/** For so long other calls may have to wait. */
const TURN_MS = 10;

/** What a text costs beside its length, in characters. */
const PER_TEXT = 64;

/** What the work for one call may cost, and whose turn it is. */
export type Budget = {
  /**
   * Takes note of work done: a promise if others are to have their turn.
   *
   * @throws OutOfTime
   */
  spend(chars: number): Promise<void> | undefined;
};

/** @param timeoutMs milliseconds from now on, waiting included */
export function createBudget(timeoutMs: number): Budget {
  const startedAt = performance.now();
  let turnAt = startedAt;
  let unread = 0;
  return {
    spend(chars) {
      unread += chars + PER_TEXT;
      if (unread < SLICE) return undefined;
      unread = 0;
      const now = performance.now();
      if (now - startedAt > timeoutMs) throw new OutOfTime();
      if (now - turnAt < TURN_MS) return undefined;
      return othersTurn().then(() => {
        turnAt = performance.now();
      });
    },
  };
}
