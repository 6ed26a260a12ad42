import { BACKEND_WAIT, growing, HOLD_WAIT, honoured, jittered } from './backoff.ts';

/** Tells what began before a failure from what began after it. */
export type Era = number;

/** When a backend is to be handed something, by how it took what it was handed before. */
export type Pace = {
  era(): Era;
  /** Milliseconds until the next delivery may begin. */
  waitMs(): number;
  /** One delivery at a time. */
  isProbing(): boolean;
  isHeld(): boolean;
  /** Returns whether that ended a hold. */
  succeeded(startedIn: Era): boolean;
  failed(startedIn: Era, retryAfterMs?: number): void;
  /** Our token is refused. Returns whether that began a hold. */
  refused(startedIn: Era, retryAfterMs?: number): boolean;
  /** The next may begin now, and waits grow from the start. */
  hurry(): void;
};

/**
 * Several deliveries that were under way together count as one failure, and one of them that succeeds after another one
 * failed says nothing of how the backend is since then.
 */
export function createPace(now: () => number, random: () => number): Pace {
  let era = 0;
  let failures = 0;
  let isProbing = false;
  let isHeld = false;
  let until = Number.NEGATIVE_INFINITY;

  function wait(ms: number): void {
    until = Math.max(until, now() + ms);
  }

  function failed(startedIn: Era, retryAfterMs?: number): void {
    wait(honoured(retryAfterMs));
    if (startedIn !== era) return;
    era++;
    failures++;
    isProbing = true;
    wait(isHeld ? growing(HOLD_WAIT, failures) : jittered(BACKEND_WAIT, failures, random));
  }

  return {
    era: () => era,
    waitMs: () => Math.max(0, until - now()),
    isProbing: () => isProbing,
    isHeld: () => isHeld,
    failed,
    succeeded(startedIn) {
      if (startedIn !== era) return false;
      const wasHeld = isHeld;
      failures = 0;
      isProbing = false;
      isHeld = false;
      return wasHeld;
    },
    refused(startedIn, retryAfterMs) {
      const begins = !isHeld;
      if (begins) {
        isHeld = true;
        failures = 0;
      }
      failed(begins ? era : startedIn, retryAfterMs);
      return begins;
    },
    hurry() {
      until = Number.NEGATIVE_INFINITY;
      failures = 0;
    },
  };
}
