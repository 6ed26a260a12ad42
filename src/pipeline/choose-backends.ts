import { hash } from 'node:crypto';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { PolicyResult } from '../guardrail/decision.ts';
import type { Mode } from '../guardrail/verdict.ts';
import type { JudgingBackend } from './check-backend.ts';

/** Told of backends that are not asked about a call, or not about all of it. */
export type ChoiceObserver = {
  /** A backend cannot look at some content; `policies` where no backend is asked. */
  unjudged(call: GuardrailCall, backend: string, content: 'answer' | 'media'): void;
  /** A backend is asked about a part of the calls, of which this is none. */
  unsampled(call: GuardrailCall, backend: string): void;
};

/** The backends to ask about a call, in order, by mode. */
export type ChosenBackends = Readonly<Record<Mode, readonly JudgingBackend[]>> & {
  /** True if there are none, or the caller rule wants none. */
  readonly isNone: boolean;
};

/** Chooses whom to ask about a call: those that its caller rule names, in its order, and that can judge it. */
export function chooseBackends(
  backends: readonly JudgingBackend[],
  policies: PolicyResult | undefined,
  call: GuardrailCall,
  observer: ChoiceObserver,
): ChosenBackends {
  const names = policies?.backends;
  const named = names?.flatMap((name) => backends.find((backend) => backend.name === name) ?? []) ?? backends;
  const chosen: Record<Mode, JudgingBackend[]> & Pick<ChosenBackends, 'isNone'> = {
    enforce: [],
    observe: [],
    shadow: [],
    isNone: named.length === 0,
  };
  for (const backend of named) {
    const { name, judges, sample } = backend;
    if (sample < 100 && !isSampled(call, sample)) observer.unsampled(call, name);
    else if (!judges[call.input_type]) observer.unjudged(call, name, 'answer');
    else {
      if (call.passages.media > 0 && !judges.media) observer.unjudged(call, name, 'media');
      const planned = withPlan(backend, policies);
      chosen[planned.mode].push(planned);
    }
  }
  return chosen;
}

/**
 * True for so many percent of the calls: the same for a request, its response and all rounds of it, in every instance. A client can
 * choose the id; without one it is true.
 */
function isSampled({ litellm_call_id: id }: GuardrailCall, percent: number): boolean {
  if (id === null) return true;
  const place = Number.parseInt(hash('sha256', id).slice(0, 8), 16) / 2 ** 32;
  return place * 100 < percent;
}

/** A shadow's word never counts, whatever a rule says of modes. */
function withPlan(backend: JudgingBackend, policies: PolicyResult | undefined): JudgingBackend {
  const { backendMode, unreachableFallback } = policies ?? {};
  if (backendMode === undefined && unreachableFallback === undefined) return backend;
  const mode = backend.mode === 'shadow' ? 'shadow' : (backendMode ?? backend.mode);
  return { ...backend, mode, unreachableFallback: unreachableFallback ?? backend.unreachableFallback };
}
