import { type Growth, growing } from '../guardrail/growing-wait.ts';
import type { SharedStop } from '../outbox/contract.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Waits for a backend that fails. */
export const BACKEND_WAIT: Growth = { firstMs: 1000, maxMs: 5 * MINUTE_MS };
/** Waits for a record that a backend fails on. */
export const RECORD_WAIT: Growth = { firstMs: 1000, maxMs: HOUR_MS };
/** Waits between two tests of a token that a backend refuses. */
export const HOLD_WAIT: Growth = { firstMs: MINUTE_MS, maxMs: 10 * MINUTE_MS };
/** Waits for an outbox that fails. */
export const STORAGE_WAIT: Growth = { firstMs: 1000, maxMs: MINUTE_MS / 2 };

/** A `Retry-After` beyond this is not believed. */
const MAX_RETRY_AFTER_MS = HOUR_MS;

/** The wait with full jitter: any part of it, so that many that failed together do not come back together. */
export function jittered(growth: Growth, failures: number, random: () => number): number {
  return Math.round(random() * growing(growth, failures));
}

/** Returns the wait that a backend asks for, as far as that is honoured. */
export function honoured(retryAfterMs = 0): number {
  return Math.ceil(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}

/** Counts the failures of a backend. A delivery belongs to the epoch in which it began. */
export type Epoch = number;

/**
 * Decides when a backend is handed something, by how it took what it was handed before. Deliveries that were under way together
 * and fail count as one failure, and one that succeeds after another of them failed says nothing of how the backend is since.
 */
export class Backoff {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #growth: Growth;
  #epoch: Epoch = 0;
  /** Failures in a row. */
  #failures = 0;
  #isProbing = false;
  #isHeld = false;
  /** Nothing is handed over before this time. */
  #until = Number.NEGATIVE_INFINITY;

  constructor(now: () => number, random: () => number, growth = BACKEND_WAIT) {
    this.#now = now;
    this.#random = random;
    this.#growth = growth;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** True from a failure to the next success: one delivery at a time. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** True while the backend refuses our token. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Milliseconds until the next delivery may begin. */
  waitMs(): number {
    return Math.max(0, this.#until - this.#now());
  }

  /** Returns true if that ends a hold. */
  succeeded(startedIn: Epoch): boolean {
    if (startedIn !== this.#epoch) return false;
    const wasHeld = this.#isHeld;
    this.#failures = 0;
    this.#isProbing = false;
    this.#isHeld = false;
    return wasHeld;
  }

  failed(startedIn: Epoch, retryAfterMs?: number): void {
    this.#wait(honoured(retryAfterMs));
    if (startedIn !== this.#epoch) return;
    this.#epoch++;
    this.#failures++;
    this.#isProbing = true;
    if (this.#isHeld) this.#wait(growing(HOLD_WAIT, this.#failures));
    else this.#wait(jittered(this.#growth, this.#failures, this.#random));
  }

  /** The backend refused our token. Returns true if that begins a hold. */
  refused(startedIn: Epoch, retryAfterMs?: number): boolean {
    const begins = !this.#isHeld;
    this.#isHeld = true;
    if (begins) this.#failures = 0;
    this.failed(begins ? this.#epoch : startedIn, retryAfterMs);
    return begins;
  }

  #wait(ms: number): void {
    this.#until = Math.max(this.#until, this.#now() + ms);
  }

  /** Waits as long as another replica says, which has seen it fail. */
  adopt({ waitMs, failures, isHeld }: SharedStop): void {
    if (!this.#isProbing) this.#epoch++;
    this.#isProbing = true;
    this.#isHeld = isHeld;
    this.#failures = failures;
    this.#until = this.#now() + waitMs;
  }

  /** Another replica has seen that it takes records. */
  lift(): void {
    this.reset();
    this.#isProbing = false;
    this.#isHeld = false;
  }

  /** Lets the next delivery begin now; waits grow from the start. */
  reset(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#failures = 0;
  }
}
