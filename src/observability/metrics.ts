import { collectDefaultMetrics, Registry } from 'prom-client';
import { ACTIONS } from '../guardrail/decision.ts';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { VERDICT_KINDS } from '../guardrail/verdict.ts';
import { metricsIn } from './metric.ts';

export type Metrics = ReturnType<typeof createMetrics>;

const REFUSALS = [
  'unauthorized',
  'content_encoding',
  'invalid',
  'too_large',
  'overloaded',
  'aborted',
] as const;
export const REJECTIONS = [...REFUSALS, 'address', 'method', 'not_found', 'bug'] as const;
export const LOG_RESULTS = [
  ...REFUSALS,
  'accepted',
  'no_backend',
  'not_gzip',
  'full',
  'unavailable',
] as const;
/** In the order of their values. */
const BREAKER_STATES = ['closed', 'half_open', 'open'] as const;

const CHECK_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];
const LOG_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Names = { readonly backends: readonly string[]; readonly policies: readonly string[] };

/** Teams with a label of their own; the others are `other`. */
const MAX_TEAMS = 200;

type WouldLabels = { readonly policy: string; readonly rule: string; readonly team: string };

/** All metrics, every label value at zero from the start, so that a rate exists before the first event. */
export function createMetrics(
  { backends: backend, policies }: Names,
  breakerState: (backend: string) => (typeof BREAKER_STATES)[number],
) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counter, gauge, histogram } = metricsIn(registry, 'guardrail_bridge_');
  const decisionTimes = histogram([...LOG_SECONDS, 30]);
  const checkTimes = histogram(CHECK_SECONDS);
  const logTimes = histogram(LOG_SECONDS);
  const input_type = ['request', 'response'];
  const calls = { input_type };
  const checks = { backend, input_type };
  const judging = { mode: ['enforce', 'observe'], input_type };
  const failing = policies.length > 0 ? [...backend, 'policies'] : backend;
  const failed = { backend: failing, ...judging, kind: FAILURE_KINDS };
  const would = { policy: [], rule: [], team: [] };

  gauge('breaker_state', '0 closed (asked), 1 half open (one probe), 2 open.', { backend }, (state) => {
    for (const name of backend) state.set({ backend: name }, BREAKER_STATES.indexOf(breakerState(name)));
  });
  const table = {
    decisions: counter('decisions_total', 'Guardrail calls by their action.', { ...calls, action: ACTIONS }),
    seconds: decisionTimes('decision_seconds', 'Time from a read body to the decision.', calls),
    verdicts: counter(
      'verdicts_total',
      'What each backend and policy said, in observe mode too. Failures are not among them.',
      { backend: [...backend, ...policies], ...judging, verdict: VERDICT_KINDS },
    ),
    failures: counter('failures_total', 'Checks that gave no verdict, by kind.', failed),
    bypasses: counter(
      'bypasses_total',
      'Checks without a verdict whose fail mode lets the call go on (fail_open) or asks LiteLLM (defer).',
      { ...checks, fallback: ['fail_open', 'defer'] },
    ),
    unjudged: counter(
      'unjudged_total',
      'Calls with content that a backend cannot look at: responses (answer), or media (images, audio, files).',
      { backend, content: ['answer', 'media'] },
    ),
    checkSeconds: checkTimes('check_seconds', 'Time a backend took, failures included.', checks),
    rejected: counter('rejected_total', 'Requests that could not be judged.', { reason: REJECTIONS }),
    unappliable: counter(
      'unapplied_redactions_total',
      'Redactions that could not be put into a reply and blocked the call instead.',
      calls,
    ),
    wouldBlock: counter(
      'would_block_total',
      'Calls that a policy which only observes would have blocked, by the rule of their caller and by team.',
      would,
    ),
    wouldRedact: counter(
      'would_redact_total',
      'Calls that a policy which only observes would have redacted, by the rule of their caller and by team.',
      would,
    ),
    lateVerdicts: counter('late_verdicts_total', 'Results of checks after the end of a streamed response.', {
      backend,
      result: VERDICT_KINDS,
    }),
    policyReloads: counter(
      'policy_reloads_total',
      'Times that the policy file was read again: changed, unchanged, or failed and the last good one kept.',
      { result: ['changed', 'unchanged', 'failed'] },
    ),
    auditLost: counter('audit_lost_total', 'Decisions that could not be written to the audit log.'),
    logPosts: counter('log_posts_total', 'POSTs of log events by their result.', { result: LOG_RESULTS }),
    logSeconds: logTimes(
      'log_post_seconds',
      'Time from a POST of log events until they are durable. LiteLLM drops what it queues meanwhile.',
    ),
    telemetryRestarts: counter(
      'telemetry_restarts_total',
      'Times that the telemetry thread was started again.',
    ),
    telemetryLost: counter(
      'telemetry_lost_total',
      'Records of blocked calls that were lost as the telemetry thread did not respond for too long.',
    ),
    logDrops: counter('log_lines_dropped_total', 'Log lines lost because standard output was not read.'),
  };

  const teams = new Set<string>();
  return {
    ...table,
    registry,
    /** Counts what a policy that only observes would have done. */
    would(verdict: 'block' | 'redact', { policy, rule, team }: WouldLabels) {
      if (teams.size < MAX_TEAMS) teams.add(team);
      const metric = verdict === 'block' ? table.wouldBlock : table.wouldRedact;
      metric.inc({ policy, rule, team: teams.has(team) ? team : 'other' });
    },
  };
}
