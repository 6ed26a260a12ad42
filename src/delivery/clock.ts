import { setTimeout as delay } from 'node:timers/promises';

/** Time as the courier sees it, so that a test can pass days of it. */
export type Clock = {
  /** Unix milliseconds. */
  now(): number;
  /** Resolves after so long, or when the signal aborts. Keeps no process alive. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => {}),
};

/** Lets a loop sleep until it is time or somebody has something for it. */
export type Bell = {
  ring(): void;
  /** Returns at once if it was rung since the last sleep. */
  sleep(ms: number): Promise<void>;
};

export function createBell(clock: Clock): Bell {
  let rung = new AbortController();
  return {
    ring() {
      rung.abort();
    },
    async sleep(ms) {
      const { signal } = rung;
      if (!signal.aborted) {
        if (Number.isFinite(ms)) await clock.sleep(ms, signal);
        else await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      }
      if (signal.aborted) rung = new AbortController();
    },
  };
}
