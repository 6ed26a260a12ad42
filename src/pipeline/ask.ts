import type { Check, Judges } from '../backends/backend.ts';
import { type Http, toFailure } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import type { Failure, UnreachableFallback } from '../guardrail/failure.ts';
import type { Mode, Verdict } from '../guardrail/verdict.ts';
import type { Breaker } from './breaker.ts';
import { applyUnreachableFallback, type Effect } from './fallback.ts';

/** A configured backend, ready to be asked. */
export type JudgingBackend = {
  readonly name: string;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly unreachableFallback: UnreachableFallback;
  readonly judges: Judges;
  readonly check: Check;
  readonly breaker: Breaker;
};

/** What one backend said to one call, and what that does. */
export type Answer = {
  readonly backend: JudgingBackend;
  readonly call: GuardrailCall;
  readonly seconds: number;
} & ({ readonly verdict: Verdict } | { readonly failure: Failure; readonly effect: Effect });

/** What all backends asked about one call are given. */
export type Context = { readonly http: Http; readonly request: GuardrailCall | undefined };

/** Asks one backend under its breaker and its deadline. Never throws: what goes wrong is a failure and its effect. */
export async function ask(
  backend: JudgingBackend,
  call: GuardrailCall,
  context: Context,
  caller?: AbortSignal,
): Promise<Answer> {
  const startedAt = performance.now();
  const answered = () => ({ backend, call, seconds: (performance.now() - startedAt) / 1000 });
  const failed = (failure: Failure): Answer => {
    const effect = applyUnreachableFallback(failure, backend.unreachableFallback);
    return { ...answered(), failure, effect };
  };

  const settle = backend.breaker.admit();
  if (settle === null) return failed({ kind: 'breaker_open' });
  const deadline = startDeadline(backend.timeoutMs, caller);
  try {
    const verdict = await deadline.limit(backend.check(call, { ...context, deadline }));
    settle(undefined);
    return { ...answered(), verdict };
  } catch (error) {
    const failure = whatWentWrong(error);
    settle(failure);
    return failed(failure);
  } finally {
    deadline.clear();
  }

  function whatWentWrong(error: unknown): Failure {
    if (deadline.isOver()) return { kind: 'timeout', afterMs: backend.timeoutMs };
    return caller?.aborted ? { kind: 'cancelled' } : toFailure(error);
  }
}
