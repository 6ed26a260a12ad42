import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { VERDICT_KINDS } from '../guardrail/verdict.ts';
import type { BreakerState } from '../pipeline/breaker.ts';

export type Metrics = ReturnType<typeof createMetrics>;

const INPUT_TYPES = ['request', 'response'] as const;
const ACTIONS = ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED', 'DEFERRED', 'CANCELLED'] as const;
export const REJECTIONS = [
  'unauthorized',
  'address',
  'invalid',
  'too_large',
  'overloaded',
  'content_encoding',
  'method',
  'not_found',
  'aborted',
  'bug',
] as const;
export const LOG_RESULTS = [
  'accepted',
  'no_backend',
  'unauthorized',
  'content_encoding',
  'invalid',
  'not_gzip',
  'too_large',
  'overloaded',
  'full',
  'unavailable',
  'aborted',
] as const;
const BREAKER_VALUE: Record<BreakerState, number> = { closed: 0, half_open: 1, open: 2 };

type Names = { readonly backends: readonly string[]; readonly policies: readonly string[] };

/** A team is a label of its own as long as there are not too many of them. */
const MAX_TEAMS = 200;

type WouldLabels = { readonly policy: string; readonly rule: string; readonly team: string };

/** All metrics, every label value at zero from the start, so that a rate exists before the first event. */
export function createMetrics(
  { backends, policies }: Names,
  breakerState: (backend: string) => BreakerState,
) {
  const registry = new Registry();
  const registers = [registry];
  const prefix = 'guardrail_bridge_';
  collectDefaultMetrics({ register: registry });

  const decisions = new Counter({
    name: `${prefix}decisions_total`,
    help: 'Guardrail calls by what LiteLLM was answered.',
    labelNames: ['input_type', 'action'],
    registers,
  });
  const seconds = new Histogram({
    name: `${prefix}decision_seconds`,
    help: 'Time from a read body to the decision.',
    labelNames: ['input_type'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const verdicts = new Counter({
    name: `${prefix}verdicts_total`,
    help: 'What each backend and policy said, in observe mode too. Failures are not among them.',
    labelNames: ['backend', 'mode', 'input_type', 'verdict'],
    registers,
  });
  const failures = new Counter({
    name: `${prefix}failures_total`,
    help: 'Checks that gave no verdict, by kind.',
    labelNames: ['backend', 'mode', 'input_type', 'kind'],
    registers,
  });
  const bypasses = new Counter({
    name: `${prefix}bypasses_total`,
    help: 'Checks without a verdict whose fail mode lets the call go on (fail_open) or asks LiteLLM (defer).',
    labelNames: ['backend', 'input_type', 'fallback'],
    registers,
  });
  const unjudged = new Counter({
    name: `${prefix}unjudged_total`,
    help: 'Calls with content that a backend cannot look at: answers, or media (images, audio, files).',
    labelNames: ['backend', 'content'],
    registers,
  });
  const checkSeconds = new Histogram({
    name: `${prefix}check_seconds`,
    help: 'Time a backend took, failures included.',
    labelNames: ['backend', 'input_type'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
    registers,
  });
  const rejected = new Counter({
    name: `${prefix}rejected_total`,
    help: 'Requests that were no guardrail call the bridge could judge.',
    labelNames: ['reason'],
    registers,
  });
  const unappliable = new Counter({
    name: `${prefix}unapplied_redactions_total`,
    help: 'Redactions that could not be put into a reply and blocked the call instead.',
    labelNames: ['input_type'],
    registers,
  });
  const would = {
    block: new Counter({
      name: `${prefix}would_block_total`,
      help: 'Calls that a policy which only observes would have blocked, by the rule of their caller and by team.',
      labelNames: ['policy', 'rule', 'team'],
      registers,
    }),
    redact: new Counter({
      name: `${prefix}would_redact_total`,
      help: 'Calls that a policy which only observes would have redacted, by the rule of their caller and by team.',
      labelNames: ['policy', 'rule', 'team'],
      registers,
    }),
  };
  const teams = new Set<string>();
  const lateVerdicts = new Counter({
    name: `${prefix}late_verdicts_total`,
    help: 'What backends said of ends of streamed answers, which were delivered before.',
    labelNames: ['backend', 'result'],
    registers,
  });
  const policyReloads = new Counter({
    name: `${prefix}policy_reloads_total`,
    help: 'Times that the policy file was read again: changed, unchanged, or failed and the last good one kept.',
    labelNames: ['result'],
    registers,
  });
  const auditLost = new Counter({
    name: `${prefix}audit_lost_total`,
    help: 'Decisions that could not be written to the audit log.',
    registers,
  });
  const logPosts = new Counter({
    name: `${prefix}log_posts_total`,
    help: 'POSTs of log events by what they were answered.',
    labelNames: ['result'],
    registers,
  });
  const logSeconds = new Histogram({
    name: `${prefix}log_post_seconds`,
    help: 'Time from a POST of log events to its answer, when they are durable. LiteLLM drops what it queues meanwhile.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const telemetryRestarts = new Counter({
    name: `${prefix}telemetry_restarts_total`,
    help: 'Times that the telemetry thread failed and was started again.',
    registers,
  });
  const telemetryLost = new Counter({
    name: `${prefix}telemetry_lost_total`,
    help: 'Records of blocked calls that were lost as the telemetry thread answered nothing for too long.',
    registers,
  });
  const logDrops = new Counter({
    name: `${prefix}log_lines_dropped_total`,
    help: 'Log lines lost because standard output was not read.',
    registers,
  });
  new Gauge({
    name: `${prefix}breaker_state`,
    help: '0 closed (asked), 1 half open (one probe), 2 open (not asked).',
    labelNames: ['backend'],
    registers,
    collect() {
      for (const backend of backends) this.set({ backend }, BREAKER_VALUE[breakerState(backend)]);
    },
  });

  for (const result of ['changed', 'unchanged', 'failed']) policyReloads.inc({ result }, 0);
  for (const backend of backends) {
    for (const result of ['allow', 'block', 'modify', 'flagged']) lateVerdicts.inc({ backend, result }, 0);
  }
  for (const reason of REJECTIONS) rejected.inc({ reason }, 0);
  for (const result of LOG_RESULTS) logPosts.inc({ result }, 0);
  for (const input_type of INPUT_TYPES) {
    seconds.zero({ input_type });
    for (const action of ACTIONS) decisions.inc({ input_type, action }, 0);
    unappliable.inc({ input_type }, 0);
    for (const backend of [...backends, ...policies]) {
      for (const mode of ['enforce', 'observe']) {
        for (const verdict of VERDICT_KINDS) verdicts.inc({ backend, mode, input_type, verdict }, 0);
      }
    }
    for (const backend of backends) checkSeconds.zero({ backend, input_type });
    for (const backend of backends) {
      for (const fallback of ['fail_open', 'defer']) bypasses.inc({ backend, input_type, fallback }, 0);
    }
    for (const backend of policies.length > 0 ? [...backends, 'policies'] : backends) {
      for (const mode of ['enforce', 'observe']) {
        for (const kind of FAILURE_KINDS) failures.inc({ backend, mode, input_type, kind }, 0);
      }
    }
  }
  for (const backend of backends) {
    for (const content of ['answer', 'media']) unjudged.inc({ backend, content }, 0);
  }

  return {
    registry,
    decisions,
    seconds,
    verdicts,
    failures,
    bypasses,
    unjudged,
    checkSeconds,
    rejected,
    unappliable,
    /** Counts what a policy that only observes would have done. */
    would(verdict: 'block' | 'redact', { policy, rule, team }: WouldLabels) {
      if (teams.size < MAX_TEAMS) teams.add(team);
      would[verdict].inc({ policy, rule, team: teams.has(team) ? team : 'other' });
    },
    lateVerdicts,
    policyReloads,
    auditLost,
    logPosts,
    logSeconds,
    telemetryRestarts,
    telemetryLost,
    logDrops,
  };
}
