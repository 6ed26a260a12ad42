import type { Fields } from '../guardrail/call.ts';
import type { VerdictNote } from '../guardrail/record.ts';
import { LATE_MS } from './pending-calls.ts';

/**
 * From a failed attempt, or a blocked request, to the next event of its call: longer than LiteLLM waits for a model, which is 600 s. Each
 * failed attempt has an event, and begins this anew.
 */
export const RETRY_MS = 15 * 60_000;

/**
 * From a success that another replica says was blocked to the record of the block: that replica had to keep it, or was killed and is started
 * again.
 */
export const BLOCK_TO_COME_MS = 30_000;

/** Milliseconds that something else about a call can take to come. */
export type Waits = {
  /** A success after a failure. */
  readonly failureGraceMs: number;
  /** The last check of a response that LiteLLM has logged. */
  readonly responseCheckMs: number;
};

/** Time that the notes on a call are kept after an event of it. */
export function keptMsOf(outcome: 'success' | 'failure', { failureGraceMs, responseCheckMs }: Waits): number {
  return outcome === 'failure' ? Math.max(RETRY_MS, failureGraceMs) : Math.max(LATE_MS, responseCheckMs);
}

/** Time that the record of an event waits before it is delivered. */
export function holdMsOf(
  event: Fields,
  outcome: 'success' | 'failure',
  verdicts: readonly VerdictNote[],
  { failureGraceMs, responseCheckMs }: Waits,
): number {
  if (outcome === 'failure') return failureGraceMs;
  // LiteLLM logs a response from its cache before it has it judged
  const isUnjudged = verdicts.length > 0 && verdicts.every(({ input_type }) => input_type === 'request');
  const isEarly =
    (event.cache_hit === true && isUnjudged) ||
    (event.stream === true && verdicts.some(({ logsStreamsEarly }) => logsStreamsEarly));
  return isEarly ? responseCheckMs : 0;
}
