/** How waits grow: doubled by each failure in a row, up to a bound. Milliseconds. */
export type Growth = { readonly firstMs: number; readonly maxMs: number };

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Of a backend that fails. */
export const BACKEND_WAIT: Growth = { firstMs: SECOND_MS, maxMs: 5 * MINUTE_MS };
/** Of a record that a backend fails on. */
export const RECORD_WAIT: Growth = { firstMs: SECOND_MS, maxMs: HOUR_MS };
/** Of a backend that refuses our token, between two looks whether it was mended. */
export const HOLD_WAIT: Growth = { firstMs: MINUTE_MS, maxMs: 10 * MINUTE_MS };
/** Of an outbox that fails. */
export const STORAGE_WAIT: Growth = { firstMs: SECOND_MS, maxMs: 30 * SECOND_MS };

/** A `Retry-After` beyond this is not believed. */
const MAX_RETRY_AFTER_MS = HOUR_MS;

/** The wait after some failures in a row, of which there is at least one. */
export function growing({ firstMs, maxMs }: Growth, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1));
}

/** The same with full jitter: any part of it, so that many that failed together do not come back together. */
export function jittered(growth: Growth, failures: number, random: () => number): number {
  return Math.round(random() * growing(growth, failures));
}

/** What the backend asks for, as far as that is honoured. */
export function honoured(retryAfterMs = 0): number {
  return Math.ceil(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
