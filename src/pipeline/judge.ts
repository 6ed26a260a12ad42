import type { Http } from '../backends/http.ts';
import type { GuardrailCall, PassageTexts } from '../guardrail/call.ts';
import { Caller, stateKey } from '../guardrail/caller.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type { CheckResult, Decision, PolicyResult, RewriteForm } from '../guardrail/decision.ts';
import type { Failure } from '../guardrail/failure.ts';
import { withTexts } from '../guardrail/passages.ts';
import { OutOfTime } from '../policies/budget.ts';
import type { Engine } from '../policies/engine.ts';
import { checkBackend, type JudgingBackend } from './check-backend.ts';
import {
  ALLOWED,
  block,
  blockRedaction,
  blocks,
  CANCELLED,
  type Draft,
  decide,
  newReference,
  withPolicyEdits,
} from './decide.ts';
import { TrailingChecks } from './trailing-checks.ts';
import { VerdictCache } from './verdict-cache.ts';

/** Told of what happens beside the decision, to count and log it. */
export type JudgeObserver = {
  /** A check has ended, of an observing backend too. */
  checked(call: GuardrailCall, result: CheckResult): void;
  /** A check of a response that was delivered before has ended. */
  trailed(call: GuardrailCall, result: CheckResult): void;
  /** A backend cannot look at some content. */
  unjudged(call: GuardrailCall, backend: string, content: 'answer' | 'media'): void;
  policiesFailed(call: GuardrailCall, failure: Failure): void;
};

/** One guardrail call, as the judge is given it. */
export type JudgeInput = {
  readonly call: GuardrailCall;
  /** Size of the body. */
  readonly bytes: number;
  /** Reads the request that a response belongs to, as far as it is remembered. */
  readonly request: () => GuardrailCall | undefined;
  /**
   * Aborted when nobody waits for the decision any more; the judge aborts it to end the other checks once one has
   * decided. `signal` is only read if a backend is asked.
   */
  readonly scope: { readonly signal: AbortSignal; abort(reason: unknown): void };
};

export type JudgeOptions = {
  /** The policies in force; undefined if there are none. */
  readonly engine: () => Pick<Engine, 'judge'> | undefined;
  /** Milliseconds that the policies may work on one call. */
  readonly policyTimeoutMs: number;
  readonly backends: readonly JudgingBackend[];
  /** By how much a response has to have grown before a backend is asked again; 1 for each time. */
  readonly streamCheckGrowth: number;
  readonly http: Http;
  readonly observer: JudgeObserver;
  /** The field of a reply that can carry new texts; null if none can. */
  readonly rewriteForm: (call: GuardrailCall, texts: PassageTexts) => RewriteForm | null;
};

/** A call with the result of its policies, before the backends are asked. */
type Judgement = JudgeInput & {
  readonly startedAt: number;
  readonly caller: Caller;
  readonly policies: PolicyResult | undefined;
  /** The redaction by the policies, or an allow. */
  readonly own: Draft & { kind: 'allow' | 'modify' };
  readonly forwarded: GuardrailCall;
};

/**
 * Asks the policies, then all backends at once, each under its own deadline. The first block decides and ends the
 * other checks; without one, a `defer` wins over redactions, which are merged in configuration order. Backends are asked about
 * the call as the policies left it.
 */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #cache: VerdictCache;
  readonly #trailing = new TrailingChecks();
  /** Checks of observing backends that run. */
  #observing = 0;
  /** Called when no observing check runs any more. */
  #onIdle: (() => void)[] = [];

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#cache = new VerdictCache(options.streamCheckGrowth);
  }

  /** Decides about a call: at once where nothing has to be awaited. Never throws. */
  judge(input: JudgeInput): Decision | Promise<Decision> {
    const startedAt = performance.now();
    const caller = new Caller(input.call);
    const { policyTimeoutMs: timeoutMs } = this.#options;
    const judged = (policies: PolicyResult | undefined) =>
      this.#askBackends({ ...input, startedAt, caller, policies, ...applied(input.call, policies) });
    const failed = (error: unknown) => this.#policiesFailed(input, startedAt, caller, error);
    try {
      const policies = this.#options.engine()?.judge(input.call, caller, { bytes: input.bytes, timeoutMs });
      if (policies instanceof Promise) return policies.then(judged, failed);
      return judged(policies);
    } catch (error) {
      return failed(error);
    }
  }

  /** True if some backend judges responses, and is glad of their request. */
  get wantsRequests(): boolean {
    return this.#options.backends.some(({ judges }) => judges.response);
  }

  /** Resolves when the checks that nobody waits for have ended: those of observing backends, and trailing ones. */
  async settled(): Promise<void> {
    await this.#trailing.settled();
    if (this.#observing > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /**
   * A call that the policies cannot judge is blocked under any fail mode: what it takes to make them give up is in the
   * hands of who sends it.
   */
  #policiesFailed({ call }: JudgeInput, startedAt: number, caller: Caller, error: unknown): Decision {
    const failure: Failure =
      error instanceof OutOfTime
        ? { kind: 'timeout', afterMs: this.#options.policyTimeoutMs }
        : { kind: 'bug', error };
    this.#options.observer.policiesFailed(call, failure);
    const draft = block('fail_closed', 'policies', 'the check could not be completed');
    return this.#decision({ call, startedAt, caller, policies: undefined, forwarded: call }, draft, []);
  }

  #askBackends(judgement: Judgement): Decision | Promise<Decision> {
    const { policies, own, call } = judgement;
    if (policies?.verdict === 'block') return this.#decision(judgement, blockBy(policies), []);
    if (this.#options.backends.length === 0 && policies?.mediaPolicy === undefined)
      return this.#decision(judgement, own, []);
    const planned = this.#options.backends
      .filter(({ name }) => policies?.backends?.includes(name) ?? true)
      .map((backend) => withPlan(backend, policies));
    const enforcing = this.#able(planned, 'enforce', call);
    if (policies?.mediaPolicy !== undefined && !enforcing.some(({ judges }) => judges.media)) {
      return this.#decision(judgement, block('verdict', policies.mediaPolicy, 'media_not_judged'), []);
    }
    for (const backend of this.#able(planned, 'observe', call)) this.#observe(backend, judgement);
    const pending = enforcing.flatMap(
      (backend) => this.#check(backend, judgement, judgement.scope.signal) ?? [],
    );
    if (pending.length === 0) return this.#decision(judgement, own, []);
    return this.#await(judgement, pending);
  }

  async #await(judgement: Judgement, pending: readonly Promise<CheckResult>[]): Promise<Decision> {
    const { scope, own, call } = judgement;
    const results = await firstBlockOrAll(pending);
    const draft = decide(results);
    if (draft.kind !== 'block' && scope.signal.aborted) return this.#decision(judgement, CANCELLED, []);
    if (results.length < pending.length) scope.abort(STOPPED);
    const combined = own.kind === 'modify' ? withPolicyEdits(own, draft, call.passages) : draft;
    return this.#decision(judgement, combined, results);
  }

  /** The backends of a mode that can judge this call; content that they cannot look at is counted. */
  #able(
    planned: readonly JudgingBackend[],
    mode: JudgingBackend['mode'],
    call: GuardrailCall,
  ): JudgingBackend[] {
    return planned.filter((backend) => {
      if (backend.mode !== mode) return false;
      const { name, judges } = backend;
      if (!judges[call.input_type]) this.#options.observer.unjudged(call, name, 'answer');
      else if (call.passages.media > 0 && !judges.media) this.#options.observer.unjudged(call, name, 'media');
      return judges[call.input_type];
    });
  }

  #observe(backend: JudgingBackend, judgement: Judgement): void {
    const check = this.#check(backend, judgement);
    if (check === undefined) return;
    this.#observing++;
    void check.finally(() => {
      if (--this.#observing > 0) return;
      for (const resolve of this.#onIdle.splice(0)) resolve();
    });
  }

  /** The result to come of one backend, or undefined if there is nothing to ask it now. */
  #check(
    backend: JudgingBackend,
    judgement: Judgement,
    signal?: AbortSignal,
  ): Promise<CheckResult> | undefined {
    const { call, policies } = judgement;
    const id = call.input_type === 'response' ? stateKey(call) : undefined;
    if (id === undefined) return this.#ask(backend, judgement, undefined, signal);
    const key = `${backend.name}\0${policies?.version} ${policies?.callerRule}\0${id}`;
    return this.#checkResponse(backend, judgement, key, signal);
  }

  #checkResponse(
    backend: JudgingBackend,
    judgement: Judgement,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<CheckResult> | undefined {
    const { forwarded, request } = judgement;
    const stopped = this.#trailing.against(key, forwarded);
    if (stopped !== undefined) return Promise.resolve(stopped);
    const need = this.#cache.need(key, forwarded);
    switch (need.kind) {
      case 'known':
        return undefined;
      case 'wait': {
        const { http, observer } = this.#options;
        this.#trailing.schedule(key, forwarded, async () => {
          const result = await checkBackend(backend, forwarded, { http, request });
          observer.trailed(forwarded, result);
          return result;
        });
        return undefined;
      }
      case 'check':
        if (need.continues) this.#trailing.cancel(key);
        // Another response under the same id: the rest of the one before is judged all the same
        else this.#trailing.run(key);
        return this.#ask(backend, judgement, key, signal);
    }
  }

  /** @param key where the cache keeps the verdict; undefined for not at all */
  async #ask(
    backend: JudgingBackend,
    { forwarded, request }: Judgement,
    key: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CheckResult> {
    const { http, observer } = this.#options;
    const result = await checkBackend(backend, forwarded, { http, request }, signal);
    if (key !== undefined && 'verdict' in result) this.#cache.put(key, forwarded, result.verdict);
    observer.checked(forwarded, result);
    return result;
  }

  /** The one place where a decision is made. A redaction that no reply can carry blocks instead. */
  #decision(
    {
      call,
      startedAt,
      caller,
      policies,
      forwarded,
    }: Pick<Judgement, 'call' | 'startedAt' | 'caller' | 'policies' | 'forwarded'>,
    draft: Draft,
    checks: readonly CheckResult[],
  ): Decision {
    const form = draft.kind === 'modify' ? this.#options.rewriteForm(call, draft.texts) : null;
    const outcome =
      draft.kind !== 'modify' ? draft : form === null ? blockRedaction(draft.by) : { ...draft, form };
    return {
      call,
      caller,
      outcome: outcome as Decision['outcome'],
      ref: outcome.kind === 'block' ? newReference() : undefined,
      policies,
      checks,
      forwarded,
      ms: performance.now() - startedAt,
    };
  }
}

/** The redaction by the policies, and the call as it leaves it. */
function applied(
  call: GuardrailCall,
  policies: PolicyResult | undefined,
): Pick<Judgement, 'own' | 'forwarded'> {
  if (policies === undefined || policies.texts.size === 0) return { own: ALLOWED, forwarded: call };
  // Without a finding it is what was redacted in the request and is put back
  const by = [policies.by?.kind ?? 'pii-detector'];
  return { own: { kind: 'modify', by, texts: policies.texts }, forwarded: withTexts(call, policies.texts) };
}

function blockBy({ by, message }: PolicyResult): Draft {
  return block('verdict', by?.kind ?? 'policies', by?.reasonCode ?? 'blocked', message);
}

function withPlan(backend: JudgingBackend, policies: PolicyResult | undefined): JudgingBackend {
  const { backendMode, unreachableFallback } = policies ?? {};
  if (backendMode === undefined && unreachableFallback === undefined) return backend;
  return {
    ...backend,
    mode: backendMode ?? backend.mode,
    unreachableFallback: unreachableFallback ?? backend.unreachableFallback,
  };
}

/** Resolves with the results so far as soon as one of them blocks, otherwise with all, in the order of the list. */
function firstBlockOrAll(pending: readonly Promise<CheckResult>[]): Promise<CheckResult[]> {
  if (pending.length === 1) return pending[0]!.then((result) => [result]);
  return new Promise((resolve, reject) => {
    const results: CheckResult[] = [];
    let missing = pending.length;
    pending.forEach((promise, i) => {
      promise.then((result) => {
        results[i] = result;
        missing--;
        if (missing === 0 || blocks(result)) resolve(results.filter(Boolean));
      }, reject);
    });
  });
}
