import type { Http } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type { Failure } from '../guardrail/failure.ts';
import { mediaOf } from '../guardrail/words.ts';
import { OutOfTime } from '../policies/budget.ts';
import type { Engine, Ruling } from '../policies/engine.ts';
import type { Answer, JudgingBackend } from './ask.ts';
import { createAsker } from './ask-new.ts';
import { block, type Decision, decide } from './decision.ts';
import { firstBlockOrAll } from './first-block.ts';
import { ownerOf, together, without } from './own-redaction.ts';

/** Told of everything that happens on the way to a decision, to count and log it. */
export type Witness = {
  ruling(ruling: Ruling, call: GuardrailCall): void;
  /** The policies could not judge. */
  noRuling(failure: Failure, call: GuardrailCall): void;
  answer(answer: Answer): void;
  /** What a backend said of an answer after the last call about it. */
  late(answer: Answer): void;
  /** Content that a backend cannot look at. */
  unjudged(backend: JudgingBackend, content: 'answer' | 'media', call: GuardrailCall): void;
};

/** A decision, and what it was made from. */
export type Judgement = {
  readonly decision: Decision;
  readonly answers: readonly Answer[];
  readonly ruling: Ruling | undefined;
  /** The call as the policies left it: what backends may see. */
  readonly shown: GuardrailCall;
};

export type Judge = {
  /**
   * Decides about a call.
   *
   * @param body as it was sent
   * @param work aborted when nobody waits for the answer any more; the judge does so itself to end the other checks
   *   once one has decided
   * @param request for an answer, the request it belongs to, as far as it is known
   */
  judge(
    call: GuardrailCall,
    body: Buffer,
    work: AbortController,
    request?: GuardrailCall,
  ): Promise<Judgement>;
  /** Whether some backend judges answers, and is glad of their request. */
  readonly wantsRequests: boolean;
  /** Resolves when the checks that nobody waits for have ended: those of observing backends, and late ones. */
  settled(): Promise<void>;
};

export type JudgeOptions = {
  /** The policies as they are at the moment; undefined if there are none. */
  readonly engine: () => Engine | undefined;
  /** Milliseconds that the policies may work on one call. */
  readonly policyTimeoutMs: number;
  readonly backends: readonly JudgingBackend[];
  /** By how much an answer has to have grown before a backend is asked again; 1 for each time. */
  readonly streamCheckGrowth: number;
  readonly http: Http;
  readonly witness: Witness;
};

/**
 * Asks the policies, then all backends at once, each under its own deadline. The first block decides and ends the
 * other checks; without one, a `defer` wins over redactions, which are merged in configuration order. Backends are asked about
 * what the policies have left of a call.
 */
export function createJudge(options: JudgeOptions): Judge {
  const { backends, http, witness } = options;
  const asker = createAsker(options.streamCheckGrowth, witness);
  const watched = new Set<Promise<unknown>>();

  /**
   * What the policies say. A call that they cannot judge is blocked under any fail mode: what it takes to make them give up
   * is in the hands of who sends it.
   */
  async function ruled(call: GuardrailCall, body: Buffer): Promise<Ruling | Decision | undefined> {
    try {
      const ruling = await options
        .engine()
        ?.judge(call, { bytes: body.length, timeoutMs: options.policyTimeoutMs });
      if (ruling !== undefined) witness.ruling(ruling, call);
      return ruling;
    } catch (error) {
      const isLate = error instanceof OutOfTime;
      witness.noRuling(
        isLate ? { kind: 'timeout', afterMs: options.policyTimeoutMs } : { kind: 'bug', error },
        call,
      );
      return block('fail_closed', 'policies', 'the check could not be completed');
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

  return {
    wantsRequests: backends.some((backend) => backend.judges.response),
    async judge(call, body, work, request) {
      const ruling = await ruled(call, body);
      if (ruling !== undefined && 'kind' in ruling)
        return { decision: ruling, answers: [], ruling: undefined, shown: call };
      const own = ruling === undefined || ruling.rewrites.size === 0 ? undefined : ruling;
      const shown = own ? without(call, own.rewrites) : call;
      const decided = (decision: Decision): Judgement => ({ decision, answers: [], ruling, shown });
      if (ruling?.verdict === 'block') return decided(blockBy(ruling));
      const redacted: Decision = own
        ? { kind: 'modify', backends: [ownerOf(own)], rewrites: own.rewrites }
        : { kind: 'allow' };

      const planned = backends
        .filter(({ name }) => ruling?.plan.backends?.includes(name) ?? true)
        .map((backend) => withPlan(backend, ruling));
      const enforcing = able(
        planned.filter(({ mode }) => mode === 'enforce'),
        call,
      );
      if (ruling?.mediaPolicy !== undefined && !enforcing.some(({ judges }) => judges.media)) {
        return decided(block('verdict', ruling.mediaPolicy, 'media_not_judged'));
      }
      if (planned.length === 0) return decided(redacted);

      const asked = {
        call: shown,
        rule: `${ruling?.policyVersion} ${ruling?.plan.rule}`,
        context: { http, request },
      };
      for (const backend of able(
        planned.filter(({ mode }) => mode === 'observe'),
        call,
      )) {
        const watch: Promise<unknown> | undefined = asker
          .ask(backend, asked)
          ?.then(() => watch && watched.delete(watch));
        if (watch !== undefined) watched.add(watch);
      }
      const pending = enforcing.flatMap((backend) => asker.ask(backend, asked, work.signal) ?? []);
      if (pending.length === 0) return decided(redacted);
      const answers = await firstBlockOrAll(pending);
      const decision = decide(answers);
      if (decision.kind !== 'block' && work.signal.aborted) return decided({ kind: 'cancelled' });
      if (answers.length < pending.length) work.abort(STOPPED);
      return { ...decided(own ? together(own, decision, call) : decision), answers };
    },
    async settled() {
      await asker.settled();
      while (watched.size > 0) await Promise.all(watched);
    },
  };
}

function blockBy({ by, message }: Ruling): Decision {
  return block('verdict', by?.kind ?? 'policies', by?.reasonCode ?? 'blocked', message);
}

function withPlan(backend: JudgingBackend, ruling: Ruling | undefined): JudgingBackend {
  const { backendMode, unreachableFallback } = ruling?.plan ?? {};
  if (backendMode === undefined && unreachableFallback === undefined) return backend;
  return {
    ...backend,
    mode: backendMode ?? backend.mode,
    unreachableFallback: unreachableFallback ?? backend.unreachableFallback,
  };
}
