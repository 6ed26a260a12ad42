import type { Http } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { mediaOf } from '../guardrail/words.ts';
import type { Policy } from '../policies/builtin.ts';
import { type Answer, ask, type Context, type JudgingBackend } from './ask.ts';
import { block, blocks, type Decision, decide } from './decision.ts';

/** Told of everything that happens on the way to a decision, to count and log it. */
export type Witness = {
  policy(policy: Policy, call: GuardrailCall, verdict: Verdict): void;
  answer(answer: Answer): void;
  /** Content that a backend cannot look at. */
  unjudged(backend: JudgingBackend, content: 'answer' | 'media', call: GuardrailCall): void;
};

/** A decision, and the answers it was made from. */
export type Judgement = { readonly decision: Decision; readonly answers: readonly Answer[] };

export type Judge = {
  /**
   * Decides about a call.
   *
   * @param work aborted when nobody waits for the answer any more; the judge does so itself to end the other checks
   *   once one has decided
   * @param request for an answer, the request it belongs to, as far as it is known
   */
  judge(call: GuardrailCall, work: AbortController, request?: GuardrailCall): Promise<Judgement>;
  /** Whether some backend judges answers, and is glad of their request. */
  readonly wantsRequests: boolean;
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
  const watched = new Set<Promise<unknown>>();

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

  function observe(call: GuardrailCall, context: Context): void {
    for (const backend of able(observing, call)) {
      const watch = ask(backend, call, context).then((answer) => {
        watched.delete(watch);
        witness.answer(answer);
      });
      watched.add(watch);
    }
  }

  return {
    wantsRequests: backends.some((backend) => backend.judges.response),
    async judge(call, work, request) {
      for (const policy of policies) {
        const verdict = policy.check(call);
        witness.policy(policy, call, verdict);
        if (verdict.kind === 'block') return decided(block('verdict', policy.name, verdict.reason));
      }
      if (backends.length === 0) return decided({ kind: 'allow' });
      const context = { http, request };
      observe(call, context);

      const asked = able(enforcing, call);
      if (asked.length === 0) return decided({ kind: 'allow' });
      const pending = asked.map((backend) =>
        ask(backend, call, context, work.signal).then((answer) => {
          witness.answer(answer);
          return answer;
        }),
      );
      const answers = await firstBlockOrAll(pending);
      const decision = decide(answers);
      if (decision.kind !== 'block' && work.signal.aborted) return decided({ kind: 'cancelled' });
      if (answers.length < pending.length) work.abort(STOPPED);
      return { decision, answers };
    },
    async settled() {
      while (watched.size > 0) await Promise.all(watched);
    },
  };
}

function decided(decision: Decision): Judgement {
  return { decision, answers: [] };
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
