import { storageCode } from '../storage/storage-code.ts';
import { StateError } from './shared-state.ts';

/** Between two questions if the store is back, the first of which is asked at once. */
const PROBE_MS = 1000;
/** A store that was in time for nobody in so long is down, though it answers the question if it works. */
const LATE_MS = 1000;
/** An outage that begins so soon after another is told as one. */
const QUIET_MS = 60_000;

/** @param code of the database or the system, or the name of an error: neither has any content */
export type Outage = { readonly isOver: false; readonly code: string } | { readonly isOver: true };

export type CircuitOptions = {
  /** Milliseconds that one operation may take. */
  readonly timeoutMs: number;
  /** Resolves if the store works. */
  readonly ping: () => Promise<unknown>;
  /** Told when an outage begins and ends. */
  readonly onOutage: (outage: Outage) => void;
};

/**
 * Gives operations a deadline, once it is started. After one that fails the store is asked in the background if it works: at once, and each
 * second until it does within the same time. While it is known to be down no operation is tried, so that calls do not wait for it. That is so
 * after an error; after one that is late it is only known once the question is late too, or all were late for a second, as Postgres can pause
 * for a moment.
 */
export class Circuit {
  readonly #options: CircuitOptions;
  #isDown = false;
  #isProbing = false;
  #starting: Promise<void> | undefined;
  /** The first of operations that were late, with none in time since. */
  #lateSince: number | undefined;
  #isTold = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  /** Has operations tried from the first answer of the store on, for which it may take its time. */
  start(): Promise<void> {
    const starting = this.#options.ping().then(
      () => {},
      (error: unknown) => this.#failed(error),
    );
    this.#starting = starting;
    return starting.finally(() => {
      this.#starting = undefined;
    });
  }

  get isUp(): boolean {
    return !this.#isDown;
  }

  /** @throws StateError `timeout` or `unavailable` */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#isDown || this.#isClosed) throw new StateError('unavailable');
    try {
      const starting = this.#starting;
      const running = starting === undefined ? operation() : starting.then(operation);
      const result = await within(this.#options.timeoutMs, running);
      this.#lateSince = undefined;
      return result;
    } catch (error) {
      this.#failed(error);
      throw error instanceof StateError ? error : new StateError('unavailable');
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    this.#lateSince ??= performance.now();
    const isOverloaded = isLate(error) && performance.now() - this.#lateSince > LATE_MS;
    if (!isLate(error) || isOverloaded) this.#setDown(error);
    if (this.#isProbing) return;
    if (isOverloaded) this.#probeLater();
    else this.#probe();
  }

  #setDown(error: unknown): void {
    if (this.#isDown) return;
    this.#isDown = true;
    if (performance.now() - this.#toldAt <= QUIET_MS) return;
    this.#isTold = true;
    this.#options.onOutage({
      isOver: false,
      code: error instanceof StateError ? error.reason : storageCode(error),
    });
  }

  #probe(): void {
    this.#isProbing = true;
    within(this.#options.timeoutMs, this.#options.ping()).then(
      () => this.#recovered(),
      (error: unknown) => {
        if (this.#isClosed) return;
        this.#setDown(error);
        this.#probeLater();
      },
    );
  }

  #probeLater(): void {
    this.#isProbing = true;
    this.#timer = setTimeout(() => this.#probe(), PROBE_MS).unref();
  }

  #recovered(): void {
    this.#isProbing = false;
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#lateSince = undefined;
    this.#toldAt = performance.now();
    if (this.#isTold) this.#options.onOutage({ isOver: true });
    this.#isTold = false;
  }
}

const isLate = (error: unknown) => error instanceof StateError && error.reason === 'timeout';

async function within<T>(ms: number, running: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  // After a pause of this process a reply can have come that nobody has read yet
  const timer = setTimeout(() => setImmediate(() => reject(new StateError('timeout'))), ms);
  try {
    return await Promise.race([running, promise]);
  } finally {
    clearTimeout(timer);
    // It may still fail, with nobody to hear of it
    running.catch(() => {});
  }
}
