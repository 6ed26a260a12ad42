import type { SharedStops } from '../outbox/contract.ts';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

/** Longest that it goes unseen when another replica stops a backend, or finds it well again. */
export const SHARED_LOOK_MS = 1000;

export type SharedBackoffOptions = {
  readonly backend: string;
  readonly stops: SharedStops;
  readonly backoff: Backoff;
  readonly clock: Clock;
  /** Called when another replica found out that the backend refuses our token, or takes it again. */
  onHeld(isHeld: boolean): void;
  /** Called when a stop by another replica begins. */
  onStopped(): void;
  onBug(error: unknown): void;
};

/**
 * Keeps the backoff of one backend as that of all replicas: a failure that one has stops all of them, one tries it when the wait is over, and
 * all go on within a second once it takes a record. While nothing can be shared each goes by its own backoff.
 */
export class SharedBackoff {
  readonly #options: SharedBackoffOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** When another replica was trying it. */
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** What is told goes ahead of what is asked. */
  #telling: Promise<void> = Promise.resolve();

  constructor(options: SharedBackoffOptions) {
    this.#options = options;
  }

  /** Learns what others know, once a second at most. */
  async look(): Promise<void> {
    const { backend, stops, backoff, clock, onHeld, onStopped } = this.#options;
    const now = clock.now();
    if (now - this.#lookedAt < SHARED_LOOK_MS) return;
    this.#lookedAt = now;
    await this.#telling;
    const { epoch } = backoff;
    const stop = await this.#ask(() => stops.state(backend), 'unknown' as const);
    // A delivery failed meanwhile: that is told first
    if (stop === 'unknown' || epoch !== backoff.epoch) return;
    const { isProbing, isHeld } = backoff;
    if (stop !== undefined) {
      backoff.adopt(stop);
      if (!isProbing) onStopped();
    } else if (isProbing) backoff.lift();
    if (backoff.isHeld !== isHeld) onHeld(backoff.isHeld);
  }

  /** True if a delivery may begin: after a stop one replica begins one. */
  async mayBegin(): Promise<boolean> {
    const { backend, stops, backoff, clock } = this.#options;
    await this.look();
    if (backoff.waitMs() > 0) return false;
    if (!backoff.isProbing) return true;
    if (clock.now() - this.#refusedAt < SHARED_LOOK_MS) return false;
    const isChosen = await this.#ask(() => stops.mayProbe(backend), true);
    if (!isChosen) this.#refusedAt = clock.now();
    return isChosen;
  }

  /** The backoff has begun a wait. */
  stopped(): void {
    const { backend, stops, backoff } = this.#options;
    const { failures, isHeld } = backoff;
    this.#tell(() => stops.stopped(backend, { waitMs: backoff.waitMs(), failures, isHeld }));
  }

  /** The backend has taken a record after a stop. */
  recovered(): void {
    const { backend, stops } = this.#options;
    this.#tell(() => stops.recovered(backend));
  }

  /** Nothing came of trying it. */
  letGo(): void {
    const { backend, stops } = this.#options;
    this.#tell(() => stops.letGo(backend));
  }

  /** An operator wants it tried. */
  tryNow(): void {
    const { backend, stops } = this.#options;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    this.#refusedAt = Number.NEGATIVE_INFINITY;
    this.#tell(() => stops.tryNow(backend));
  }

  /** Resolves once all is told. */
  settled(): Promise<void> {
    return this.#telling;
  }

  #tell(tell: () => Promise<void>): void {
    this.#telling = this.#telling.then(() => this.#ask(tell, undefined));
    this.#telling.catch(this.#options.onBug);
  }

  /** What cannot be shared now is not: whoever keeps the outbox tells that it cannot be reached. */
  async #ask<T, Otherwise>(use: () => Promise<T>, otherwise: Otherwise): Promise<T | Otherwise> {
    try {
      return await use();
    } catch {
      return otherwise;
    }
  }
}
