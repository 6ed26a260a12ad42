import type { Failure, Refusal } from '../guardrail/failure.ts';
import { honoured } from './backoff.ts';
import type { Pressure } from './lane.ts';

/** An action about a delivery that failed. */
export type Remedy =
  /** The backend's trouble, of which it may have had enough with these records alone: the same again, when it is better. */
  | { readonly kind: 'again'; readonly mayBePassing: boolean }
  /** The records may be to blame: again, and counted, so that they cannot stop the others for ever. */
  | { readonly kind: 'count' }
  /** Nothing is taken until our token is mended, unless one of the records was to blame after all. */
  | { readonly kind: 'hold'; readonly mayBeRecord: boolean }
  /** Too much at once: in smaller batches. */
  | { readonly kind: 'shrink' }
  /** One of them is to blame: each alone. */
  | { readonly kind: 'isolate' }
  /** Never again. `reason` is for the outbox alone, as it can hold the vendor's text. */
  | { readonly kind: 'dead'; readonly reason: string };

const MAX_REASON_CHARS = 500;

/**
 * Sorts a failure of a delivery by what can be done about it.
 *
 * @param isSingledOut true if it was one record, sent alone for what happened to it before, while the backend takes others
 */
export function remedyFor(
  failure: Failure,
  { records, isSingledOut }: { readonly records: number; readonly isSingledOut: boolean },
  { reply = '' }: Refusal = {},
): Remedy {
  const isAlone = records === 1;
  switch (failure.kind) {
    case 'unreachable':
    case 'tls':
    case 'breaker_open':
    case 'cancelled':
      return { kind: 'again', mayBePassing: false };
    case 'timeout':
    case 'not_json':
    case 'wrong_shape':
    case 'oversize':
    case 'no_verdict':
    case 'loop':
      return { kind: 'count' };
    case 'bug': {
      const name = failure.error instanceof Error ? failure.error.name : typeof failure.error;
      return isAlone ? { kind: 'dead', reason: `bug: ${name}` } : { kind: 'isolate' };
    }
    case 'unauthorized': {
      const isForbidden = failure.status === 403;
      // A firewall before the vendor says 403 to what it reads as an attack: that record, and not our token
      return isForbidden && isSingledOut ? { kind: 'count' } : { kind: 'hold', mayBeRecord: isForbidden };
    }
    case 'http_status': {
      const { status } = failure;
      const reason = `HTTP ${status}: ${reply.trim()}`.slice(0, MAX_REASON_CHARS);
      if (status === 400 || status === 422) return isAlone ? { kind: 'dead', reason } : { kind: 'isolate' };
      if (status === 413) return isAlone ? { kind: 'dead', reason } : { kind: 'shrink' };
      // A redirect comes from how the way to the vendor is set up
      if (status < 400 || OUTAGES.has(status)) return { kind: 'again', mayBePassing: status >= 400 };
      return { kind: 'count' };
    }
  }
}

const OUTAGES = new Set([429, 502, 503, 504]);

/** Tells by a failure if the backend is sent too much at once. */
export function pressureOf(failure: Failure, { retryAfterMs }: Refusal): Pressure {
  const status = failure.kind === 'http_status' ? failure.status : undefined;
  if (status === 429 || honoured(retryAfterMs) > 0) return 'throttle';
  return failure.kind === 'timeout' || (status !== undefined && OUTAGES.has(status)) ? 'overload' : 'none';
}
