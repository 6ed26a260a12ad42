import type { Check } from '../../src/backends/backend.ts';
import { createHttp } from '../../src/backends/http.ts';
import { refusalTest } from '../../src/calls/reply.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import type { CheckResult, Wiring } from '../../src/guardrail/decision.ts';
import { BackendError, type Failure } from '../../src/guardrail/failure.ts';
import { passagesWith } from '../../src/guardrail/passages.ts';
import type { Verdict } from '../../src/guardrail/verdict.ts';
import { Access } from '../../src/pipeline/access.ts';
import { Breaker } from '../../src/pipeline/breaker.ts';
import type { JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { Judge, type JudgeOptions } from '../../src/pipeline/judge.ts';
import type { Engine } from '../../src/policies/engine.ts';
import { callOf } from './call.ts';

const http = createHttp();

/** A verdict, or one that depends on the call. */
type Judging = Verdict | ((call: GuardrailCall) => Verdict);
const verdictOn = (judging: Judging, call: GuardrailCall) =>
  typeof judging === 'function' ? judging(call) : judging;

export const says =
  (judging: Judging): Check =>
  async (call) =>
    verdictOn(judging, call);
export const later =
  (judging: Judging, ms = 20): Check =>
  (call) =>
    new Promise((resolve) => setTimeout(resolve, ms, verdictOn(judging, call)));
export const fails =
  (failure: Failure): Check =>
  async () => {
    throw new BackendError(failure);
  };
export const hangs: Check = () => new Promise(() => {});

export const BLOCK: Verdict = { kind: 'block', reason: 'no' };
/** Redacts a whole text of the call. */
export const modify =
  (from: string, to: string) =>
  ({ passages }: GuardrailCall): Verdict => ({
    kind: 'modify',
    texts: passagesWith(passages, new Map([[from, to]])),
  });
export const UNMAPPABLE: Verdict = { kind: 'modify', texts: null };
export const DOWN: Failure = { kind: 'unreachable', code: 'ECONNREFUSED' };

export const open = { unreachableFallback: 'fail_open' } as const;
export const defer = { unreachableFallback: 'defer' } as const;
export const allows = { kind: 'allow' };
export const blocks = (cause: string, backend: string) => ({ kind: 'block', cause, by: backend });

/** A backend in this process. */
export function backend(name: string, check: Check, options: Partial<JudgingBackend> = {}): JudgingBackend {
  return {
    name,
    mode: 'enforce',
    timeoutMs: 15_000,
    unreachableFallback: 'fail_closed',
    judges: { request: true, response: true, media: false },
    ...{ reads: 'conversation', isIdempotent: true, sample: 100, hedgeAfterMs: undefined },
    ...{ breaker: new Breaker(), memory: name },
    access: new Access(async () => {}),
    check,
    ...options,
  };
}

/** A judge of these backends that keeps its observations. @param backends a function for those that a reload changes */
export function judgeOf(
  backends: readonly JudgingBackend[] | (() => readonly JudgingBackend[]),
  {
    engine,
    growth = 1,
    removesHistory = true,
    rewriteForm = () => 'texts',
    wiring = 'plain',
    state,
  }: { engine?: Engine; growth?: number; wiring?: Wiring } & Partial<
    Pick<JudgeOptions, 'removesHistory' | 'rewriteForm' | 'state'>
  > = {},
) {
  const results: CheckResult[] = [];
  const late: CheckResult[] = [];
  const unjudged: string[] = [];
  const unsampled: string[] = [];
  const unasked: string[] = [];
  const unwatched: string[] = [];
  const compared: string[] = [];
  const judge = new Judge({
    engine: () => engine,
    policyTimeoutMs: 15_000,
    streamCheckGrowth: growth,
    backends: typeof backends === 'function' ? backends : () => backends,
    http,
    observer: {
      policiesFailed: () => {},
      failed: (error) => {
        throw error;
      },
      trailed: (_, result) => void late.push(result),
      checked: (_, result) => void results.push(result),
      unjudged: (_, backend, content) => void unjudged.push(`${backend} ${content}`),
      unsampled: (_, backend) => void unsampled.push(backend),
      unasked: (_, backend) => void unasked.push(backend),
      unwatched: (_, backend) => void unwatched.push(backend),
      compared: (_, backend, shadow, others) => void compared.push(`${backend} ${shadow}, others ${others}`),
    },
    rewriteForm,
    wired: () => ({ wiring, unapplied: undefined }),
    unseen: () => undefined,
    removesHistory,
    state,
    isRefusal: refusalTest(undefined),
  });
  const outcomes = () =>
    results.map(
      (result) => `${result.backend} ${'verdict' in result ? result.verdict.kind : result.failure.kind}`,
    );
  const decide = async (
    call: GuardrailCall,
    scope = new AbortController(),
    request: () => GuardrailCall | undefined = () => undefined,
  ) => {
    const bytes = JSON.stringify({ ...call, passages: undefined }).length;
    return judge.judge({ call, bytes, scope, request });
  };
  const outcomeOf = async (...input: Parameters<typeof decide>) => (await decide(...input)).outcome;
  return {
    judge: outcomeOf,
    decide,
    settled: () => judge.settled(),
    outcomes,
    unjudged,
    unsampled,
    unasked,
    unwatched,
    compared,
    late,
  };
}

export const CALL = callOf({ texts: ['dana lives in Rome'] });
export const decided = (...backends: JudgingBackend[]) =>
  judgeOf(backends).judge(CALL, new AbortController());

/** A check that never ends, and tells whether it was told to. */
export function hanging() {
  const signals: AbortSignal[] = [];
  const check: Check = (_, { deadline }) => {
    signals.push(deadline.signal);
    return new Promise(() => {});
  };
  return { check, signals, wasStopped: () => signals.length > 0 && signals.every(({ aborted }) => aborted) };
}
