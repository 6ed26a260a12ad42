import type { CourierEvents } from '../delivery/courier.ts';
import { kindOf } from '../guardrail/verdict.ts';
import { loggable } from '../observability/log.ts';
import type { OutboxEvents } from '../outbox/outbox.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { Receipt } from './intake.ts';
import type { LogLine, RecordsHealth } from './protocol.ts';
import type { RecordsMetrics } from './records-metrics.ts';

/** Counts and logs what happens to records: never their content, nor a vendor's text. */
export class RecordsObserver {
  readonly #metrics: RecordsMetrics;
  readonly #write: (line: LogLine) => void;
  /** Why nothing can be stored. */
  #storage: string | null = null;
  /** Backends that refuse our token. */
  readonly #held = new Set<string>();
  /** True once an event did not name its call. */
  #oldRelease = false;

  /** @param write writes one line to the log of the main thread */
  constructor(metrics: RecordsMetrics, write: (line: LogLine) => void) {
    this.#metrics = metrics;
    this.#write = write;
  }

  /** Everything of {@link RecordsHealth} that is learned from events. */
  trouble(): Omit<RecordsHealth, 'inDanger'> {
    return { storage: this.#storage, held: [...this.#held], oldRelease: this.#oldRelease };
  }

  /** A POST of log events was stored. */
  received(receipt: Receipt): void {
    for (const [result, rows] of Object.entries(receipt)) this.#metrics.rows.inc({ result }, rows);
    const { legacy, bad, late } = receipt;
    if (legacy > 0)
      this.#warn({ rows: legacy }, 'log rows of generic_api_use_v1 cannot be read: switch it off in LiteLLM');
    if (bad > 0) this.#warn({ rows: bad }, 'log rows cannot be read; see the outbox command');
    if (late > 0)
      this.#warn(
        { rows: late },
        'calls have a second record: their first could wait no longer; raise FAILURE_GRACE_SECONDS',
      );
  }

  /** An event does not name its call: LiteLLM is older than the oldest supported release. Named once in the log. */
  unnamedEvent(oldestSupported: string): void {
    if (this.#oldRelease) return;
    this.#oldRelease = true;
    this.#warn(
      { oldest_supported: oldestSupported },
      `log events have no litellm_call_id: LiteLLM is older than ${oldestSupported}, the oldest supported release; they become records of their own`,
    );
  }

  /** Calls were judged, and LiteLLM logged nothing about them in time. */
  eventsMissing(calls: number): void {
    this.#metrics.missingEvents.inc({}, calls);
    this.#warn({ calls }, 'calls were judged and no log event of them came within MISSING_EVENT_MINUTES');
  }

  /** The record of a blocked call could not be stored. */
  blockedLost(callId: string, reason: OutboxFailure): void {
    this.#metrics.dropped.inc({ backend: 'all', reason });
    this.#error({ litellm_call_id: callId, reason }, 'the record of a blocked call was lost');
  }

  /** A mistake of ours about a message. */
  bug(failure: object, message: string): void {
    this.#error({ failure, message }, 'telemetry failed');
  }

  readonly outbox: OutboxEvents = {
    damaged: (damage) => {
      this.#metrics.damage.inc();
      this.#error({ ...damage }, 'the outbox was damaged and put aside; what could be read was kept');
    },
    unreadable: (backend) => {
      this.#metrics.dead.inc({ backend, reason: 'damaged' });
      this.#error({ backend }, 'a record was damaged on disk and is a dead letter');
    },
    expired: (backend, records) => {
      this.#metrics.dropped.inc({ backend, reason: 'expired' }, records);
      this.#error({ backend, records }, 'undelivered records were dropped: older than OUTBOX_MAX_AGE_HOURS');
    },
    crowded: (rows) => {
      this.#metrics.dropped.inc({ backend: 'intake', reason: 'crowded' }, rows);
      this.#warn({ rows }, 'unreadable log rows were dropped for newer ones');
    },
    unavailable: (code, advice) => {
      this.#storage = code ?? null;
      if (code === undefined) this.#info({}, 'records can be stored again');
      else if (code === 'SQLITE_BUSY')
        this.#error({ code }, 'records cannot be stored: another process has DATA_DIR');
      else if (advice !== undefined) this.#error({ code }, `records cannot be stored: ${advice}`);
      else this.#error({ code }, 'records cannot be stored: see DATA_DIR, OUTBOX_MAX_MB and the disk');
    },
  };

  readonly delivery: CourierEvents = {
    delivered: (backend, records, verdicts) => {
      this.#metrics.delivered.inc({ backend }, records);
      for (const verdict of verdicts) {
        this.#metrics.verdicts.inc({ backend, verdict: kindOf(verdict) });
        if (verdict.kind === 'block')
          this.#info({ backend }, 'the vendor would have blocked a recorded call');
      }
    },
    retried: (backend, records, failure, delayMs) => {
      this.#metrics.retried.inc({ backend, kind: failure.kind }, records);
      const fields = { backend, records, failure: loggable(failure), retry_seconds: delayMs / 1000 };
      this.#warn(fields, 'records were not taken and will be tried again');
    },
    dead: (backend, records, reason) => {
      this.#metrics.dead.inc({ backend, reason }, records);
      this.#error({ backend, records, reason }, 'records can never be delivered; see the outbox command');
    },
    held: (backend, isHeld, failure) => {
      if (isHeld) this.#held.add(backend);
      else this.#held.delete(backend);
      this.#metrics.held.set({ backend }, isHeld ? 1 : 0);
      const fields = { backend, ...(failure && { failure: loggable(failure) }) };
      if (isHeld) this.#error(fields, 'the backend refuses our token: its records wait until it takes it');
      else this.#info(fields, 'the backend takes records again');
    },
    storage: (error) => {
      this.#warn({ code: storageCode(error) }, 'the courier could not use the outbox');
    },
  };

  #info(fields: object, msg: string): void {
    this.#write({ level: 'info', fields, msg });
  }

  #warn(fields: object, msg: string): void {
    this.#write({ level: 'warn', fields, msg });
  }

  #error(fields: object, msg: string): void {
    this.#write({ level: 'error', fields, msg });
  }
}

type OutboxFailure = 'full' | 'unavailable';
