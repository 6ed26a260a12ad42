import type { Auditor } from '../audit/auditor.ts';
import type { DecisionKeeper } from '../decisions/keeper.ts';
import { type Standing, worstOf } from '../http/health.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import type { WorkerPool } from './pool.ts';
import type { Overall } from './protocol.ts';

/** Workers are told the state of all whenever it has changed, and else so often. */
const BEAT_MS = 1000;

export type OverallOptions = {
  readonly pool: WorkerPool;
  /** Number of workers that there are to be. */
  readonly wanted: number;
  readonly records: RecordsThread | undefined;
  readonly audit: Pick<Auditor, 'isUp' | 'isShipping'>;
  readonly decisions: Pick<DecisionKeeper, 'health'> | undefined;
};

/** The state of all processes, and telling workers of it. */
export class OverallState {
  readonly #options: OverallOptions;
  #told = { json: '', at: 0 };

  constructor(options: OverallOptions) {
    this.#options = options;
  }

  /** How backends stand with all workers. */
  standings(): readonly Standing[] {
    return worstOf(this.#options.pool.all.flatMap(({ report }) => report?.standings ?? []));
  }

  now(): Overall {
    const { pool, wanted, records, audit, decisions } = this.#options;
    const reports = pool.all.flatMap(({ report }) => report ?? []);
    const old = reports.find(({ litellm }) => !litellm.supported);
    return {
      standings: this.standings(),
      litellm: old?.litellm ?? { oldest_seen: null, supported: true },
      workers: { up: pool.up, wanted },
      areComplete: !pool.isOpen || pool.up >= wanted,
      records: records?.health(),
      isListening: records?.isListening === true,
      auditIsUp: audit.isUp(),
      auditIsShipping: audit.isShipping(),
      decisions: decisions?.health(),
    };
  }

  /** Tells it to all workers if it has changed, or was not told for a while. */
  tell(): void {
    const overall = this.now();
    const json = JSON.stringify(overall);
    const now = performance.now();
    if (json === this.#told.json && now - this.#told.at < BEAT_MS) return;
    this.#told = { json, at: now };
    for (const worker of this.#options.pool.all) worker.send({ kind: 'overall', overall });
  }
}
