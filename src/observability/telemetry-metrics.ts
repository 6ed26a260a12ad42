import { Counter, Gauge, Registry } from 'prom-client';
import { FAILURE_KINDS } from '../guardrail/failure.ts';
import { VERDICT_KINDS } from '../guardrail/verdict.ts';
import { DISPOSITIONS, type OutboxStats } from '../outbox/outbox.ts';

const ROW_RESULTS = [...DISPOSITIONS, 'bad', 'legacy', 'null', 'block_new', 'block_late', 'block_duplicate'];

export type TelemetryMetrics = ReturnType<typeof createTelemetryMetrics>;

/** The metrics of the telemetry thread; `/metrics` shows them after those of the main thread. */
export function createTelemetryMetrics(backends: readonly string[]) {
  const registry = new Registry();
  const registers = [registry];
  const prefix = 'guardrail_bridge_telemetry_';
  const rows = new Counter({
    name: `${prefix}rows_total`,
    help: 'Log rows by what became of them; new and late are stored. block_: records of calls that the bridge blocked.',
    labelNames: ['result'],
    registers,
  });
  const delivered = new Counter({
    name: `${prefix}delivered_total`,
    help: 'Records that a backend has taken.',
    labelNames: ['backend'],
    registers,
  });
  const retried = new Counter({
    name: `${prefix}retried_total`,
    help: 'Records that were not taken and will be tried again, by kind of failure.',
    labelNames: ['backend', 'kind'],
    registers,
  });
  const dead = new Counter({
    name: `${prefix}dead_total`,
    help: 'Records that can never be delivered; they stay in the outbox until they are too old.',
    labelNames: ['backend', 'reason'],
    registers,
  });
  const dropped = new Counter({
    name: `${prefix}dropped_total`,
    help: 'Records that are lost: older than the bound, or of a blocked call when nothing could be stored.',
    labelNames: ['backend', 'reason'],
    registers,
  });
  const verdicts = new Counter({
    name: `${prefix}verdicts_total`,
    help: 'What backends in observe mode said of recorded calls that they had not been asked about before.',
    labelNames: ['backend', 'verdict'],
    registers,
  });
  const held = new Gauge({
    name: `${prefix}held`,
    help: '1 while a backend refuses our token (401, 403) and its records wait.',
    labelNames: ['backend'],
    registers,
  });
  const missingEvents = new Counter({
    name: `${prefix}missing_events_total`,
    help: 'Calls that were judged and of which no log event arrived within MISSING_EVENT_MINUTES.',
    registers,
  });
  const notesForgotten = new Counter({
    name: `${prefix}notes_forgotten_total`,
    help: 'Verdicts forgotten before their log event, as too many calls were waiting for one.',
    registers,
  });
  const damage = new Counter({
    name: `${prefix}damage_total`,
    help: 'Times that the outbox file was damaged and put aside.',
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: prefix + name, help, labelNames, registers });
  const backlog = gauge('backlog_records', 'Records that wait to be delivered.', ['backend']);
  const deadLetters = gauge('dead_records', 'Records in the dead-letter store.', ['backend']);
  const age = gauge('oldest_undelivered_seconds', 'Age of the oldest record to deliver; 0 without any.', [
    'backend',
  ]);
  const usedBytes = gauge('outbox_bytes', 'Size of the outbox in use.');
  const maxBytes = gauge('outbox_max_bytes', 'Its bound, OUTBOX_MAX_MB.');
  const up = gauge('outbox_up', '1 while records can be stored.');

  for (const result of ROW_RESULTS) rows.inc({ result }, 0);
  for (const backend of backends) {
    delivered.inc({ backend }, 0);
    held.set({ backend }, 0);
    for (const kind of FAILURE_KINDS) retried.inc({ backend, kind }, 0);
    for (const reason of ['http_status', 'bug', 'damaged']) dead.inc({ backend, reason }, 0);
    dropped.inc({ backend, reason: 'expired' }, 0);
    for (const verdict of VERDICT_KINDS) verdicts.inc({ backend, verdict }, 0);
  }
  dropped.inc({ backend: 'intake', reason: 'crowded' }, 0);
  for (const reason of ['full', 'unavailable']) dropped.inc({ backend: 'all', reason }, 0);

  return {
    rows,
    delivered,
    retried,
    dead,
    dropped,
    verdicts,
    held,
    missingEvents,
    notesForgotten,
    damage,
    /** In Prometheus' text format, with the backlog as it is now. */
    async text(stats: OutboxStats | undefined): Promise<string> {
      up.set(stats === undefined ? 0 : 1);
      if (stats !== undefined) {
        usedBytes.set(stats.usedBytes);
        maxBytes.set(stats.maxBytes);
        // What is not configured has no numbers once nothing is left of it
        for (const one of [backlog, deadLetters, age]) one.reset();
        for (const [backend, { records, dead: letters, oldestAt }] of Object.entries(stats.backends)) {
          backlog.set({ backend }, records);
          deadLetters.set({ backend }, letters);
          age.set({ backend }, oldestAt === undefined ? 0 : Math.max(0, (Date.now() - oldestAt) / 1000));
        }
      }
      return registry.metrics();
    },
  };
}
