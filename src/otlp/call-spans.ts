import { type Attributes, type HrTime, type SpanContext, SpanKind, TraceFlags } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import { unpackRow } from '../decisions/packed-row.ts';
import type { BackendFinding, DecisionRow } from '../decisions/row.ts';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { type LateCheck, partsOf } from './call-lines.ts';
import type { FinishedSpan, FinishedSpans } from './finished-spans.ts';
import { type SpanPlace, spanPlaceOf } from './span-parents.ts';

/** Calls whose spans are known to what comes later of them. */
const KNOWN_CALLS = 20_000;
/** Checks that may wait for the span of their call, and how long. */
const MAX_EARLY = 2000;
const EARLY_MS = 10_000;

type EarlyCheck = { readonly late: LateCheck; readonly place: SpanPlace; readonly at: number };

const FAILURES: ReadonlySet<string> = new Set(FAILURE_KINDS);

/** Makes the spans of calls from their lines. */
export class CallSpans {
  readonly #spans: FinishedSpans;
  /** The span of the newest decision on each side of a call. */
  readonly #known = new LRUCache<string, SpanContext>({ max: KNOWN_CALLS });
  /** By the call. */
  readonly #early = new Map<string, EarlyCheck[]>();
  #earlyChecks = 0;

  constructor(spans: FinishedSpans) {
    this.#spans = spans;
  }

  /** Makes the span of a call, and one for each policy and backend below it, if it is sampled. @throws SyntaxError */
  call(line: string): void {
    const [packed, times, ...parents] = partsOf(line);
    const row = unpackRow(packed);
    const place = spanPlaceOf(row.litellm_call_id, row.litellm_trace_id, parents);
    const name = `guardrail ${row.input_type}`;
    const context = this.#spans.sample(place, name, SpanKind.SERVER);
    if (isSampled(context)) this.#sampled(row, times, name, context, place.parent);
    if (row.litellm_call_id === null) return;
    const key = `${row.input_type} ${row.litellm_call_id}`;
    this.#known.set(key, context);
    for (const { late } of this.#takeEarly(key)) this.#late(context, late);
  }

  /** Makes the span of a check that nobody waited for, once its call has one. @throws SyntaxError */
  check(line: string): void {
    const [told, , ...parents] = partsOf(line);
    const late = JSON.parse(told) as LateCheck;
    const key = `${late.input_type} ${late.litellm_call_id}`;
    const known = late.litellm_call_id === null ? undefined : this.#known.get(key);
    if (known !== undefined) {
      this.#late(known, late);
      return;
    }
    const place = spanPlaceOf(late.litellm_call_id, late.litellm_trace_id, parents);
    if (late.litellm_call_id === null || this.#earlyChecks >= MAX_EARLY) {
      this.#lateAlone(place, late);
      return;
    }
    this.#earlyChecks++;
    const others = this.#early.get(key) ?? [];
    this.#early.set(key, [...others, { late, place, at: performance.now() }]);
  }

  /** Gives up waiting for the spans of calls. @param all true for each, else for those that are late by now */
  tick(all = false): void {
    const before = performance.now() - EARLY_MS;
    for (const [key, checks] of this.#early) {
      if (!all && (checks[0]?.at ?? 0) > before) break;
      for (const { late, place } of this.#takeEarly(key)) this.#lateAlone(place, late);
    }
  }

  /** The span of a call, for what else is told of it. */
  spanOf(callId: string, inputType: string | undefined): SpanContext | undefined {
    const side = (name: string) => this.#known.get(`${name} ${callId}`);
    return inputType === undefined ? (side('request') ?? side('response')) : side(inputType);
  }

  #takeEarly(key: string): readonly EarlyCheck[] {
    const early = this.#early.get(key);
    if (early === undefined) return [];
    this.#early.delete(key);
    this.#earlyChecks -= early.length;
    return early;
  }

  #sampled(
    row: DecisionRow,
    times: string,
    name: string,
    context: SpanContext,
    parent: SpanContext | undefined,
  ): void {
    const [age = 0, policiesAt = 0, policiesTook = 0, ...checksAt] = times.split(' ');
    const from = row.at - Number(age) / 1000;
    const attributes = callAttributes(row);
    let error = failureOf(row);
    const missing = row.backends.filter((check) => check.mode === 'enforce' && FAILURES.has(check.result));
    if (missing[0] !== undefined) {
      attributes['error.type'] = missing[0].result;
      error = missing.map(({ backend, result }) => `${backend}: ${result}`).join(', ');
    }
    this.#spans.add(context, parent, {
      ...{ name, kind: SpanKind.SERVER, attributes, error },
      ...{ startTime: hrTimeOf(from), endTime: hrTimeOf(from + row.ms) },
    });
    const policiesFrom = from + Number(policiesAt) / 1000;
    const startTime = hrTimeOf(policiesFrom);
    const endTime = hrTimeOf(policiesFrom + Number(policiesTook) / 1000);
    for (const { kind, enforced, verdict, reason_code, rules } of row.policies)
      this.#spans.addBelow(context, {
        ...{ name: `policy ${kind}`, kind: SpanKind.INTERNAL, startTime, endTime, error: undefined },
        attributes: {
          ...{ 'guardrail.policy': kind, 'guardrail.enforced': enforced, 'guardrail.verdict': verdict },
          ...{ 'guardrail.reason_code': reason_code, 'guardrail.rules': [...rules] },
        },
      });
    for (const kind of row.allowed)
      this.#spans.addBelow(context, {
        name: `policy ${kind}`,
        kind: SpanKind.INTERNAL,
        startTime,
        endTime,
        attributes: { 'guardrail.policy': kind, 'guardrail.verdict': 'allow' },
        error: undefined,
      });
    row.backends.forEach((check, i) => {
      const at = from + Number(checksAt[i] ?? 0) / 1000;
      this.#spans.addBelow(context, checkSpan(check, at, from));
    });
  }

  #late(call: SpanContext, late: LateCheck): void {
    if (isSampled(call)) this.#spans.addBelow(call, lateSpan(late));
  }

  /** Of a check whose call has no span. */
  #lateAlone(place: SpanPlace, late: LateCheck): void {
    const span = lateSpan(late);
    const context = this.#spans.sample(place, span.name, span.kind);
    if (isSampled(context)) this.#spans.add(context, place.parent, span);
  }
}

const isSampled = ({ traceFlags }: SpanContext) => (traceFlags & TraceFlags.SAMPLED) !== 0;

function lateSpan({ at, check, litellm_call_id }: LateCheck): FinishedSpan {
  const span = checkSpan(check, at - check.ms, at - check.ms);
  if (litellm_call_id !== null) span.attributes['litellm.call_id'] = litellm_call_id;
  return span;
}

/** @param begin of the call: a verdict that was known before took no time of it */
function checkSpan(check: BackendFinding, at: number, begin: number): FinishedSpan {
  const { backend, mode, result, ms, categories, status } = check;
  const error = FAILURES.has(result) ? result : undefined;
  const attributes: Attributes = {
    'guardrail.backend': backend,
    'guardrail.mode': mode,
    'guardrail.result': result,
  };
  if (error !== undefined) attributes['error.type'] = error;
  if (status !== undefined) attributes['http.response.status_code'] = status;
  if (categories !== undefined) attributes['guardrail.categories'] = [...categories];
  return {
    name: `check ${backend}`,
    kind: SpanKind.CLIENT,
    startTime: hrTimeOf(Math.max(at, begin)),
    endTime: hrTimeOf(Math.max(at + ms, begin)),
    attributes,
    error,
  };
}

/** By hand: small numbers are taken for milliseconds since the start of the thread. */
export function hrTimeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1_000_000)];
}

/** Why a call was judged by nobody, where no backend failed. */
function failureOf({ cause, by }: DecisionRow): string | undefined {
  return cause === 'fail_closed' ? `${by ?? 'bridge'}: no verdict` : undefined;
}

function callAttributes(row: DecisionRow): Attributes {
  const attributes: Attributes = {
    'guardrail.input_type': row.input_type,
    'guardrail.shape': row.shape,
    'guardrail.verdict': row.verdict,
    'guardrail.action': row.action,
  };
  // Not by a loop over names, which takes twice as long
  if (row.streamed !== undefined) attributes['guardrail.streamed'] = row.streamed;
  if (row.removed.length > 0) attributes['guardrail.removed'] = [...row.removed];
  if (row.model !== null) attributes['gen_ai.request.model'] = row.model;
  if (row.litellm_call_id !== null) attributes['litellm.call_id'] = row.litellm_call_id;
  if (row.litellm_trace_id !== null) attributes['litellm.trace_id'] = row.litellm_trace_id;
  if (row.litellm_version !== null) attributes['litellm.version'] = row.litellm_version;
  if (row.endpoint !== null) attributes['litellm.endpoint'] = row.endpoint;
  if (row.mode !== null) attributes['guardrail.mode'] = row.mode;
  if (row.team !== null) attributes['guardrail.team'] = row.team;
  if (row.key !== null) attributes['guardrail.key'] = row.key;
  if (row.ref !== null) attributes['guardrail.ref'] = row.ref;
  if (row.category !== null) attributes['guardrail.category'] = row.category;
  if (row.cause !== null) attributes['guardrail.cause'] = row.cause;
  if (row.by !== null) attributes['guardrail.by'] = row.by;
  if (row.caller_rule !== null) attributes['guardrail.caller_rule'] = row.caller_rule;
  if (row.policy_version !== null) attributes['guardrail.policy_version'] = row.policy_version;
  return attributes;
}
