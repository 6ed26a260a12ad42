import type { Checker, NewText } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import { toFailure } from '../backends/to-failure.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import type { Failure } from '../guardrail/failure.ts';
import { ALLOW } from '../guardrail/verdict.ts';
import type { Access } from './access.ts';
import type { Breaker } from './breaker.ts';
import { applyUnreachableFallback } from './fallback.ts';
import { newTextsOf } from './new-texts.ts';

/** A configured backend, ready to be asked. */
export type JudgingBackend = Checker & { readonly breaker: Breaker; readonly access: Access };

/** Given to all backends that are asked about one call. */
export type CheckOptions = {
  readonly http: Http;
  /** For a response: reads the request it belongs to, if this instance still remembers it. */
  readonly request: () => GuardrailCall | undefined;
};

const NONE: readonly NewText[] = [];

/** Asks one backend under its breaker and its deadline. Never throws: an error becomes a failure and its effect. */
export async function checkBackend(
  backend: JudgingBackend,
  call: GuardrailCall,
  options: CheckOptions,
  caller?: AbortSignal,
): Promise<CheckResult> {
  const startedAt = performance.now();
  const { name, mode, unreachableFallback } = backend;
  const seconds = () => (performance.now() - startedAt) / 1000;
  const failed = (failure: Failure): CheckResult => {
    const effect = applyUnreachableFallback(failure, unreachableFallback);
    return { backend: name, mode, unreachableFallback, seconds: seconds(), failure, effect };
  };

  const texts = backend.reads === 'texts' ? newTextsOf(call) : NONE;
  if (texts.length === 0 && backend.reads === 'texts')
    return { backend: name, mode, unreachableFallback, seconds: 0, verdict: ALLOW };
  const settle = backend.breaker.admit();
  if (settle === null) return failed({ kind: 'breaker_open' });
  const deadline = startDeadline(backend.timeoutMs, caller);
  try {
    const { http, request } = options;
    const verdict = await deadline.limit(backend.check(call, { http, request, deadline, texts }));
    settle(undefined);
    backend.access.settle(undefined);
    return { backend: name, mode, unreachableFallback, seconds: seconds(), verdict };
  } catch (error) {
    const failure: Failure = deadline.isOver()
      ? { kind: 'timeout', afterMs: backend.timeoutMs }
      : caller?.aborted
        ? { kind: 'cancelled' }
        : toFailure(error);
    settle(failure);
    backend.access.settle(failure);
    return failed(failure);
  } finally {
    deadline.clear();
  }
}
