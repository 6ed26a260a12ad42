import { Registry } from 'prom-client';
import packageJson from '../../package.json' with { type: 'json' };
import { DOORS } from '../guardrail/call.ts';
import { ACTIONS, HEDGE_RESULTS, WIRINGS } from '../guardrail/decision.ts';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { COMPARED, MODES, VERDICT_KINDS } from '../guardrail/verdict.ts';
import { CALL_STATE_FEATURES, STATE_FAILURES } from '../state/shared-state.ts';
import { counter, gauge, histogram, registerIn, type TakenCounts } from './metric.ts';
import {
  DECISION_LOSSES,
  LOG_RESULTS,
  LOOK_UP_FAILURES,
  OPS_REFUSALS,
  REJECTIONS,
  REPLAY_RESULTS,
  SHIP_FAILURES,
  UNCAUGHT_KINDS,
  UNSTORED_REASONS,
} from './metric-labels.ts';
import { otlpCounters } from './otlp-counters.ts';
import { collectProcessMetrics } from './process-metrics.ts';
import { type ShownStanding, setStandings, standingGauges } from './standing-gauges.ts';
import { TIME_BUCKETS } from './time-buckets.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** Teams with a label of their own; the others are `other`. */
const MAX_TEAMS = 200;

/** Counts of another thread, by metric. */
export type CountsByMetric = Readonly<Record<string, TakenCounts>>;

/** Names that are known from the start. */
export type MetricLabels = Readonly<Record<'backends' | 'policies' | 'findings', readonly string[]>>;

/**
 * All metrics, every label value at zero from the start, so that a rate exists before the first event.
 *
 * @param isWhole false in a thread whose counts are taken by another, so those of the process are left out
 */
export function createMetrics(
  { backends: backend, policies, findings: code }: MetricLabels,
  standings: () => readonly ShownStanding[],
  isWhole = true,
) {
  const input_type = ['request', 'response'];
  const judged = { mode: MODES, input_type };
  const failing = policies.length > 0 || backend.length === 0 ? [...backend, 'policies'] : backend;
  const would = { policy: [], rule: [], team: [] };

  const metrics = {
    decisions_total: counter('Guardrail calls by their action.', { input_type, action: ACTIONS }),
    decision_seconds: histogram(TIME_BUCKETS.decision)('Time from a read body to the decision.', {
      input_type,
    }),
    verdicts_total: counter(
      'What each backend and policy said, whatever its mode. Failures are not among them.',
      { backend: [...backend, ...policies], ...judged, verdict: VERDICT_KINDS },
    ),
    failures_total: counter('Checks that gave no verdict, by kind.', {
      backend: failing,
      ...judged,
      kind: FAILURE_KINDS,
    }),
    bypasses_total: counter(
      'Checks without a verdict whose fail mode lets the call go on (fail_open) or asks LiteLLM (defer).',
      { backend, input_type, fallback: ['fail_open', 'defer'] },
    ),
    bypassed_calls_total: counter(
      'Calls that went on without the verdict of a backend, as its fail mode says; decisions_total counts them too.',
      { action: ['NONE', 'GUARDRAIL_INTERVENED'] },
    ),
    unjudged_total: counter(
      'Calls with content that a backend, or the policies alone, cannot look at: responses (answer), or media (images, audio, files).',
      { backend: failing, content: ['answer', 'media'] },
    ),
    unsampled_total: counter(
      'Calls about which a backend was not asked, as it is asked about a part of them.',
      {
        backend,
        input_type,
      },
    ),
    unwatched_total: counter(
      'Calls about which a backend that nobody waits for was not asked, for want of memory: it is slow.',
      { backend, input_type },
    ),
    unasked_total: counter(
      'Calls about which a backend was not asked, as there was nothing that it judges and had not allowed before.',
      { backend, input_type },
    ),
    hedges_total: counter(
      'Checks in which a slow backend was asked a second time, by the attempt that gave the verdict.',
      { backend, result: HEDGE_RESULTS },
    ),
    shadow_agreement_total: counter(
      'Calls by what a shadow said and what the backends came to whose verdicts count.',
      { backend, shadow: COMPARED, decision: COMPARED },
    ),
    hidden_bytes_total: counter(
      'Bytes of request bodies that LiteLLM did not show, over what structure and parameters explain.',
    ),
    hidden_calls_total: counter(
      'Requests with such bytes (longer), or with a body that does not tell its length (unmeasured).',
      { reason: ['longer', 'unmeasured'] },
    ),
    uncompared_models_total: counter(
      'Responses whose model could not be compared with those that the role of their caller may use.',
    ),
    state_failures_total: counter(
      'Shared state that could not be read or written, by the part of the bridge that went on without.',
      { feature: CALL_STATE_FEATURES, reason: STATE_FAILURES },
    ),
    check_seconds: histogram(TIME_BUCKETS.check)('Time a backend took, failures included.', {
      backend,
      input_type,
    }),
    ...standingGauges(backend),
    rejected_total: counter('Requests that could not be judged.', { reason: REJECTIONS }),
    ops_refused_total: counter(
      'Requests for the page, or for metrics and readiness at OPS_PORT, that were refused; a wrong key is slowed, and beyond a number of those that wait it is refused at once (crowded).',
      { reason: OPS_REFUSALS },
    ),
    cut_connections_total: counter(
      'Connections closed because the sender of a refused body went on sending it, or sent calls without waiting for replies.',
      { reason: ['body', 'pipelining'] },
    ),
    repeated_calls_total: counter(
      'Guardrail calls that LiteLLM sent again while the first was judged: they got its decision, and count nowhere else.',
    ),
    unapplied_redactions_total: counter(
      'Redactions that could not be put into a reply and blocked the call instead.',
      { input_type },
    ),
    response_redactions_total: counter(
      'Redactions of responses, by how LiteLLM delivers the response: put into a reply, or blocked as it would drop them.',
      { wiring: WIRINGS, result: ['redacted', 'blocked'] },
    ),
    removed_history_total: counter(
      'Requests from which text was removed that had been blocked before, by who had blocked it.',
      { backend: [...backend, ...policies] },
    ),
    would_block_total: counter(
      'Calls that a policy which only observes would have blocked, by the rule of their caller and by team.',
      would,
    ),
    would_redact_total: counter(
      'Calls that a policy which only observes would have redacted, by the rule of their caller and by team.',
      would,
    ),
    late_verdicts_total: counter('Results of checks after the end of a streamed response.', {
      backend,
      result: VERDICT_KINDS,
    }),
    policy_reloads_total: counter(
      'Times that the policy file was read again: changed, unchanged, or failed and the last good one kept.',
      { result: ['changed', 'unchanged', 'failed'] },
    ),
    audit_lost_total: counter('Decisions that could not be written to the audit log.'),
    audit_unshipped_rows: gauge('Rows of the audit log that are not in the database yet.', {}),
    audit_ship_failures_total: counter(
      'Attempts to bring rows of the audit log into the database, or to remove old ones (retention), that failed.',
      { reason: SHIP_FAILURES },
    ),
    decisions_lost_total: counter('Decisions that could not be kept for the commands that look them up.', {
      reason: DECISION_LOSSES,
    }),
    decisions_unshipped_rows: gauge('Decisions that are not in the database yet.', {}),
    decisions_ship_failures_total: counter('Attempts to bring decisions into the database that failed.'),
    replay_calls_total: counter(
      'Calls kept to be judged again by `policy replay`: whole, without what was erased, without content, or lost.',
      { result: REPLAY_RESULTS },
    ),
    replay_begun_anew_total: counter('Times that all calls kept for `policy replay` were deleted, by why.', {
      reason: ['gone', 'damaged', 'format', 'content'],
    }),
    replay_bytes: gauge('Bytes of the calls that are kept for `policy replay`.', {}),
    turned_calls_total: counter(
      "Requests of LiteLLM's own integrations of other vendors, which the bridge answers in their place: to judge a call, to record one, or both.",
      { door: DOORS, asks: ['check', 'record', 'check_and_record'] },
    ),
    log_posts_total: counter('POSTs of log events, and of other records, by their result.', {
      result: LOG_RESULTS,
    }),
    log_post_seconds: histogram(TIME_BUCKETS.log)(
      'Time from a POST of log events until they are durable. LiteLLM drops what it queues meanwhile.',
    ),
    telemetry_restarts_total: counter('Times that the telemetry thread was started again.'),
    telemetry_lost_total: counter(
      'Records of blocked calls that were lost: the telemetry thread did not respond for too long, or ended.',
    ),
    telemetry_lost_notes_total: counter(
      'Verdicts that their records lack, as the telemetry thread did not respond for too long, or ended.',
    ),
    telemetry_unstored_blocks_total: counter(
      'BLOCKED replies that did not wait until the record of their call was on the disk, by why; it is stored when it can be.',
      { reason: UNSTORED_REASONS },
    ),
    uncaught_errors_total: counter(
      'Mistakes of the bridge that nothing caught; it goes on. Please report the log line.',
      { kind: UNCAUGHT_KINDS },
    ),
    large_call_restarts_total: counter(
      'Times that the thread of large calls ended by a mistake or for want of memory.',
    ),
    finding: gauge(
      '1 while live traffic or the state of the bridge shows that something is wrong, by what.',
      {
        code,
      },
    ),
    finding_calls_total: counter(
      'Calls that show that something is wrong, by what; ten in a minute make a finding.',
      {
        code,
      },
    ),
    unasked_responses_total: counter(
      'Calls that LiteLLM logged as successes, whose request was judged and whose response was not, though LiteLLM shows it.',
    ),
    unjudged_successes_total: counter('Calls that LiteLLM logged as successes, of which nothing was judged.'),
    build_info: gauge('1, with the release of the bridge.', { release: [] }),
    ...otlpCounters(),
    ui_failures_total: counter('Questions of the page that were not answered, by why.', {
      reason: LOOK_UP_FAILURES,
    }),
    log_lines_dropped_total: counter('Log lines lost because standard output was not read.'),
  };
  const registry = new Registry();
  if (isWhole) collectProcessMetrics(registry);
  registerIn(registry, 'guardrail_bridge_', metrics);

  const teams = new Set<string>();
  return {
    ...metrics,
    contentType: registry.contentType,
    /** In Prometheus' text format. */
    text(): Promise<string> {
      metrics.build_info.set({ release: packageJson.version }, 1);
      setStandings(metrics, standings());
      return registry.metrics();
    },
    /** Begins to count backends that came later. */
    addBackends(names: readonly string[]): void {
      for (const metric of Object.values(metrics)) metric.extend('backend', names);
    },
    /** Takes what was counted here since the last time, for {@link add} in another thread; undefined if that is nothing. */
    take(): CountsByMetric | undefined {
      const taken = Object.entries(metrics).flatMap(([name, metric]): [string, TakenCounts][] => {
        const counts = metric.take();
        return counts.length === 0 ? [] : [[name, counts]];
      });
      return taken.length === 0 ? undefined : Object.fromEntries(taken);
    },
    add(counts: CountsByMetric): void {
      for (const [name, taken] of Object.entries(counts)) metrics[name as keyof typeof metrics].add(taken);
    },
    /** Counts what a policy that only observes would have done. */
    would(verdict: 'block' | 'redact', labels: Readonly<Record<'policy' | 'rule' | 'team', string>>) {
      if (teams.size < MAX_TEAMS) teams.add(labels.team);
      const metric = verdict === 'block' ? metrics.would_block_total : metrics.would_redact_total;
      metric.inc(teams.has(labels.team) ? labels : { ...labels, team: 'other' });
    },
  };
}
