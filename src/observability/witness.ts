import type { GuardrailCall } from '../guardrail/call.ts';
import { callName } from '../guardrail/caller.ts';
import { kindOf } from '../guardrail/verdict.ts';
import type { Witness } from '../pipeline/judge.ts';
import { type Log, loggable } from './log.ts';
import type { Metrics } from './metrics.ts';

/** A client chooses its call id, and its length. */
export function callFields(call: GuardrailCall): Record<string, unknown> {
  return { litellm_call_id: call.litellm_call_id?.slice(0, 128) ?? null, input_type: call.input_type };
}

const MAX_COUNTED = 20_000;

/** Counts and logs what the pipeline sees: a bypass is never counted as an allow. */
export function createWitness(metrics: Metrics, log: Log): Witness {
  /** Calls, by policy: the rounds of a stream count once. */
  const counted = new Set<string>();
  function isCounted(call: GuardrailCall, kind: string): boolean {
    const id = callName(call);
    if (id === undefined) return false;
    const name = `${call.input_type} ${kind} ${id}`;
    if (counted.has(name)) return true;
    counted.add(name);
    if (counted.size > MAX_COUNTED) counted.clear();
    return false;
  }

  return {
    ruling({ notes, plan, caller }, call) {
      const { input_type } = call;
      for (const { kind, enforced, verdict, reasonCode, rules } of notes) {
        const mode = enforced ? 'enforce' : 'observe';
        metrics.verdicts.inc({
          backend: kind,
          mode,
          input_type,
          verdict: verdict === 'redact' ? 'modify' : verdict,
        });
        if (verdict === 'allow') continue;
        const fields = {
          policy: kind,
          mode,
          verdict,
          reason_code: reasonCode,
          rules,
          caller_rule: plan.rule,
        };
        log.info({ ...callFields(call), ...fields }, 'policy');
        if (enforced || isCounted(call, kind)) continue;
        metrics.would(verdict, { policy: kind, rule: plan.rule, team: caller.team[0] ?? '' });
      }
    },
    noRuling(failure, call) {
      const { input_type } = call;
      metrics.failures.inc({ backend: 'policies', mode: 'enforce', input_type, kind: failure.kind });
      log.error({ ...callFields(call), failure: loggable(failure) }, 'policies gave no verdict');
    },
    late(answer) {
      const { backend, call } = answer;
      const result = 'verdict' in answer ? kindOf(answer.verdict) : answer.failure.kind;
      metrics.lateVerdicts.inc({ backend: backend.name, result });
      const fields = { ...callFields(call), backend: backend.name, mode: backend.mode, result };
      if (result === 'allow') log.debug(fields, 'late verdict');
      else log.warn(fields, 'late verdict: the answer has been delivered');
    },
    answer(answer) {
      const { backend, call } = answer;
      const labels = { backend: backend.name, input_type: call.input_type };
      metrics.checkSeconds.observe(labels, answer.seconds);
      const fields = {
        ...callFields(call),
        backend: backend.name,
        mode: backend.mode,
        seconds: answer.seconds,
      };
      if ('verdict' in answer) {
        const verdict = kindOf(answer.verdict);
        metrics.verdicts.inc({ ...labels, mode: backend.mode, verdict });
        log[verdict === 'allow' ? 'debug' : 'info']({ ...fields, verdict }, 'verdict');
        return;
      }
      const { failure, effect } = answer;
      metrics.failures.inc({ ...labels, mode: backend.mode, kind: failure.kind });
      if (failure.kind === 'cancelled') {
        log.debug({ ...fields, failure: loggable(failure) }, 'check cancelled');
        return;
      }
      const bypassed = backend.mode === 'enforce' && (effect === 'allow' || effect === 'defer');
      if (bypassed) metrics.bypasses.inc({ ...labels, fallback: effect === 'allow' ? 'fail_open' : 'defer' });
      const unreachable_fallback = backend.unreachableFallback;
      log.warn({ ...fields, failure: loggable(failure), unreachable_fallback, bypassed }, 'no verdict');
    },
    unjudged(backend, content, call) {
      metrics.unjudged.inc({ backend: backend.name, content });
      log.debug({ ...callFields(call), backend: backend.name, content }, 'content this backend cannot judge');
    },
  };
}
