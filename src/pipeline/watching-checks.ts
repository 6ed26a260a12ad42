import { STOPPED } from '../guardrail/deadline.ts';
import { memoryBytes } from '../guardrail/memory.ts';

/** Memory that a call takes while backends are asked about it, beside each message to one, in sizes of its body. */
const CALL_SIZES = 3;
/** Time for them to end by themselves when the bridge ends. */
const SETTLE_MS = 1000;

/** The checks of one call by those that nobody waits for: observing backends and shadows. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #checks: Promise<void>[] = [];

  /** Aborts when they shall end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @param check never rejects */
  add(check: Promise<void>): void {
    this.#checks.push(check);
  }

  /** Resolves when all that were added have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#checks);
  }

  stop(): void {
    this.#controller.abort(STOPPED);
  }
}

/**
 * Bounds what is asked of backends that nobody waits for: no caller slows down because one of them is slow, and each check holds its
 * whole call.
 */
export class WatchingChecks {
  readonly #running = new Set<Watch>();
  #bytes = 0;

  /**
   * Begins the checks of a call.
   *
   * @param bytes size of its body
   * @param backends how many are to be asked
   * @param ask asks them
   * @returns undefined, without asking, while those that run hold all the memory there is for them
   */
  begin<Result>(bytes: number, backends: number, ask: (watch: Watch) => Result): Result | undefined {
    const held = bytes * (CALL_SIZES + backends);
    if (this.#bytes > 0 && this.#bytes + held > memoryBytes('watching checks')) return undefined;
    const watch = new Watch();
    this.#bytes += held;
    this.#running.add(watch);
    try {
      return ask(watch);
    } finally {
      const ended = () => {
        this.#bytes -= held;
        this.#running.delete(watch);
      };
      watch.ended().then(ended, ended);
    }
  }

  /** Resolves when all have ended, which they are made to after a moment. */
  async settled(): Promise<void> {
    const timer = setTimeout(() => this.#stop(), SETTLE_MS);
    while (this.#running.size > 0) await Promise.all([...this.#running].map((watch) => watch.ended()));
    clearTimeout(timer);
  }

  #stop(): void {
    for (const watch of this.#running) watch.stop();
  }
}
