import type { Watch } from '../pipeline/watching-checks.ts';
import type { CallConnection } from './call-scope.ts';

/** The caller of a call, on the other side of the main thread. */
export class ThreadConnection implements CallConnection {
  readonly traceparent: string | undefined;
  readonly #waiting: () => void;
  #isGone = false;
  readonly #listeners: (() => void)[] = [];
  readonly #watches: Watch[] = [];

  /** @param waiting called when a vendor is asked: from then on the call waits */
  constructor(traceparent: string | undefined, waiting: () => void) {
    this.traceparent = traceparent;
    this.#waiting = waiting;
  }

  onGone(listener: () => void): void {
    if (this.#listeners.length === 0) this.#waiting();
    this.#listeners.push(listener);
    if (this.#isGone) listener();
  }

  readonly observing = (watch: Watch): void => {
    this.#watches.push(watch);
  };

  /** Ends the checks that go on after the response. */
  unwatch(): void {
    for (const watch of this.#watches) watch.stop();
  }

  /** Resolves when no check of the call goes on. */
  async observed(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.ended()));
  }

  gone(): void {
    this.#isGone = true;
    for (const listener of this.#listeners) listener();
  }
}
