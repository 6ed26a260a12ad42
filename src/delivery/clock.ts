import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** The time of the courier, so that a test can pass days of it. */
export type Clock = {
  /** Unix milliseconds. */
  now(): number;
  /** Resolves after this time, or when the signal aborts. Keeps no process alive. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => {}),
};

/** Lets a loop sleep until it is time, or somebody has something for it. */
export class WakeSignal {
  readonly #clock: Clock;
  /** Aborted when the signal rings; a new one for each sleep. */
  #rung = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung.abort();
  }

  /** Returns at once if it rang since the last sleep. */
  async sleep(ms: number): Promise<void> {
    const { signal } = this.#rung;
    if (!signal.aborted) {
      if (Number.isFinite(ms)) await this.#clock.sleep(ms, signal);
      else await once(signal, 'abort');
    }
    if (signal.aborted) this.#rung = new AbortController();
  }
}
