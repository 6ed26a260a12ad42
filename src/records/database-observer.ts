import { Registry } from 'prom-client';
import type { DatabaseConfig } from '../database/database-config.ts';
import { databaseProblem } from '../database/database-problem.ts';
import { counter, gauge, registerIn } from '../observability/metric.ts';
import type { OutboxEvents, OutboxStats } from '../outbox/contract.ts';
import { DATABASE_TROUBLES, type DatabaseTrouble } from '../outbox/database-trouble.ts';
import type { DatabaseEvents } from '../outbox/fallback-outbox.ts';
import { HANDED_OVER, type HandedOver } from '../outbox/handover.ts';
import type { WriteLog } from './protocol.ts';
import type { RecordsObserver } from './records-observer.ts';

function createDatabaseMetrics(registry: Registry) {
  const metrics = {
    up: gauge('1 while the database that replicas share can be used for records.'),
    fallback_entries: gauge('Entries that wait on this machine for the database.'),
    fallback_bytes: gauge('Size of the outbox on this machine, in which they wait.'),
    handed_over_total: counter(
      'Entries that waited on this machine, by what became of them in the database; refused ones are dead letters here.',
      { result: HANDED_OVER },
    ),
    taken_over_total: counter('Records that a replica was to deliver which is gone: any other does now.', {
      backend: [],
    }),
    failures_total: counter('Uses of the database for records that failed.', { reason: DATABASE_TROUBLES }),
  };
  registerIn(registry, 'guardrail_bridge_database_', metrics);
  metrics.up.set({}, 1);
  return metrics;
}

/** Counts and logs what happens with the database that replicas share, and with the outbox beside it. */
export class DatabaseObserver implements DatabaseEvents {
  readonly #registry = new Registry();
  readonly #metrics = createDatabaseMetrics(this.#registry);
  readonly #observer: RecordsObserver;
  readonly #log: WriteLog;
  readonly #config: Pick<DatabaseConfig, 'url' | 'schema'>;
  /** Why the database cannot be used; null while it can. */
  trouble: DatabaseTrouble | null = null;
  /** Called when an outage has ended. */
  onBack: () => void = () => {};
  /** Not told yet. */
  #handedOver: Partial<Record<HandedOver, number>> = {};
  /** Of this machine's outbox, for the times in which the database cannot be used. */
  readonly local: OutboxEvents;
  /** Of the outbox in the database. */
  readonly shared: OutboxEvents;

  constructor(observer: RecordsObserver, log: WriteLog, config: Pick<DatabaseConfig, 'url' | 'schema'>) {
    this.#config = config;
    this.#observer = observer;
    this.#log = log;
    this.shared = {
      ...observer.outbox,
      unavailable: () => {},
      takenOver: (backend, records) => this.#takenOver(backend, records),
    };
    this.local = { ...observer.outbox, unavailable: (code, advice) => this.#localTrouble(code, advice) };
  }

  failed(reason: DatabaseTrouble): void {
    this.#metrics.failures_total.inc({ reason });
    // Of the latest try: a server that was shutting down is not there any more
    if (this.trouble !== null && reason !== 'slow') this.trouble = reason;
  }

  lost(reason: DatabaseTrouble, code: string): void {
    this.trouble = reason;
    this.#metrics.up.set({}, 0);
    const text = 'the database cannot be used: log events and blocked calls wait in DATA_DIR until it can';
    this.#log('error', { reason, code, problem: databaseProblem(code, this.#config) }, text);
  }

  back({ ms, deferred }: { readonly ms: number; readonly deferred: number }): void {
    const fields = { outage_seconds: Math.round(ms) / 1000, deferred, reason: this.trouble };
    this.trouble = null;
    this.#metrics.up.set({}, 1);
    this.#log('info', fields, 'the database can be used again');
    this.onBack();
  }

  handedOver(results: readonly HandedOver[]): void {
    for (const result of results) {
      this.#metrics.handed_over_total.inc({ result });
      this.#handedOver[result] = (this.#handedOver[result] ?? 0) + 1;
    }
  }

  handoverEnded(): void {
    const counted = this.#handedOver;
    this.#handedOver = {};
    if (Object.keys(counted).length > 0)
      this.#log('info', counted, 'entries that waited in DATA_DIR were handed over to the database');
    const { refused = 0 } = counted;
    if (refused > 0) {
      const text = 'entries cannot be stored in the database; see the outbox command';
      this.#log('error', { entries: refused }, text);
    }
  }

  bug(error: unknown): void {
    this.#observer.bug(error, 'handover');
  }

  /** In Prometheus' text format. @param waiting what there is on this machine; undefined if it cannot be counted */
  async text(waiting: OutboxStats['fallback']): Promise<string> {
    if (waiting !== undefined) {
      this.#metrics.fallback_entries.set({}, waiting.records);
      this.#metrics.fallback_bytes.set({}, waiting.usedBytes);
    }
    return this.#registry.metrics();
  }

  #takenOver(backend: string, records: number): void {
    this.#metrics.taken_over_total.inc({ backend }, records);
    this.#log('warn', { backend, records }, 'a replica is gone: others deliver the records that it held');
  }

  #localTrouble(code: string | undefined, advice?: string): void {
    this.#observer.trouble = { ...this.#observer.trouble, storage: code ?? null };
    if (code === undefined) {
      this.#log('info', {}, 'DATA_DIR can be used again');
      return;
    }
    const why =
      code === 'SQLITE_BUSY' ? 'another process has it' : (advice ?? 'see OUTBOX_MAX_MB and the disk');
    const text = `DATA_DIR cannot be used, and without the database nothing could be stored: ${why}`;
    this.#log('error', { code }, text);
  }
}
