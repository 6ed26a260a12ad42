import type { DeliveryEvents } from '../delivery/deliver.ts';
import { kindOf } from '../guardrail/verdict.ts';
import { OLDEST_SUPPORTED } from '../litellm/releases.ts';
import { loggable, MAX_LOGGED_ID_CHARS } from '../observability/log.ts';
import { type Accepted, callIdOfKey, OutboxError, type OutboxEvents } from '../outbox/contract.ts';
import { databaseCode } from '../outbox/database-trouble.ts';
import { checkFailureOf } from '../pipeline/access.ts';
import { stateObserver } from '../state/state-observer.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { Receipt } from './posted-rows.ts';
import type { NextTry, RecordsHealth, WriteLog } from './protocol.ts';
import { createRecordsMetrics } from './records-metrics.ts';

/** Counts and logs what happens to records: never their content, nor a vendor's text. */
export class RecordsObserver {
  readonly metrics: ReturnType<typeof createRecordsMetrics>;
  readonly #log: WriteLog;
  /** Everything of {@link RecordsHealth} that is learned from events. */
  trouble: Omit<RecordsHealth, 'inDanger' | 'database'> = {
    ...{ storage: null, held: [], stopped: [], retries: {} },
    oldRelease: false,
  };

  /** Failed deliveries since the last line about them, by backend and failure. */
  readonly #untold = new Map<string, Retries>();

  constructor(backends: readonly string[], log: WriteLog) {
    this.metrics = createRecordsMetrics(backends);
    this.#log = log;
  }

  /** Other backends are in force. */
  configured(backends: readonly string[]): void {
    this.metrics.addBackends(backends);
    for (const backend of this.trouble.held.filter((name) => !backends.includes(name))) {
      this.metrics.held.set({ backend }, 0);
    }
    this.trouble = {
      ...this.trouble,
      held: this.trouble.held.filter((name) => backends.includes(name)),
      stopped: this.trouble.stopped.filter(({ backend }) => backends.includes(backend)),
    };
  }

  /** A POST of log events was stored. */
  received(receipt: Receipt): void {
    for (const [result, rows] of Object.entries(receipt)) this.metrics.rows_total.inc({ result }, rows);
    const warn = (rows: number, message: string) => rows > 0 && this.#log('warn', { rows }, message);
    warn(receipt.legacy, 'log rows of generic_api_use_v1 cannot be read: switch it off in LiteLLM');
    warn(receipt.bad, 'log rows cannot be read; see the outbox command');
    warn(
      receipt.late,
      'calls have a second record: their first could wait no longer; raise FAILURE_GRACE_SECONDS',
    );
  }

  /** An event does not name its call: LiteLLM is older than the oldest supported release. Named once in the log. */
  unnamedEvent(): void {
    if (this.trouble.oldRelease) return;
    this.trouble = { ...this.trouble, oldRelease: true };
    const oldest = OLDEST_SUPPORTED.join('.');
    this.#log(
      'warn',
      { oldest_supported: oldest },
      `log events have no litellm_call_id: LiteLLM is older than ${oldest}, the oldest supported release; they become records of their own`,
    );
  }

  /** The notes on some calls went before their record was complete. */
  notesForgotten(calls: number): void {
    this.metrics.notes_forgotten_total.inc({}, calls);
  }

  /** The notes of other replicas on some calls could not be read: their records can lack verdicts. */
  unjoined(calls: number): void {
    this.metrics.unjoined_calls_total.inc({}, calls);
  }

  /** Records were completed with what had come of their calls after they were stored. */
  amended(records: number): void {
    this.metrics.amended_records_total.inc({}, records);
  }

  /** Of the values that this thread shares: texts of streams and blocked results. */
  readonly state = stateObserver({
    count: (labels) => this.metrics.state_failures_total.inc(labels),
    log: (...line) => this.#log(...line),
    lines: {
      lost: 'texts of streams are not shared with other replicas: records can have them as LiteLLM logged them',
      known: 'texts of streams are shared with other replicas again',
    },
  });

  /** Calls were judged, and LiteLLM logged nothing about them in time. */
  eventsMissing(calls: number): void {
    if (calls === 0) return;
    this.metrics.missing_events_total.inc({}, calls);
    this.#log(
      'warn',
      { calls },
      'calls were judged and no log event of them came within MISSING_EVENT_MINUTES',
    );
  }

  /** The record of a blocked call was stored. One that only this machine has is told: until the database has it, an event of its call that comes to another replica can become a record too. */
  blockStored(callKey: string, accepted: readonly Accepted[]): void {
    for (const result of accepted) {
      this.metrics.rows_total.inc({ result: `block_${result}` });
      if (result === 'deferred')
        this.#log(
          'info',
          { litellm_call_id: shownCallId(callKey) },
          'the record of a blocked call waits on this machine for the database',
        );
    }
  }

  /** The record of a blocked call could not be stored. */
  blockedLost(callKey: string, reason: OutboxError['kind']): void {
    this.metrics.dropped_total.inc({ backend: 'all', reason });
    const litellm_call_id = shownCallId(callKey);
    this.#log('error', { litellm_call_id, reason }, 'the record of a blocked call was lost');
  }

  /** Tells of failed deliveries; once a second, as there can be hundreds. The first of a kind is told at once. */
  tellRetries(): void {
    for (const [key, untold] of this.#untold) {
      if (untold.records === 0) this.#untold.delete(key);
      else {
        this.#retried(untold);
        this.#untold.set(key, { ...untold, records: 0 });
      }
    }
  }

  #retried({ backend, records, failure, delayMs }: Retries): void {
    const fields = { backend, records, failure, retry_seconds: delayMs / 1000 };
    this.#log('warn', fields, 'records were not taken and will be tried again');
  }

  /** A mistake of ours about a message. */
  bug(error: unknown, message: string): void {
    this.#log('error', { failure: loggable({ kind: 'bug', error }), message }, 'telemetry failed');
  }

  readonly outbox: OutboxEvents = {
    damaged: (damage) => {
      this.metrics.damage_total.inc();
      this.#log('error', damage, 'the outbox was damaged and put aside; what could be read was kept');
    },
    unreadable: (backend) => {
      this.metrics.dead_total.inc({ backend, reason: 'damaged' });
      this.#log('error', { backend }, 'a record was damaged on disk and is a dead letter');
    },
    expired: (backend, records) => {
      this.metrics.dropped_total.inc({ backend, reason: 'expired' }, records);
      this.#log(
        'error',
        { backend, records },
        'undelivered records were dropped: older than OUTBOX_MAX_AGE_HOURS',
      );
    },
    crowded: (rows) => {
      this.metrics.dropped_total.inc({ backend: 'intake', reason: 'crowded' }, rows);
      this.#log('warn', { rows }, 'unreadable log rows were dropped for newer ones');
    },
    unavailable: (code, advice = 'see DATA_DIR, OUTBOX_MAX_MB and the disk') => {
      this.trouble = { ...this.trouble, storage: code ?? null };
      const reason = code === 'SQLITE_BUSY' ? 'another process has DATA_DIR' : advice;
      if (code === undefined) this.#log('info', {}, 'records can be stored again');
      else this.#log('error', { code }, `records cannot be stored: ${reason}`);
    },
  };

  #retries(backend: string, next: NextTry | undefined): void {
    const { [backend]: before, ...others } = this.trouble.retries;
    if (before === undefined && next === undefined) return;
    const retries = next === undefined ? others : { ...others, [backend]: next };
    this.trouble = { ...this.trouble, retries };
  }

  readonly delivery: DeliveryEvents = {
    delivered: (backend, records, verdicts) => {
      this.metrics.delivered_total.inc({ backend }, records);
      this.#retries(backend, undefined);
      for (const verdict of verdicts) {
        this.metrics.verdicts_total.inc({ backend, verdict: kindOf(verdict) });
        if (verdict.kind === 'block')
          this.#log('info', { backend }, 'the vendor would have blocked a recorded call');
      }
    },
    retried: (backend, records, failure, delayMs) => {
      this.metrics.retried_total.inc({ backend, kind: failure.kind }, records);
      this.#retries(backend, { ...checkFailureOf(failure), at: Date.now() + delayMs });
      const told = { backend, failure: loggable(failure), delayMs };
      const key = `${backend} ${JSON.stringify(told.failure)}`;
      const untold = this.#untold.get(key);
      this.#untold.set(key, { ...told, records: untold === undefined ? 0 : untold.records + records });
      if (untold === undefined) this.#retried({ ...told, records });
    },
    dead: (backend, records, reason) => {
      this.metrics.dead_total.inc({ backend, reason }, records);
      this.#log(
        'error',
        { backend, records, reason },
        'records can never be delivered; see the outbox command',
      );
    },
    held: (backend, isHeld, failure) => {
      const others = this.trouble.held.filter((name) => name !== backend);
      const stopped = this.trouble.stopped.filter((stop) => stop.backend !== backend);
      this.trouble = { ...this.trouble, stopped, held: isHeld ? [...others, backend] : others };
      this.metrics.held.set({ backend }, isHeld ? 1 : 0);
      const fields = { backend, ...(failure && { failure: loggable(failure) }) };
      if (isHeld)
        this.#log('error', fields, 'the backend refuses our token: its records wait until it takes it');
      else this.#log('info', fields, 'the backend takes records again');
    },
    stopped: (backend, failure) => {
      const stop = { backend, failure: failure?.kind ?? null, since: Date.now() };
      this.trouble = { ...this.trouble, stopped: [...this.trouble.stopped, stop] };
      const fields = { backend, ...(failure && { failure: loggable(failure) }) };
      this.#log('warn', fields, 'delivery stopped: the backend takes no records, which wait until it does');
    },
    resumed: (backend) => {
      const others = this.trouble.stopped.filter((stop) => stop.backend !== backend);
      this.trouble = { ...this.trouble, stopped: others };
      this.#log('info', { backend }, 'delivery resumed: the backend takes records again');
    },
    storage: (error) => {
      const code = error instanceof OutboxError ? databaseCode(error) : storageCode(error);
      this.#log('warn', { code }, 'the outbox cannot be used for deliveries: they wait until it can');
    },
    bug: (error) => this.bug(error, 'delivery'),
  };
}

/** Records that a backend did not take, for one reason. */
type Retries = {
  readonly backend: string;
  readonly records: number;
  readonly failure: object;
  readonly delayMs: number;
};

function shownCallId(callKey: string): string | null {
  return callIdOfKey(callKey)?.slice(0, MAX_LOGGED_ID_CHARS) ?? null;
}
