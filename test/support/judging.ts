import type { Check } from '../../src/backends/backend.ts';
import { createHttp } from '../../src/backends/http.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { BackendError, type Failure } from '../../src/guardrail/failure.ts';
import type { Verdict } from '../../src/guardrail/verdict.ts';
import type { Answer, JudgingBackend } from '../../src/pipeline/ask.ts';
import { createBreaker } from '../../src/pipeline/breaker.ts';
import { createJudge } from '../../src/pipeline/judge.ts';
import type { Engine } from '../../src/policies/engine.ts';
import { callOf } from './call.ts';

const http = createHttp();

export const says =
  (verdict: Verdict): Check =>
  async () =>
    verdict;
export const later =
  (verdict: Verdict, ms = 20): Check =>
  () =>
    new Promise((resolve) => setTimeout(resolve, ms, verdict));
export const fails =
  (failure: Failure): Check =>
  async () => {
    throw new BackendError(failure);
  };
export const hangs: Check = () => new Promise(() => {});

export const BLOCK: Verdict = { kind: 'block', reason: 'no' };
export const modify = (from: string, to: string): Verdict => ({
  kind: 'modify',
  rewrites: new Map([[from, to]]),
});
export const UNMAPPABLE: Verdict = { kind: 'modify', rewrites: null };
export const DOWN: Failure = { kind: 'unreachable', code: 'ECONNREFUSED' };

/** A backend in this process. */
export function backend(name: string, check: Check, options: Partial<JudgingBackend> = {}): JudgingBackend {
  return {
    name,
    mode: 'enforce',
    timeoutMs: 15_000,
    unreachableFallback: 'fail_closed',
    judges: { request: true, response: true, media: false, unit: 'conversation' },
    breaker: createBreaker(),
    check,
    ...options,
  };
}

/** A judge of these backends that keeps what it saw. */
export function judgeOf(
  backends: readonly JudgingBackend[],
  { engine, growth = 1 }: { engine?: Engine; growth?: number } = {},
) {
  const answers: Answer[] = [];
  const late: Answer[] = [];
  const unjudged: string[] = [];
  const witness = {
    ruling: () => {},
    noRuling: () => {},
    late: (answer: Answer) => void late.push(answer),
    answer: (answer: Answer) => void answers.push(answer),
    unjudged: (backend: JudgingBackend, content: string) => void unjudged.push(`${backend.name} ${content}`),
  };
  const judge = createJudge({
    engine: () => engine,
    policyTimeoutMs: 15_000,
    streamCheckGrowth: growth,
    backends,
    http,
    witness,
  });
  const outcomes = () =>
    answers.map(
      (answer) => `${answer.backend.name} ${'verdict' in answer ? answer.verdict.kind : answer.failure.kind}`,
    );
  const decide = async (call: GuardrailCall, work = new AbortController(), request?: GuardrailCall) =>
    (await judge.judge(call, Buffer.from(JSON.stringify(call)), work, request)).decision;
  return { ...judge, judge: decide, outcomes, unjudged, late };
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
