import type { Http } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type { Failure, UnreachableFallback } from '../guardrail/failure.ts';
import { mediaOf, rewriteWords } from '../guardrail/words.ts';
import { OutOfTime } from '../policies/budget.ts';
import type { Engine, Ruling } from '../policies/engine.ts';
import { type Answer, ask, type Context, type JudgingBackend } from './ask.ts';
import { createAsked } from './asked.ts';
import { block, blocks, type Decision, decide } from './decision.ts';
import { applyUnreachableFallback, type Effect } from './fallback.ts';
import { createLate } from './late.ts';
import { composed } from './rewrites.ts';

/** Told of everything that happens on the way to a decision, to count and log it. */
export type Witness = {
  ruling(ruling: Ruling, call: GuardrailCall): void;
  /** The policies could not judge, and what that does. */
  noRuling(failure: Failure, effect: Effect, call: GuardrailCall): void;
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
  /** Milliseconds the policies may take, and what it does if that is not enough. */
  readonly policyTimeoutMs: number;
  readonly policyFallback: UnreachableFallback;
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
  const asked = createAsked({ growth: options.streamCheckGrowth });
  const late = createLate();
  const watched = new Set<Promise<unknown>>();

  async function ruled(call: GuardrailCall, body: Buffer): Promise<Ruling | Decision | undefined> {
    try {
      const ruling = await options
        .engine()
        ?.judge(call, { bytes: body.length, timeoutMs: options.policyTimeoutMs });
      if (ruling !== undefined) witness.ruling(ruling, call);
      return ruling;
    } catch (error) {
      const failure: Failure =
        error instanceof OutOfTime
          ? { kind: 'timeout', afterMs: options.policyTimeoutMs }
          : { kind: 'bug', error };
      const effect = applyUnreachableFallback(failure, options.policyFallback);
      witness.noRuling(failure, effect, call);
      if (effect === 'block') return block('fail_closed', 'policies', 'the check could not be completed');
      return effect === 'defer' ? { kind: 'defer', backend: 'policies' } : undefined;
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

  /** Asks what is new to a backend: now, later, or not at all. */
  function askNew(
    backend: JudgingBackend,
    call: GuardrailCall,
    body: Buffer,
    context: Context,
    rule: string,
    signal?: AbortSignal,
  ): Promise<Answer> | undefined {
    const name = `${backend.name}\0${call.litellm_call_id}`;
    const against = call.input_type === 'response' ? late.against(name) : undefined;
    if (against !== undefined) return Promise.resolve({ ...against, call });
    const question = asked(backend, call, body, rule);
    if (question.kind === 'known') return undefined;
    if (question.kind === 'later') {
      late.schedule(name, () =>
        ask(backend, question.call, context).then((answer) => {
          witness.late(answer);
          return answer;
        }),
      );
      return undefined;
    }
    late.cancel(name);
    return ask(backend, question.call, context, signal).then((answer) => {
      const own = 'verdict' in answer ? { ...answer, verdict: question.answered(answer.verdict) } : answer;
      witness.answer(own);
      return own;
    });
  }

  return {
    wantsRequests: backends.some((backend) => backend.judges.response),
    async judge(call, body, work, request) {
      const ruling = await ruled(call, body);
      if (ruling !== undefined && 'kind' in ruling)
        return { decision: ruling, answers: [], ruling: undefined };
      const decided = (decision: Decision): Judgement => ({ decision, answers: [], ruling });
      if (ruling?.verdict === 'block') return decided(blockBy(ruling));
      const own = ruling === undefined || ruling.rewrites.size === 0 ? undefined : ruling;
      const redacted: Decision = own
        ? { kind: 'modify', backends: [ownerOf(own)], rewrites: own.rewrites }
        : { kind: 'allow' };

      const shown = own ? without(call, own.rewrites) : call;
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

      const context = { http, request };
      const rule = ruling?.plan.rule ?? '';
      for (const backend of able(
        planned.filter(({ mode }) => mode === 'observe'),
        call,
      )) {
        const watch: Promise<unknown> | undefined = askNew(backend, shown, body, context, rule);
        if (watch === undefined) continue;
        watched.add(watch);
        watch.finally(() => watched.delete(watch));
      }
      const pending = enforcing.flatMap(
        (backend) => askNew(backend, shown, body, context, rule, work.signal) ?? [],
      );
      if (pending.length === 0) return decided(redacted);
      const answers = await firstBlockOrAll(pending);
      const decision = decide(answers);
      if (decision.kind !== 'block' && work.signal.aborted) return decided({ kind: 'cancelled' });
      if (answers.length < pending.length) work.abort(STOPPED);
      return { decision: own ? together(own, decision) : decision, answers, ruling };
    },
    async settled() {
      await late.settled();
      while (watched.size > 0) await Promise.all(watched);
    },
  };
}

function blockBy({ by, message }: Ruling): Decision {
  return block('verdict', by?.kind ?? 'policies', by?.reasonCode ?? 'blocked', message);
}

/** Who redacts; without a finding it is what was redacted in the request and is put back. */
function ownerOf({ by }: Ruling): string {
  return by?.kind ?? 'pii-detector';
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

/** The call as the policies leave it. */
function without(call: GuardrailCall, rewrites: ReadonlyMap<string, string>): GuardrailCall {
  const rows = (values: readonly unknown[]) => values.map((value) => rewriteWords(value, rewrites));
  return {
    ...call,
    texts: call.texts.map((text) => rewrites.get(text) ?? text),
    structured_messages: rows(call.structured_messages),
    tool_calls: rows(call.tool_calls),
    tools: rows(call.tools),
  };
}

/** A redaction by the policies and what the backends then decided. */
function together(own: Ruling, decision: Decision): Decision {
  switch (decision.kind) {
    case 'allow':
      return { kind: 'modify', backends: [ownerOf(own)], rewrites: own.rewrites };
    case 'modify':
      return {
        kind: 'modify',
        backends: [ownerOf(own), ...decision.backends],
        rewrites: composed(own.rewrites, decision.rewrites),
      };
    case 'defer':
      // A 503 would leave the redaction to a setting that knows nothing of it
      return block('redaction', ownerOf(own), 'a redaction could not be applied');
    case 'block':
    case 'cancelled':
      return decision;
  }
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
