import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import { type Caller, stateKey } from '../guardrail/caller.ts';
import {
  actionOf,
  type CheckResult,
  type Decision,
  type PolicyResult,
  votesOf,
  type Wired,
} from '../guardrail/decision.ts';
import type { Failure } from '../guardrail/failure.ts';
import { boundedBy } from '../guardrail/memory.ts';
import { type Compared, kindOf } from '../guardrail/verdict.ts';
import { type Log, loggable, MAX_LOGGED_ID_CHARS } from './log.ts';
import type { UNCAUGHT_KINDS } from './metric-labels.ts';
import type { Metrics } from './metrics.ts';
import { fixedIn, REMEDIES } from './remedies.ts';
import { RepeatedLines } from './repeated-lines.ts';

/** The fields that name a call in a log line, of bounded length: a client chooses its call id. */
function callFields(call: GuardrailCall): Record<string, unknown> {
  return {
    litellm_call_id: call.litellm_call_id?.slice(0, MAX_LOGGED_ID_CHARS) ?? null,
    input_type: call.input_type,
    ...(call.door !== undefined && { door: call.door }),
    // Neither has a model or messages, and a result has no id by which to find its call
    ...((call.shape === 'mcp_tool' || call.shape === 'mcp_result') && { shape: call.shape }),
  };
}

type BreakerChange = keyof typeof BREAKER_LINES;

const BREAKER_LINES = {
  open: 'breaker open: the backend fails and is not asked for 10 seconds',
  half_open: 'breaker half open: one call tries the backend',
  closed: 'breaker closed: the backend is asked again',
} as const;

/** A stream can take this long. */
const COUNTED_AGE_MS = 60 * 60_000;

/** A habit of a client, which each of its calls has, is logged once in this time for each key. */
const TOLD_MS = 10 * 60_000;

/** Counts and logs what is decided, and what happens on the way to it: a bypass is never counted as an allow. */
export class Observer {
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #repeated: RepeatedLines;
  /** Calls that were counted as would-be blocks or redactions, or as redactions: the rounds of a stream count once. */
  readonly #counted = new LRUCache<string, true>({
    ttl: COUNTED_AGE_MS,
    ...boundedBy('state of calls', () => 0),
  });

  /** Keys whose hidden content was logged lately, by why it is. */
  readonly #told = new LRUCache<string, true>({ ttl: TOLD_MS, ...boundedBy('state of calls', () => 0) });

  constructor(metrics: Metrics, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
    this.#repeated = new RepeatedLines(log);
  }

  /** A decision was made. */
  decided(decision: Decision): void {
    const { call, outcome, ref, ms, policies, checks } = decision;
    const { input_type } = call;
    if (policies !== undefined) this.#policies(policies, decision);
    if (ms > 0) this.#metrics.decision_seconds.observe({ input_type }, ms / 1000);
    const action = actionOf(decision);
    this.#metrics.decisions_total.inc({ input_type, action });
    if (checks.length > 0 && isBypass(decision)) this.#metrics.bypassed_calls_total.inc({ action });
    // One vote is that of who decided
    const votes = checks.length > 1 && outcome.kind !== 'cancelled' ? { votes: votesOf(decision) } : {};
    switch (outcome.kind) {
      case 'block': {
        const { cause, by: backend, wired } = outcome;
        if (cause === 'redaction') this.#metrics.unapplied_redactions_total.inc({ input_type });
        const lost = { ...this.#redacted('blocked', call, wired), ...fixedIn(policies) };
        this.#log.warn({ ...callFields(call), action, cause, backend, ref, ...lost, ...votes }, 'blocked');
        break;
      }
      case 'modify': {
        const { by, texts } = outcome;
        const { removed } = decision;
        const count = new Set([...texts.keys()].map(({ text }) => text)).size;
        for (const backend of removed) this.#metrics.removed_history_total.inc({ backend });
        if (removed.length > 0)
          this.#log.info(
            { ...callFields(call), action, backends: removed, count },
            'blocked history removed',
          );
        if (by.length === 0) break;
        const how = this.#redacted('redacted', call, outcome.wired);
        this.#log.info({ ...callFields(call), action, backends: by, count, ...how, ...votes }, 'redacted');
        break;
      }
      case 'defer':
        this.#log.warn(
          { ...callFields(call), backend: outcome.by, ...votes },
          'deferred to LiteLLM with a 503',
        );
        break;
      case 'allow':
        if (checks.some(isAgainst)) this.#log.info({ ...callFields(call), action, ...votes }, 'outvoted');
        break;
      case 'cancelled':
    }
  }

  /** Counts what became of the redaction of a response, once for all rounds of a stream. Returns what a log line says of it. */
  #redacted(
    result: 'redacted' | 'blocked',
    call: GuardrailCall,
    wired: Wired | undefined,
  ): Record<string, string> {
    if (wired === undefined) return {};
    const { wiring, unapplied } = wired;
    if (!this.#isCounted(call, `${wiring} ${result}`)) {
      this.#metrics.response_redactions_total.inc({ wiring, result });
    }
    return unapplied === undefined ? { wiring } : { wiring, why: unapplied, advice: REMEDIES[unapplied] };
  }

  #policies({ notes, callerRule, isUncompared }: PolicyResult, { call, caller }: Decision): void {
    const { input_type } = call;
    if (isUncompared) this.#metrics.uncompared_models_total.inc({});
    for (const { kind, enforced, verdict, reasonCode, rules } of notes) {
      const mode = enforced ? 'enforce' : 'observe';
      const counted = verdict === 'redact' || verdict === 'remove' ? 'modify' : verdict;
      this.#metrics.verdicts_total.inc({ backend: kind, mode, input_type, verdict: counted });
      if (verdict === 'allow') continue;
      const found = { policy: kind, mode, verdict, reason_code: reasonCode, rules, caller_rule: callerRule };
      this.#log.info({ ...callFields(call), ...found }, 'policy');
      // Findings of an older turn were counted in its time
      if (enforced || verdict === 'remove' || this.#isCounted(call, kind)) continue;
      this.#metrics.would(verdict, { policy: kind, rule: callerRule, team: caller.team[0] ?? '' });
    }
  }

  /** Counts a call under a name, and tells if that had been done before. */
  #isCounted(call: GuardrailCall, kind: string): boolean {
    const id = stateKey(call);
    if (id === undefined) return false;
    const name = `${call.input_type} ${kind} ${id}`;
    if (this.#counted.get(name) !== undefined) return true;
    this.#counted.set(name, true);
    return false;
  }

  /**
   * A request has content that LiteLLM did not show. Some clients hide something in every call, and a proxy that sends chunks makes
   * all of them unmeasured, so it is logged once for each key.
   *
   * @param bytes undefined if its body does not tell its length
   */
  hidden(call: GuardrailCall, caller: Caller, bytes: number | undefined): void {
    const reason = bytes === undefined ? 'unmeasured' : 'longer';
    this.#metrics.hidden_calls_total.inc({ reason });
    if (bytes !== undefined) this.#metrics.hidden_bytes_total.inc({}, bytes);
    const key = caller.keyName?.slice(0, MAX_LOGGED_ID_CHARS) ?? null;
    const name = `${reason} ${key}`;
    if (this.#told.get(name) !== undefined) return;
    this.#told.set(name, true);
    const level = bytes === undefined ? 'info' : 'warn';
    this.#log[level](
      { ...callFields(call), key, bytes: bytes ?? null },
      'content that LiteLLM does not show',
    );
  }

  /** The policies gave no result. */
  policiesFailed(call: GuardrailCall, failure: Failure): void {
    const { input_type } = call;
    const labels = { backend: 'policies', mode: 'enforce', input_type };
    this.#metrics.failures_total.inc({ ...labels, kind: failure.kind });
    this.#log.error({ ...callFields(call), failure: loggable(failure) }, 'policies gave no verdict');
  }

  /** A mistake of ours kept a call from being judged. */
  failed(error: unknown, call: GuardrailCall | undefined): void {
    // A body that was not even read is counted where it is refused
    if (call !== undefined) this.#metrics.rejected_total.inc({ reason: 'bug' });
    const fields = call === undefined ? {} : callFields(call);
    this.#log.error({ ...fields, failure: loggable({ kind: 'bug', error }) }, 'cannot judge');
  }

  /** A mistake of ours that nothing caught, or a connection that the system did not hand over. */
  uncaught(error: unknown, kind: (typeof UNCAUGHT_KINDS)[number]): void {
    this.#metrics.uncaught_errors_total.inc({ kind });
    if (kind === 'accept') {
      const { code } = error as NodeJS.ErrnoException;
      this.#log.error({ code }, 'a connection could not be taken');
    } else this.#log.error({ kind, failure: loggable({ kind: 'bug', error }) }, 'uncaught error');
  }

  /** A check has ended. */
  checked(call: GuardrailCall, result: CheckResult): void {
    const { backend, mode, seconds } = result;
    const labels = { backend, input_type: call.input_type };
    this.#metrics.check_seconds.observe(labels, seconds);
    if (result.hedged !== undefined) this.#metrics.hedges_total.inc({ backend, result: result.hedged });
    if ('failure' in result) {
      this.#checkFailed(call, result);
      return;
    }
    const verdict = kindOf(result.verdict);
    this.#metrics.verdicts_total.inc({ ...labels, mode, verdict });
    const level = verdict === 'allow' ? 'debug' : 'info';
    if (this.#log.isLevelEnabled(level)) {
      this.#log[level]({ ...callFields(call), backend, mode, seconds, verdict }, 'verdict');
    }
  }

  #checkFailed(call: GuardrailCall, result: Extract<CheckResult, { failure: Failure }>): void {
    const { backend, mode, seconds, failure, effect, unreachableFallback } = result;
    const labels = { backend, input_type: call.input_type };
    this.#metrics.failures_total.inc({ ...labels, mode, kind: failure.kind });
    const fields = { ...callFields(call), backend, mode, seconds, failure: loggable(failure) };
    if (failure.kind === 'cancelled') {
      this.#log.debug(fields, 'check cancelled');
      return;
    }
    const bypassed = mode === 'enforce' && (effect === 'allow' || effect === 'defer');
    if (bypassed)
      this.#metrics.bypasses_total.inc({ ...labels, fallback: effect === 'allow' ? 'fail_open' : 'defer' });
    const how = effect === 'next' ? { on_error: 'next' } : { unreachable_fallback: unreachableFallback };
    const { kind } = failure;
    this.#repeated.warn({ backend, mode, ...how, bypassed, failure: { kind } }, fields, 'no verdict');
  }

  /** A backend is left alone from now on, tried, or asked again. */
  breakerChanged(backend: string, state: BreakerChange, failure: Failure | undefined): void {
    const fields = { backend, breaker: state, ...(failure !== undefined && { failure: loggable(failure) }) };
    this.#log[state === 'open' ? 'warn' : 'info'](fields, BREAKER_LINES[state]);
  }

  /** A check of a response that was delivered before has ended. */
  trailed(call: GuardrailCall, check: CheckResult): void {
    const { backend, mode } = check;
    const result = 'verdict' in check ? kindOf(check.verdict) : check.failure.kind;
    this.#metrics.late_verdicts_total.inc({ backend, result });
    const fields = { ...callFields(call), backend, mode, result };
    if (result === 'allow') this.#log.debug(fields, 'late verdict');
    else this.#log.warn(fields, 'late verdict: the response has been delivered');
  }

  /** A backend cannot look at some content. */
  unjudged(call: GuardrailCall, backend: string, content: 'answer' | 'media'): void {
    this.#metrics.unjudged_total.inc({ backend, content });
    if (this.#log.isLevelEnabled('debug')) {
      this.#log.debug({ ...callFields(call), backend, content }, 'content this backend cannot judge');
    }
  }
  /** A backend is not asked about this call. */
  unsampled(call: GuardrailCall, backend: string): void {
    this.#metrics.unsampled_total.inc({ backend, input_type: call.input_type });
  }

  /** A backend that nobody waits for is not asked about this call: those before it hold all the memory there is for them. */
  unwatched(call: GuardrailCall, backend: string): void {
    this.#metrics.unwatched_total.inc({ backend, input_type: call.input_type });
  }

  /** A backend that reads texts is not asked about this call: it has allowed all of them. */
  unasked(call: GuardrailCall, backend: string): void {
    this.#metrics.unasked_total.inc({ backend, input_type: call.input_type });
  }

  /** A shadow was compared with the backends that count. */
  compared(call: GuardrailCall, backend: string, shadow: Compared, decision: Compared): void {
    this.#metrics.shadow_agreement_total.inc({ backend, shadow, decision });
    if (shadow === decision || shadow === 'none' || decision === 'none') return;
    this.#log.info({ ...callFields(call), backend, shadow, decision }, 'shadow disagrees');
  }
}

/** True for a call that went on without the verdict of a backend. */
function isBypass({ outcome: { kind }, checks }: Decision): boolean {
  return (
    (kind === 'allow' || kind === 'modify') &&
    checks.some((check) => check.mode === 'enforce' && 'effect' in check && check.effect === 'allow')
  );
}

/** True for a vote to block. */
function isAgainst(check: CheckResult): boolean {
  return 'verdict' in check ? check.verdict.kind === 'block' : check.effect === 'block';
}
