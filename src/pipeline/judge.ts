import type { Check, Judges } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import { toFailure } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Failure, UnreachableFallback } from '../guardrail/failure.ts';
import type { Mode, Verdict } from '../guardrail/verdict.ts';
import { mediaOf } from '../guardrail/words.ts';
import type { Policy } from '../policies/builtin.ts';
import type { Breaker } from './breaker.ts';
import { startDeadline } from './deadline.ts';
import type { Decision } from './decision.ts';
import { applyUnreachableFallback, type Effect } from './fallback.ts';
import { createRequestMemory } from './request-memory.ts';
import { mergeRewrites } from './rewrites.ts';

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

/** Told of everything that happens on the way to a decision, to count and log it. */
export type Witness = {
  policy(policy: Policy, call: GuardrailCall, verdict: Verdict): void;
  answer(answer: Answer): void;
  /** Content that a backend cannot look at. */
  unjudged(backend: JudgingBackend, content: 'answer' | 'media', call: GuardrailCall): void;
};

export type Judge = {
  /** Decides about a call. Never throws. `caller` is aborted when nobody waits for the answer any more. */
  judge(call: GuardrailCall, caller?: AbortSignal): Promise<Decision>;
  /** Resolves when the checks of observing backends, which nobody waits for, have ended. */
  settled(): Promise<void>;
};

/**
 * Asks the policies, then all backends at once, each under its own deadline. The first block decides and ends the
 * other checks; without one, a `defer` wins over redactions, which are merged in configuration order.
 */
export function createJudge({
  policies,
  backends,
  http,
  witness,
}: {
  policies: readonly Policy[];
  backends: readonly JudgingBackend[];
  http: Http;
  witness: Witness;
}): Judge {
  const enforcing = backends.filter((backend) => backend.mode === 'enforce');
  const observing = backends.filter((backend) => backend.mode === 'observe');
  const memory = backends.some((backend) => backend.judges.response) ? createRequestMemory() : undefined;
  const watched = new Set<Promise<unknown>>();

  async function ask(backend: JudgingBackend, call: GuardrailCall, caller?: AbortSignal): Promise<Answer> {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    const failed = (failure: Failure): Answer => {
      const effect = applyUnreachableFallback(failure, backend.unreachableFallback);
      return { backend, call, seconds: seconds(), failure, effect };
    };

    const settle = backend.breaker.admit();
    if (settle === null) return failed({ kind: 'breaker_open' });
    const deadline = startDeadline(backend.timeoutMs, caller);
    try {
      const context = { http, signal: deadline.signal, request: memory?.recall(call) };
      const verdict = await Promise.race([backend.check(call, context), deadline.passed]);
      settle(undefined);
      return { backend, call, seconds: seconds(), verdict };
    } catch (error) {
      const failure: Failure = deadline.isOver()
        ? { kind: 'timeout', afterMs: backend.timeoutMs }
        : caller?.aborted
          ? { kind: 'cancelled' }
          : toFailure(error);
      settle(failure);
      return failed(failure);
    } finally {
      deadline.clear();
    }
  }

  /** The backends that can judge this call; what they cannot look at is counted. */
  function able(candidates: readonly JudgingBackend[], call: GuardrailCall): readonly JudgingBackend[] {
    const media = mediaOf(call);
    return candidates.filter((backend) => {
      const judges = backend.judges[call.input_type];
      if (!judges) witness.unjudged(backend, 'answer', call);
      else if (media > 0 && !backend.judges.media) witness.unjudged(backend, 'media', call);
      return judges;
    });
  }

  function observe(call: GuardrailCall): void {
    for (const backend of able(observing, call)) {
      const watch = ask(backend, call).then((answer) => {
        watched.delete(watch);
        witness.answer(answer);
      });
      watched.add(watch);
    }
  }

  return {
    async judge(call, caller) {
      for (const policy of policies) {
        const verdict = policy.check(call);
        witness.policy(policy, call, verdict);
        if (verdict.kind === 'block') return block('verdict', policy.name, verdict.reason);
      }
      if (backends.length === 0) return { kind: 'allow' };
      memory?.remember(call);
      observe(call);

      const asked = able(enforcing, call);
      if (asked.length === 0) return { kind: 'allow' };
      const work = new AbortController();
      const stop = () => work.abort();
      if (caller?.aborted) stop();
      else caller?.addEventListener('abort', stop, { once: true });
      try {
        const answers = await firstBlockOrAll(
          asked.map((backend) =>
            ask(backend, call, work.signal).then((answer) => {
              witness.answer(answer);
              return answer;
            }),
          ),
        );
        return caller?.aborted ? { kind: 'cancelled' } : decide(answers);
      } finally {
        caller?.removeEventListener('abort', stop);
        stop();
      }
    },
    async settled() {
      while (watched.size > 0) await Promise.all(watched);
    },
  };
}

/** Resolves with the answers so far as soon as one of them blocks, otherwise with all, in the order of the list. */
function firstBlockOrAll(pending: readonly Promise<Answer>[]): Promise<Answer[]> {
  if (pending.length === 1) return Promise.all(pending);
  return new Promise((resolve, reject) => {
    const answers: Answer[] = [];
    let missing = pending.length;
    pending.forEach((promise, i) => {
      promise.then((answer) => {
        answers[i] = answer;
        missing--;
        if (missing === 0 || blocks(answer)) resolve(answers.filter(Boolean));
      }, reject);
    });
  });
}

function blocks(answer: Answer): boolean {
  return 'verdict' in answer ? answer.verdict.kind === 'block' : answer.effect === 'block';
}

/** What all the answers together mean for the call. */
export function decide(answers: readonly Answer[]): Decision {
  for (const { backend, ...answer } of answers) {
    if ('verdict' in answer) {
      if (answer.verdict.kind === 'block') return block('verdict', backend.name, answer.verdict.reason);
    } else if (answer.effect === 'block') {
      return block('fail_closed', backend.name, 'the check could not be completed');
    }
  }
  const modified = answers.flatMap((answer) =>
    'verdict' in answer && answer.verdict.kind === 'modify'
      ? [{ name: answer.backend.name, rewrites: answer.verdict.rewrites }]
      : [],
  );
  const names = modified.map(({ name }) => name);
  const deferred = answers.find((answer) => 'effect' in answer && answer.effect === 'defer');
  if (modified.length === 0) {
    return deferred === undefined ? { kind: 'allow' } : { kind: 'defer', backend: deferred.backend.name };
  }
  const known = modified.flatMap(({ rewrites }) => rewrites ?? []);
  const rewrites = known.length === modified.length ? mergeRewrites(known) : null;
  // A 503 would leave the redaction to a setting that knows nothing of it
  if (rewrites === null || deferred !== undefined) {
    return block('redaction', names.join(','), 'a redaction could not be applied');
  }
  return { kind: 'modify', backends: names, rewrites };
}

function block(cause: 'verdict' | 'fail_closed' | 'redaction', backend: string, reason: string): Decision {
  return { kind: 'block', cause, backend, reason };
}
