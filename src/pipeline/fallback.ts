import type { Effect } from '../guardrail/decision.ts';
import type { Failure, UnreachableFallback } from '../guardrail/failure.ts';

/**
 * The one place where a failure turns into an effect on the call. Every kind of failure counts, a 401, 422 or
 * 429 as much as a refused connection: a backend that gave no verdict judged nothing.
 *
 * A cancelled check has no effect, since nobody waits for the reply, or another backend has decided. `next` stands for
 * `on_error: next` where backends follow, to which it leaves the call.
 */
export function applyUnreachableFallback(failure: Failure, fallback: UnreachableFallback | 'next'): Effect {
  if (failure.kind === 'cancelled') return 'none';
  switch (fallback) {
    case 'fail_closed':
      return 'block';
    case 'fail_open':
      return 'allow';
    case 'defer':
      return 'defer';
    case 'next':
      return 'next';
  }
}
