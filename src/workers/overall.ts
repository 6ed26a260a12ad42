import type { Auditor } from '../audit/auditor.ts';
import type { DecisionKeeper } from '../decisions/keeper.ts';
import type { BridgeFinding } from '../findings/finding.ts';
import { type BridgeState, readinessOf, type Standing, worstOf } from '../http/health.ts';
import type { ReleasesReport } from '../litellm/releases.ts';
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
  readonly findings: () => readonly BridgeFinding[];
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

  /** That of an unsupported release, if a worker has seen one. */
  releases(): ReleasesReport {
    const reports = this.#options.pool.all.flatMap(({ report }) => report?.litellm ?? []);
    const seen = reports.filter(({ oldest_seen }) => oldest_seen !== null);
    return reports.find(({ supported }) => !supported) ?? seen[0] ?? { oldest_seen: null, supported: true };
  }

  get workers(): Overall['workers'] {
    const { pool, wanted } = this.#options;
    return { up: pool.up, wanted };
  }

  /** The body of `/readyz`. */
  readiness(isDraining: boolean): BridgeState {
    const now = this.now();
    return readinessOf({
      ...{ standings: now.standings, records: now.records, litellm: now.litellm },
      ...{ decisions: now.decisions, findings: now.findings, others: now, isDraining },
      audit: { isUp: now.auditIsUp, isShipping: now.auditIsShipping },
      isStateUp: this.#options.pool.all.every(({ report }) => report?.isStateUp !== false),
    });
  }

  now(): Overall {
    const { pool, wanted, records, audit, decisions, findings } = this.#options;
    const { oldest_seen, supported } = this.releases();
    return {
      standings: this.standings(),
      findings: findings(),
      litellm: { oldest_seen: supported ? null : oldest_seen, supported },
      workers: this.workers,
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
    // Workers need neither, and they change all the time
    const json = JSON.stringify(overall, (name, value) =>
      name === 'lastFailure' || name === 'retries' ? undefined : value,
    );
    const now = performance.now();
    if (json === this.#told.json && now - this.#told.at < BEAT_MS) return;
    this.#told = { json, at: now };
    for (const worker of this.#options.pool.all) worker.send({ kind: 'overall', overall });
  }
}
