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
  #hasRung = false;
  /** Ends the sleep. */
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  /** Returns at once if it rang since the last sleep. */
  async sleep(ms: number): Promise<void> {
    if (!this.#hasRung) await (Number.isFinite(ms) ? this.#timed(ms) : this.#untilRung());
    this.#wake = undefined;
    this.#hasRung = false;
  }

  #untilRung(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #timed(ms: number): Promise<void> {
    const rung = new AbortController();
    this.#wake = () => rung.abort();
    return this.#clock.sleep(ms, rung.signal);
  }
}
