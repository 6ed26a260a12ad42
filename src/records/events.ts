import type { CourierEvents } from '../delivery/courier.ts';
import { kindOf } from '../guardrail/verdict.ts';
import { loggable } from '../observability/log.ts';
import type { TelemetryMetrics } from '../observability/telemetry-metrics.ts';
import type { OutboxEvents } from '../outbox/sqlite.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { TelemetryHealth } from './protocol.ts';

/** Writes one line to the log of the main thread. */
export type TelemetryLog = (level: 'info' | 'warn' | 'error', fields: object, msg: string) => void;

export type TelemetryEvents = ReturnType<typeof createTelemetryEvents>;

/** Counts and logs what happens to records: never their content, nor what a vendor said. */
export function createTelemetryEvents(metrics: TelemetryMetrics, log: TelemetryLog) {
  let storage: string | null = null;
  const held = new Set<string>();

  const outbox: OutboxEvents = {
    damaged(damage) {
      metrics.damage.inc();
      log('error', { ...damage }, 'the outbox was damaged and put aside; what could be read was kept');
    },
    unreadable(backend) {
      metrics.dead.inc({ backend, reason: 'damaged' });
      log('error', { backend }, 'a record was damaged on disk and is a dead letter');
    },
    expired(backend, records) {
      metrics.dropped.inc({ backend, reason: 'expired' }, records);
      log('error', { backend, records }, 'undelivered records were dropped: older than OUTBOX_MAX_AGE_HOURS');
    },
    crowded(rows) {
      metrics.dropped.inc({ backend: 'intake', reason: 'crowded' }, rows);
      log('warn', { rows }, 'unreadable log rows were dropped for newer ones');
    },
    unavailable(code) {
      storage = code ?? null;
      if (code === undefined) log('info', {}, 'records can be stored again');
      else if (code === 'SQLITE_BUSY')
        log('error', { code }, 'records cannot be stored: another process has DATA_DIR');
      else log('error', { code }, 'records cannot be stored: see DATA_DIR, OUTBOX_MAX_MB and the disk');
    },
  };

  const courier: CourierEvents = {
    delivered(backend, records, verdicts) {
      metrics.delivered.inc({ backend }, records);
      for (const verdict of verdicts) {
        metrics.verdicts.inc({ backend, verdict: kindOf(verdict) });
        if (verdict.kind === 'block')
          log('info', { backend }, 'the vendor would have blocked a recorded call');
      }
    },
    retried(backend, records, failure, delayMs) {
      metrics.retried.inc({ backend, kind: failure.kind }, records);
      const fields = { backend, records, failure: loggable(failure), retry_seconds: delayMs / 1000 };
      log('warn', fields, 'records were not taken and will be tried again');
    },
    dead(backend, records, reason) {
      metrics.dead.inc({ backend, reason }, records);
      log('error', { backend, records, reason }, 'records can never be delivered; see the outbox command');
    },
    held(backend, isHeld, failure) {
      if (isHeld) held.add(backend);
      else held.delete(backend);
      metrics.held.set({ backend }, isHeld ? 1 : 0);
      const fields = { backend, ...(failure && { failure: loggable(failure) }) };
      if (isHeld) log('error', fields, 'the backend refuses our token: its records wait until it takes it');
      else log('info', fields, 'the backend takes records again');
    },
    storage(error) {
      log('warn', { code: storageCode(error) }, 'the courier could not use the outbox');
    },
  };

  return {
    outbox,
    courier,
    /** What is wrong now. */
    trouble: (): Omit<TelemetryHealth, 'inDanger'> => ({ storage, held: [...held] }),
  };
}
