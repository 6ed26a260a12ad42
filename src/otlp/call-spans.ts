import {
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import { unpackRow } from '../decisions/packed-row.ts';
import type { BackendFinding, DecisionRow } from '../decisions/row.ts';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { type LateCheck, partsOf } from './call-lines.ts';
import { contextOf, type SpanPlace, spanPlaceOf, type WantedTraceIds } from './span-parents.ts';

/** Calls whose spans are known to what comes later of them. */
const KNOWN_CALLS = 20_000;
/** Checks that may wait for the span of their call, and how long. */
const MAX_EARLY = 2000;
const EARLY_MS = 10_000;

type TimedSpan = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly links?: Link[];
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Why it is an error; undefined for none. */
  readonly error?: string | undefined;
};

type EarlyCheck = { readonly late: LateCheck; readonly place: SpanPlace; readonly at: number };

const FAILURES: ReadonlySet<string> = new Set(FAILURE_KINDS);

/** Makes the spans of calls from their lines. */
export class CallSpans {
  readonly #tracer: Tracer;
  readonly #ids: WantedTraceIds;
  /** The span of the newest decision on each side of a call. */
  readonly #known = new LRUCache<string, SpanContext>({ max: KNOWN_CALLS });
  /** By the call. */
  readonly #early = new Map<string, EarlyCheck[]>();
  #earlyChecks = 0;

  constructor(tracer: Tracer, ids: WantedTraceIds) {
    this.#tracer = tracer;
    this.#ids = ids;
  }

  /** Makes the span of a call, and one for each policy and backend below it. @throws SyntaxError */
  call(line: string): void {
    const [packed, times, ...parents] = partsOf(line);
    const row = unpackRow(packed);
    const [age = 0, policiesAt = 0, policiesTook = 0, ...checksAt] = times
      .split(' ')
      .map((text) => Number(text) / 1000);
    const from = row.at - age;
    const place = spanPlaceOf(row.litellm_call_id, row.litellm_trace_id, parents);
    const missing = row.backends.filter((check) => check.mode === 'enforce' && FAILURES.has(check.result));
    const context = this.#make(place, {
      name: `guardrail ${row.input_type}`,
      kind: SpanKind.SERVER,
      attributes: { ...callAttributes(row), ...(missing[0] && { 'error.type': missing[0].result }) },
      ...{ from, to: from + row.ms },
      error:
        missing.length > 0
          ? missing.map(({ backend, result }) => `${backend}: ${result}`).join(', ')
          : failureOf(row),
    });
    const below = { context: contextOf(context), traceId: context.traceId };
    const judged = { from: from + policiesAt, to: from + policiesAt + policiesTook };
    for (const { kind, enforced, verdict, reason_code, rules } of row.policies)
      this.#policy(below, judged, {
        ...{ 'guardrail.policy': kind, 'guardrail.enforced': enforced, 'guardrail.verdict': verdict },
        ...{ 'guardrail.reason_code': reason_code, 'guardrail.rules': [...rules] },
      });
    for (const kind of row.allowed)
      this.#policy(below, judged, { 'guardrail.policy': kind, 'guardrail.verdict': 'allow' });
    row.backends.forEach((check, i) => {
      this.#check(below, check, from + (checksAt[i] ?? 0), from);
    });
    if (row.litellm_call_id === null) return;
    const key = `${row.input_type} ${row.litellm_call_id}`;
    this.#known.set(key, context);
    for (const { late } of this.#takeEarly(key)) this.#late(below, late);
  }

  /** Makes the span of a check that nobody waited for, once its call has one. @throws SyntaxError */
  check(line: string): void {
    const [told, , ...parents] = partsOf(line);
    const late = JSON.parse(told) as LateCheck;
    const key = `${late.input_type} ${late.litellm_call_id}`;
    const known = late.litellm_call_id === null ? undefined : this.#known.get(key);
    if (known !== undefined) {
      this.#late({ context: contextOf(known), traceId: known.traceId }, late);
      return;
    }
    const place = spanPlaceOf(late.litellm_call_id, late.litellm_trace_id, parents);
    if (late.litellm_call_id === null || this.#earlyChecks >= MAX_EARLY) {
      this.#late(place, late);
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
      for (const { late, place } of this.#takeEarly(key)) this.#late(place, late);
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

  #late(place: SpanPlace, { at, check, litellm_call_id }: LateCheck): void {
    const id = litellm_call_id === null ? {} : { 'litellm.call_id': litellm_call_id };
    this.#check(place, check, at - check.ms, at - check.ms, id);
  }

  #policy(place: SpanPlace, judged: { from: number; to: number }, attributes: Attributes): void {
    const name = `policy ${attributes['guardrail.policy']}`;
    this.#make(place, { name, kind: SpanKind.INTERNAL, attributes, ...judged });
  }

  /** @param begin of the call: a verdict that was known before took no time of it */
  #check(place: SpanPlace, check: BackendFinding, at: number, begin: number, more: Attributes = {}): void {
    const { backend, mode, result, ms, categories, status } = check;
    const isFailure = FAILURES.has(result);
    const to = Math.max(at + ms, begin);
    this.#make(place, {
      name: `check ${backend}`,
      kind: SpanKind.CLIENT,
      attributes: {
        ...{ 'guardrail.backend': backend, 'guardrail.mode': mode, 'guardrail.result': result, ...more },
        ...(isFailure && { 'error.type': result }),
        ...(status !== undefined && { 'http.response.status_code': status }),
        ...(categories !== undefined && { 'guardrail.categories': [...categories] }),
      },
      ...{ from: Math.max(at, begin), to },
      error: isFailure ? result : undefined,
    });
  }

  #make({ context, traceId }: SpanPlace, { from, to, error, ...options }: TimedSpan): SpanContext {
    this.#ids.wanted = traceId;
    const { name, ...given } = options;
    const span = this.#tracer.startSpan(name, { ...given, startTime: hrTimeOf(from) }, context as Context);
    this.#ids.wanted = undefined;
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(hrTimeOf(to));
    return span.spanContext();
  }
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
  const { model, endpoint, mode, ref, team, key, category, cause, by, caller_rule, policy_version } = row;
  const known = {
    'gen_ai.request.model': model,
    'litellm.call_id': row.litellm_call_id,
    'litellm.trace_id': row.litellm_trace_id,
    'litellm.version': row.litellm_version,
    'litellm.endpoint': endpoint,
    'guardrail.mode': mode,
    'guardrail.team': team,
    'guardrail.key': key,
    'guardrail.ref': ref,
    'guardrail.category': category,
    'guardrail.cause': cause,
    'guardrail.by': by,
    'guardrail.caller_rule': caller_rule,
    'guardrail.policy_version': policy_version,
  };
  const attributes: Attributes = {
    'guardrail.input_type': row.input_type,
    'guardrail.shape': row.shape,
    'guardrail.verdict': row.verdict,
    'guardrail.action': row.action,
    ...(row.streamed !== undefined && { 'guardrail.streamed': row.streamed }),
    ...(row.removed.length > 0 && { 'guardrail.removed': [...row.removed] }),
  };
  for (const [name, value] of Object.entries(known)) if (value !== null) attributes[name] = value;
  return attributes;
}
