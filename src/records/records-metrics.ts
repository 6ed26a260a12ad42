import { Registry } from 'prom-client';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { VERDICT_KINDS } from '../guardrail/verdict.ts';
import { metricsIn } from '../observability/metric.ts';
import { DISPOSITIONS, type OutboxStats } from '../outbox/outbox.ts';

const ROW_RESULTS = [...DISPOSITIONS, 'bad', 'legacy', 'null', 'block_new', 'block_late', 'block_duplicate'];

/** The metrics of the records thread; `/metrics` shows them after those of the main thread. */
export function createRecordsMetrics(backend: readonly string[]) {
  const registry = new Registry();
  const { counter, gauge } = metricsIn(registry, 'guardrail_bridge_telemetry_');

  const table = {
    rows: counter(
      'rows_total',
      'Log rows by what became of them; new and late are stored. block_: records of calls that the bridge blocked.',
      { result: ROW_RESULTS },
    ),
    delivered: counter('delivered_total', 'Records that a backend has taken.', { backend }),
    retried: counter(
      'retried_total',
      'Records that were not taken and will be tried again, by kind of failure.',
      { backend, kind: FAILURE_KINDS },
    ),
    dead: counter(
      'dead_total',
      'Records that can never be delivered; they stay in the outbox until they are too old.',
      { backend, reason: ['http_status', 'bug', 'damaged'] },
    ),
    dropped: counter(
      'dropped_total',
      'Records that are lost: older than the bound, or of a blocked call when nothing could be stored.',
      { backend, reason: ['expired'] },
    )
      .zero({ backend: ['intake'], reason: ['crowded'] })
      .zero({ backend: ['all'], reason: ['full', 'unavailable'] }),
    verdicts: counter(
      'verdicts_total',
      'What backends in observe mode said of recorded calls that they had not been asked about before.',
      { backend, verdict: VERDICT_KINDS },
    ),
    held: gauge('held', '1 while a backend refuses our token (401, 403) and its records wait.', { backend }),
    missingEvents: counter(
      'missing_events_total',
      'Calls that were judged and of which no log event arrived within MISSING_EVENT_MINUTES.',
    ),
    notesForgotten: counter(
      'notes_forgotten_total',
      'Verdicts forgotten before their log event, as too many calls were waiting for one.',
    ),
    damage: counter('damage_total', 'Times that the outbox file was damaged and put aside.'),
  };
  // Set at the scrape: what is not configured has no numbers once nothing is left of it
  const none = { backend: [] };
  const backlog = gauge('backlog_records', 'Records that wait to be delivered.', none);
  const dead = gauge('dead_records', 'Records in the dead-letter store.', none);
  const age = gauge(
    'oldest_undelivered_seconds',
    'Age of the oldest record to deliver; 0 without any.',
    none,
  );
  const usedBytes = gauge('outbox_bytes', 'Size of the outbox in use.');
  const maxBytes = gauge('outbox_max_bytes', 'Its bound, OUTBOX_MAX_MB.');
  const up = gauge('outbox_up', '1 while records can be stored.');

  function setBacklog(stats: OutboxStats): void {
    usedBytes.set({}, stats.usedBytes);
    maxBytes.set({}, stats.maxBytes);
    for (const metric of [backlog, dead, age]) metric.clear();
    for (const [backend, { records, dead: letters, oldestAt }] of Object.entries(stats.backends)) {
      backlog.set({ backend }, records);
      dead.set({ backend }, letters);
      age.set({ backend }, oldestAt === undefined ? 0 : Math.max(0, (Date.now() - oldestAt) / 1000));
    }
  }

  return {
    ...table,
    /** In Prometheus' text format; `stats` is undefined while the outbox cannot be used. */
    async text(stats: OutboxStats | undefined): Promise<string> {
      up.set({}, stats === undefined ? 0 : 1);
      if (stats !== undefined) setBacklog(stats);
      return registry.metrics();
    },
  };
}
