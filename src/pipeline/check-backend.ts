import type { Checker, NewText } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import { toFailure } from '../backends/to-failure.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { type Deadline, startDeadline } from '../guardrail/deadline.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import type { Failure } from '../guardrail/failure.ts';
import { ALLOW, type Verdict } from '../guardrail/verdict.ts';
import { type Access, checkFailureOf } from './access.ts';
import type { Breaker } from './breaker.ts';
import { applyUnreachableFallback } from './fallback.ts';
import { Hedge } from './hedge.ts';
import { newTextsOf } from './new-texts.ts';

/** A configured backend, ready to be asked. */
export type JudgingBackend = Checker & {
  readonly breaker: Breaker;
  readonly access: Access;
  /** Names what it has judged before: one that has changed remembers nothing. */
  readonly memory: string;
};

/** Given to all backends that are asked about one call. */
export type CheckOptions = {
  readonly http: Http;
  /** For a response: reads the request it belongs to, if this instance still remembers it. */
  readonly request: () => GuardrailCall | undefined;
  /** True if a failure leaves the call to the backends that follow. */
  readonly handsOver?: boolean | undefined;
  /** The time of all checks of a sequence, of which this is not the first. */
  readonly within?: Deadline | undefined;
  /** For a backend that reads texts: those that are new; all, if left out. */
  readonly texts?: readonly NewText[] | undefined;
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
  const { name, mode, timeoutMs, unreachableFallback } = backend;
  const { handsOver, within } = options;
  const seconds = () => (performance.now() - startedAt) / 1000;
  const failed = (failure: Failure): CheckResult => {
    const effect = applyUnreachableFallback(failure, handsOver ? 'next' : unreachableFallback);
    return { backend: name, mode, unreachableFallback, startedAt, seconds: seconds(), failure, effect };
  };

  const texts = options.texts ?? (backend.reads === 'texts' ? newTextsOf(call) : NONE);
  const hasMedia = backend.judges.media && call.passages.media > 0;
  if (texts.length === 0 && backend.reads === 'texts' && !hasMedia)
    return { backend: name, mode, unreachableFallback, seconds: 0, verdict: ALLOW };
  if (within?.isOver()) return failed({ kind: 'timeout', afterMs: 0 });
  const settle = backend.breaker.admit();
  if (settle === null) return failed({ kind: 'breaker_open' });
  const deadline = startDeadline(timeoutMs, within?.signal ?? caller);
  const hedge = hedgeOf(backend);
  try {
    const verdict = await deadline.limit(ask(backend, call, texts, options, deadline, hedge));
    // Nobody asked, nothing learnt
    const isAsked = verdict.kind !== 'allow' || !verdict.unasked;
    settle(isAsked ? undefined : { kind: 'cancelled' });
    if (isAsked) backend.access.settle(undefined);
    const result = { backend: name, mode, unreachableFallback, startedAt, seconds: seconds(), verdict };
    return hedge?.result === undefined ? result : { ...result, hedged: hedge.result };
  } catch (error) {
    const isCut = !deadline.isOver() && within?.isOver() === true;
    const afterMs = isCut ? Math.round(seconds() * 1000) : timeoutMs;
    const failure: Failure =
      isCut || deadline.isOver()
        ? { kind: 'timeout', afterMs }
        : caller?.aborted
          ? { kind: 'cancelled' }
          : toFailure(error);
    // Too little time says nothing about a backend, but one that hangs is to be found out in a sequence as well
    const learnt: Failure = isCut && afterMs < timeoutMs / 2 ? { kind: 'cancelled' } : failure;
    settle(learnt);
    backend.access.settle(checkFailureOf(learnt));
    const result = failed(failure);
    return hedge?.result === undefined ? result : { ...result, hedged: hedge.result };
  } finally {
    deadline.clear();
  }
}

/** True if there was nothing in the call that the backend judges. */
export function isUnasked(result: CheckResult): boolean {
  return 'verdict' in result && result.verdict.kind === 'allow' && result.verdict.unasked === true;
}

function ask(
  backend: JudgingBackend,
  call: GuardrailCall,
  texts: readonly NewText[],
  { http, request }: CheckOptions,
  deadline: Deadline,
  hedge: Hedge | undefined,
): Promise<Verdict> {
  if (hedge === undefined) return backend.check(call, { http, request, deadline, texts });
  return hedge.ask((deadline) => backend.check(call, { http, request, deadline, texts }), deadline);
}

/** Only where somebody waits, and not for a backend that may be down or must not be asked twice. */
function hedgeOf(backend: JudgingBackend): Hedge | undefined {
  const { mode, timeoutMs, hedgeAfterMs, breaker, isIdempotent } = backend;
  if (hedgeAfterMs === undefined || mode !== 'enforce' || !isIdempotent) return undefined;
  return new Hedge({ timeoutMs, afterMs: hedgeAfterMs, mayBegin: () => breaker.state() === 'closed' });
}
