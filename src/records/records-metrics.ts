import { Registry } from 'prom-client';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { VERDICT_KINDS } from '../guardrail/verdict.ts';
import { counter, gauge, registerIn } from '../observability/metric.ts';
import { DISPOSITIONS, type OutboxStats } from '../outbox/contract.ts';
import { RECORD_STATE_FEATURES, STATE_FAILURES } from '../state/shared-state.ts';

const ROW_RESULTS = [
  ...[...DISPOSITIONS, 'unrecorded', 'bad', 'legacy', 'null'],
  ...['block_new', 'block_late', 'block_duplicate', 'block_deferred'],
];
const DEATHS = ['http_status', 'bug', 'damaged'];

/** The metrics of the records thread; `/metrics` shows them after those of the main thread. */
export function createRecordsMetrics(backends: readonly string[]) {
  const none = { backend: [] };
  const counted = {
    rows_total: counter(
      'Log rows by what became of them; new and late are stored, unrecorded are those that the rules keep from everybody. block_: records of calls that the bridge blocked.',
      { result: ROW_RESULTS },
    ),
    delivered_total: counter('Records that a backend has taken.', none),
    retried_total: counter('Records that were not taken and will be tried again, by kind of failure.', {
      ...none,
      kind: FAILURE_KINDS,
    }),
    dead_total: counter(
      'Records that can never be delivered; they stay in the outbox until they are too old.',
      { ...none, reason: DEATHS },
    ),
    dropped_total: counter(
      'Records that are lost: older than the bound, or of a blocked call when nothing could be stored.',
      { ...none, reason: ['expired'] },
    )
      .zero({ backend: ['intake'], reason: ['crowded'] })
      .zero({ backend: ['all'], reason: ['full', 'unavailable'] }),
    verdicts_total: counter(
      'What backends in observe mode said of recorded calls that they had not been asked about before.',
      { ...none, verdict: VERDICT_KINDS },
    ),
    concurrency: gauge(
      'Deliveries that may be under way at once, by how the backend takes them; below 1 the part of the time in which one is.',
      none,
    ),
    held: gauge('1 while a backend refuses our token (401, 403) and its records wait.', none),
    missing_events_total: counter(
      'Calls that were judged and of which no log event arrived within MISSING_EVENT_MINUTES.',
    ),
    notes_forgotten_total: counter(
      'Calls whose verdicts were forgotten before their record was complete, as there were too many.',
    ),
    unjoined_calls_total: counter(
      'Calls whose verdicts at other replicas could not be read: their records can lack them.',
    ),
    amended_records_total: counter(
      'Records that got a verdict or the text of a stream after they were stored: LiteLLM logged their call before another replica had told of it.',
    ),
    state_failures_total: counter(
      'Texts of streams and blocked results of tools that could not be shared with other replicas, or read.',
      { feature: RECORD_STATE_FEATURES, reason: STATE_FAILURES },
    ),
    notes_bytes: gauge('Memory reserved for verdicts whose log event is to come.'),
    max_age_seconds: gauge('Age at which a record is given up, OUTBOX_MAX_AGE_HOURS.'),
    damage_total: counter('Times that the outbox file was damaged and put aside.'),
  };
  // Set at the scrape: what is not configured has no numbers once nothing is left of it
  const backlog = {
    backlog_records: gauge('Records that wait to be delivered.', none),
    dead_records: gauge('Records in the dead-letter store.', none),
    oldest_undelivered_seconds: gauge('Age of the oldest record to deliver; 0 without any.', none),
  };
  const outbox = {
    outbox_bytes: gauge('Size of the outbox in use.'),
    outbox_max_bytes: gauge('Its bound, OUTBOX_MAX_MB.'),
    outbox_up: gauge('1 while records can be stored.'),
  };
  const registry = new Registry();
  registerIn(registry, 'guardrail_bridge_telemetry_', { ...counted, ...backlog, ...outbox });

  function setBacklog({ usedBytes, maxBytes, backends }: OutboxStats): void {
    outbox.outbox_bytes.set({}, usedBytes);
    outbox.outbox_max_bytes.set({}, maxBytes);
    for (const metric of Object.values(backlog)) metric.clear();
    for (const [name, { records, dead, oldestAt = Date.now() }] of Object.entries(backends)) {
      const labels = { backend: name };
      backlog.backlog_records.set(labels, records);
      backlog.dead_records.set(labels, dead);
      backlog.oldest_undelivered_seconds.set(labels, Math.max(0, (Date.now() - oldestAt) / 1000));
    }
  }

  /** Counts of these backends begin at zero; those that are known stay as they are. */
  function addBackends(backend: readonly string[]): void {
    counted.delivered_total.zero({ backend });
    counted.retried_total.zero({ backend, kind: FAILURE_KINDS });
    counted.dead_total.zero({ backend, reason: DEATHS });
    counted.dropped_total.zero({ backend, reason: ['expired'] });
    counted.verdicts_total.zero({ backend, verdict: VERDICT_KINDS });
    counted.held.zero({ backend });
  }

  addBackends(backends);
  return {
    ...counted,
    addBackends,
    /** In Prometheus' text format. `stats` is undefined if the outbox cannot be read; it is not up either if it only can be. */
    async text(
      stats: OutboxStats | undefined,
      canStore: boolean,
      concurrency: ReadonlyMap<string, number>,
    ): Promise<string> {
      counted.concurrency.clear();
      for (const [backend, width] of concurrency) counted.concurrency.set({ backend }, width);
      outbox.outbox_up.set({}, stats !== undefined && canStore ? 1 : 0);
      if (stats !== undefined) setBacklog(stats);
      return registry.metrics();
    },
  };
}
