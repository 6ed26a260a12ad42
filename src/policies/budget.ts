/** Thrown when a call takes more work than one may. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** So many characters are looked at in one go. */
export const SLICE = 32 * 1024;

/** For so long other calls may have to wait. */
const TURN_MS = 10;

/** What a text costs beside its length, in characters. */
const PER_TEXT = 64;

/** More findings in one call than this would cost more than any caller is worth. */
const MAX_FINDINGS = 100_000;

/** What the work for one call may cost, and whose turn it is. */
export type Budget = {
  /**
   * Takes note of work done: a promise if others are to have their turn.
   *
   * @throws OutOfTime
   */
  spend(chars: number): Promise<void> | undefined;
  /**
   * Takes note of so many findings.
   *
   * @throws OutOfTime if a call has more than 100,000
   */
  found(count: number): void;
};

/** @param timeoutMs milliseconds of work; waiting for others does not count */
export function createBudget(timeoutMs: number): Budget {
  let turnAt = performance.now();
  let worked = 0;
  let unread = 0;
  let findings = 0;
  return {
    found(count) {
      findings += count;
      if (findings > MAX_FINDINGS) throw new OutOfTime();
    },
    spend(chars) {
      unread += chars + PER_TEXT;
      if (unread < SLICE) return undefined;
      unread = 0;
      const now = performance.now();
      if (worked + now - turnAt > timeoutMs) throw new OutOfTime();
      if (waiting.length === 0 && now - turnAt < TURN_MS) return undefined;
      worked += now - turnAt;
      return turn().then(() => {
        turnAt = performance.now();
      });
    },
  };
}

/** Calls that wait to go on. */
const waiting: (() => void)[] = [];

/** One call goes on each time the event loop comes round: many large ones delay everybody no more than one. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
  });
}

function next(): void {
  waiting[0]?.();
  waiting.shift();
  if (waiting.length > 0) setImmediate(next);
}
