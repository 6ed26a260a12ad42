import type { Http } from '../backends/http.ts';
import type { GuardrailCall, PassageTexts } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import type { UnseenCause } from '../guardrail/category.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type {
  CheckResult,
  Decision,
  Outcome,
  PolicyResult,
  RewriteForm,
  Wired,
} from '../guardrail/decision.ts';
import type { Failure } from '../guardrail/failure.ts';
import { OutOfTime } from '../policies/budget.ts';
import type { Engine } from '../policies/engine.ts';
import type { SharedState } from '../state/shared-state.ts';
import { BackendChecks, type CheckObserver } from './backend-checks.ts';
import { BlockedHistory, type Remainder, wholeOf } from './blocked-history.ts';
import { BlockedTexts } from './blocked-texts.ts';
import type { JudgingBackend } from './check-backend.ts';
import { type ChoiceObserver, chooseBackends } from './choose-backends.ts';
import {
  block,
  blockBy,
  blockEdit,
  CANCELLED,
  type Draft,
  type Edits,
  newReference,
  policyEdits,
  withPolicyEdits,
} from './decide.ts';
import { holdbackOf } from './holdback.ts';
import { orchestrate, type Verdicts } from './orchestrate.ts';
import { askWatching, type ShadowObserver } from './shadows.ts';
import { SharedBlockedTexts } from './shared-blocked-texts.ts';
import type { Watch } from './watching-checks.ts';

/** Told of what happens beside the decision, to count and log it. */
export type JudgeObserver = CheckObserver &
  ChoiceObserver &
  ShadowObserver & {
    policiesFailed(call: GuardrailCall, failure: Failure): void;
  };

/** One guardrail call, as the judge is given it. */
export type JudgeInput = {
  readonly call: GuardrailCall;
  /** Size of the body. */
  readonly bytes: number;
  /** Reads the request that a response belongs to, as far as it is remembered. */
  readonly request: () => GuardrailCall | undefined;
  /** Resolves when all is known that a response is judged by; undefined if it is. */
  readonly reading?: Promise<void> | undefined;
  /** Told of the call as backends may see it, before they are asked. */
  readonly forwarding?: ((forwarded: GuardrailCall) => void) | undefined;
  /**
   * Aborted when nobody waits for the decision any more; the judge aborts it to end the other checks once one has
   * decided. `signal` is only read if a backend is asked.
   */
  readonly scope: {
    readonly signal: AbortSignal;
    abort(reason: unknown): void;
    /** Told of the checks that may go on after the decision. */
    readonly observing?: ((watch: Watch) => void) | undefined;
  };
};

export type JudgeOptions = {
  /** The policies in force; undefined if there are none. */
  readonly engine: () => Pick<Engine, 'judge'> | undefined;
  /** Milliseconds that the policies may work on one call. */
  readonly policyTimeoutMs: number;
  /** Those in force. */
  readonly backends: () => readonly JudgingBackend[];
  /** By how much a response has to have grown before a backend is asked again; 1 for each time. */
  readonly streamCheckGrowth: number;
  readonly http: Http;
  readonly observer: JudgeObserver;
  /** The field of a reply that can carry new texts; null if none can. */
  readonly rewriteForm: (call: GuardrailCall, texts: PassageTexts) => RewriteForm | null;
  /** Tells if LiteLLM delivers the redaction of a response. */
  readonly wired: (call: GuardrailCall) => Wired;
  /** Why a call that no policy blocks is blocked for what LiteLLM does not show of it. */
  readonly unseen: (call: GuardrailCall, caller: Caller) => UnseenCause | undefined;
  /** True if what was blocked is removed from older turns, false if it blocks again. */
  readonly removesHistory: boolean;
  /** The memory of what was blocked; by default an empty one. */
  readonly blockedTexts?: BlockedTexts;
  /** The state that replicas share; undefined where nobody does. */
  readonly state?: SharedState | undefined;
  /** True where the blocked texts of all are here already: nothing of them is read for each call. */
  readonly knowsAllBlocked?: boolean;
  /** True for a text with which a blocked caller was refused. */
  readonly isRefusal: (text: string) => boolean;
};

/** A call with the result of its policies, before the backends are asked. */
type Judgement = JudgeInput & {
  readonly startedAt: number;
  readonly caller: Caller;
  /** The call without what was blocked for its caller before: what the policies saw. */
  readonly remainder: Remainder;
  readonly policies: PolicyResult | undefined;
  /** Those in force when the policies were chosen: a reload meanwhile could leave none of those that a rule names. */
  readonly backends: readonly JudgingBackend[];
} & Edits;

/** Asks the policies, then backends about the call as the policies left it, as {@link orchestrate} says. */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #checks: BackendChecks;
  readonly #history: BlockedHistory | undefined;

  constructor(options: JudgeOptions) {
    this.#options = options;
    const { blockedTexts = new BlockedTexts(), state, knowsAllBlocked = false } = options;
    const askedOf = knowsAllBlocked ? undefined : state;
    if (options.removesHistory) {
      const shared = askedOf && new SharedBlockedTexts(askedOf, blockedTexts);
      this.#history = new BlockedHistory(blockedTexts, shared);
    }
    this.#checks = new BackendChecks(options.http, options.streamCheckGrowth, options.observer, state);
  }

  /** Decides about a call: at once where nothing has to be awaited. */
  judge(input: JudgeInput): Decision | Promise<Decision> {
    const startedAt = performance.now();
    const { call, reading } = input;
    const fetching = this.#history?.fetch(call) ?? this.#checks.fetch(call);
    if (fetching === undefined && reading === undefined) return this.#judge(input, startedAt);
    return this.#judgeAfter(Promise.all([fetching, reading]), input, startedAt);
  }

  /** Decides with what other replicas know of the call, and has them know what is blocked now. */
  async #judgeAfter(fetching: Promise<unknown>, input: JudgeInput, startedAt: number): Promise<Decision> {
    await fetching;
    const decision = await this.#judge(input, startedAt);
    await this.#history?.stored(input.call);
    return decision;
  }

  #judge(input: JudgeInput, startedAt: number): Decision | Promise<Decision> {
    const caller = new Caller(input.call);
    const { policyTimeoutMs: timeoutMs, removesHistory, isRefusal } = this.#options;
    const { call, bytes } = input;
    const backends = this.#options.backends();
    const remainder = this.#history?.remainderOf(call, this.#isRewritable) ?? wholeOf(call);
    const judged = (policies: PolicyResult | undefined) => {
      const { removed, policyDraft, forwarded } = policyEdits(call, remainder, policies, isRefusal);
      // Field by field: to spread two objects takes as long as all else here
      const { request, scope, forwarding } = input;
      const asked = { call, bytes, request, scope, forwarding, startedAt, caller, backends };
      return this.#askBackends({ ...asked, remainder, policies, removed, policyDraft, forwarded });
    };
    const failed = (error: unknown) => this.#policiesFailed(input, remainder, startedAt, caller, error);
    let policies: PolicyResult | Promise<PolicyResult> | undefined;
    try {
      policies = this.#options.engine()?.judge(remainder.call, caller, { bytes, timeoutMs, removesHistory });
    } catch (error) {
      return failed(error);
    }
    return policies instanceof Promise ? policies.then(judged, failed) : judged(policies);
  }

  /** True if some backend judges responses, and is glad of their request. */
  get wantsRequests(): boolean {
    return this.#options.backends().some(({ judges }) => judges.response);
  }

  /** Resolves when the checks that nobody waits for have ended. */
  settled(): Promise<void> {
    return this.#checks.settled();
  }

  /**
   * A call that the policies cannot judge is blocked under any fail mode: what it takes to make them give up is in the
   * hands of who sends it.
   */
  #policiesFailed(
    { call }: JudgeInput,
    remainder: Remainder,
    startedAt: number,
    caller: Caller,
    error: unknown,
  ): Decision {
    const failure: Failure =
      error instanceof OutOfTime
        ? { kind: 'timeout', afterMs: this.#options.policyTimeoutMs }
        : { kind: 'bug', error };
    this.#options.observer.policiesFailed(call, failure);
    const draft = block('fail_closed', 'policies', 'the check could not be completed');
    const { call: forwarded, removed } = remainder;
    const unjudged = { call, startedAt, caller, remainder, policies: undefined, removed, forwarded };
    return this.#decision(unjudged, draft, []);
  }

  #askBackends(judgement: Judgement): Decision | Promise<Decision> {
    const { policies, policyDraft, call, bytes, caller, forwarded, removed, request, scope, backends } =
      judgement;
    const unseen = this.#options.unseen(call, caller);
    if (policies?.verdict === 'block') return this.#decision(judgement, blockBy(policies), []);
    if (unseen !== undefined) return this.#decision(judgement, block(unseen, 'bridge', unseen), []);
    if (removed.length > 0 && policyDraft.kind === 'modify' && !this.#isRewritable(call, policyDraft.texts)) {
      const isRemoval = policies?.by?.verdict === 'remove';
      return this.#decision(judgement, isRemoval ? blockBy(policies) : blockEdit(call, policyDraft), []);
    }
    const { observer } = this.#options;
    const chosen = chooseBackends(backends, policies, call, observer);
    if (chosen.isNone && policies?.mediaPolicy === undefined) {
      if (call.passages.media > 0) observer.unjudged(call, 'policies', 'media');
      return this.#decision(judgement, policyDraft, []);
    }
    const { enforce } = chosen;
    if (policies?.mediaPolicy !== undefined && !enforce.some(({ judges }) => judges.media)) {
      return this.#decision(judgement, block('verdict', policies.mediaPolicy, 'media_not_judged'), []);
    }
    judgement.forwarding?.(forwarded);
    const { orchestration = 'first_block', onError = 'fallback' } = policies ?? {};
    const checked = {
      ...{ call: forwarded, bytes, rule: `${policies?.version} ${policies?.callerRule}`, request },
      isShown: call.input_type === 'response' && enforce.length > 0 && isShown(this.#options.wired(call)),
      holdback: policies?.holdback ?? [],
    };
    const checks = this.#checks;
    const ask = (told?: (verdicts: Verdicts) => void) => {
      if (enforce.length === 0) return this.#decision(judgement, policyDraft, []);
      const panel = { backends: enforce, orchestration, onError, checks, checked, signal: scope.signal };
      return orchestrate(panel, (verdicts) => {
        told?.(verdicts);
        return this.#decide(judgement, verdicts);
      });
    };
    if (chosen.observe.length + chosen.shadow.length === 0) return ask();
    const watching = { orchestration, checks, checked, observer, observing: scope.observing };
    return askWatching(chosen, watching, ask);
  }

  #decide(judgement: Judgement, { draft, results, isEarly }: Verdicts): Decision {
    const { scope, policyDraft, policies, call, forwarded } = judgement;
    if (results.length === 0) return this.#decision(judgement, policyDraft, []);
    if (draft.kind !== 'block' && scope.signal.aborted) return this.#decision(judgement, CANCELLED, []);
    if (isEarly) scope.abort(STOPPED);
    const combined =
      policyDraft.kind === 'modify' ? withPolicyEdits(policyDraft, draft, call.passages) : draft;
    const redaction = draft.kind === 'modify' ? draft : undefined;
    const held = holdbackOf(forwarded, policies?.holdback ?? [], results, redaction);
    return this.#decision(judgement, combined, results, held);
  }

  /** The one place where a decision is made. A redaction that no reply can carry blocks instead. */
  #decision(
    judgement: Omit<Judgement, keyof Omit<JudgeInput, 'call'> | 'policyDraft' | 'backends'>,
    draft: Draft,
    checks: readonly CheckResult[],
    holdback = judgement.policies?.holdback ?? [],
  ): Decision {
    const { call, startedAt, caller, policies, removed, forwarded, remainder } = judgement;
    const outcome = this.#outcome(call, draft);
    this.#history?.decided(remainder, outcome, policies, checks);
    return {
      call,
      caller,
      outcome,
      ref: outcome.kind === 'block' ? newReference() : undefined,
      policies,
      removed,
      checks,
      forwarded,
      holdback,
      startedAt,
      ms: performance.now() - startedAt,
    };
  }

  readonly #isRewritable = (call: GuardrailCall, texts: PassageTexts): boolean =>
    this.#options.rewriteForm(call, texts) !== null;

  #outcome(call: GuardrailCall, draft: Draft): Outcome {
    const isModified = draft.kind === 'modify';
    if (!isModified && !(draft.kind === 'block' && draft.cause === 'redaction')) return draft;
    const wired = call.input_type === 'response' ? this.#options.wired(call) : undefined;
    const isLost = !isModified || wired?.unapplied !== undefined;
    const form = isLost ? null : this.#options.rewriteForm(call, draft.texts);
    if (form !== null && isModified) {
      const { by, texts } = draft;
      return { kind: 'modify', by, texts, form, ...(wired && { wired }) };
    }
    const blocked = isModified ? blockEdit(call, draft) : draft;
    if (wired === undefined) return blocked;
    return { ...blocked, wired: { ...wired, unapplied: wired.unapplied ?? 'place' } };
  }
}

/** True for a response that LiteLLM may show as it grows, as far as it is released, and of which it delivers redactions. */
function isShown({ wiring, unapplied }: Wired): boolean {
  return unapplied === undefined && (wiring === 'incremental_diff' || wiring === 'unknown');
}
