import { Database } from '../database/database.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import { type Growth, growing } from '../guardrail/growing-wait.ts';
import { within } from '../guardrail/within.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { DecisionStore } from './decision-store.ts';
import { DecisionTable } from './decision-table.ts';
import type { DecisionsConfig, FromDecisions } from './protocol.ts';

export type DecisionShippingOptions = Pick<DecisionsConfig, 'days' | 'maxBytes'> & {
  readonly database: DatabaseConfig;
  readonly store: Pick<DecisionStore, 'unshipped' | 'shipped' | 'countUnshipped'>;
  readonly post: (message: FromDecisions) => void;
};

const BATCH_ROWS = 500;
/** Rows wait so long for others, and for what comes to be known of their calls. */
const GATHER_MS = 500;
const RETRY: Growth = { firstMs: 1000, maxMs: 30_000 };
const SWEEP_MS = 60_000;
/** Time for connections to end; one to a server that is gone does not. */
const LAST_MS = 200;

/**
 * Brings rows from the file into the database, oldest first. The file knows which are still to be brought: one that was on its way when
 * the process ended is brought again, and takes its own place.
 */
export class DecisionShipping {
  readonly #options: DecisionShippingOptions;
  readonly #table: DecisionTable;
  /** Pending before a run: after a failure for longer. */
  #timer: NodeJS.Timeout | undefined;
  readonly #sweepTimer: NodeJS.Timeout;
  #isRunning = false;
  #run = Promise.resolve();
  /** Failures in a row. */
  #failures = 0;
  #couldSweep = true;
  #isClosed = false;

  constructor(options: DecisionShippingOptions) {
    this.#options = options;
    const database = new Database(options.database, 'decisions');
    this.#table = new DecisionTable(database, () => database.close());
    // Replicas that start together do not come together
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS * (0.75 + Math.random() / 2));
    this.wake();
  }

  /** There are new rows. */
  wake(): void {
    if (!this.#isRunning && !this.#isClosed) this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
  }

  /** Tries for some time to bring the rest. */
  async close(ms: number): Promise<void> {
    clearInterval(this.#sweepTimer);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isRunning) this.#start();
    await within(ms, this.#run);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await within(LAST_MS, this.#table.close());
  }

  #start(): void {
    this.#timer = undefined;
    this.#isRunning = true;
    this.#run = this.#ship().then(
      () => this.#done(),
      (error: unknown) => this.#failed(error),
    );
  }

  async #ship(): Promise<void> {
    const { store } = this.#options;
    for (;;) {
      const rows = store.unshipped(BATCH_ROWS);
      if (rows.length === 0) return;
      await this.#table.put(rows);
      if (this.#isClosed) return;
      store.shipped(rows);
    }
  }

  #done(): void {
    this.#isRunning = false;
    if (this.#isClosed) return;
    if (this.#failures > 0) this.#log('info', {}, 'decisions reach the database again');
    this.#failures = 0;
    this.#tell(0);
  }

  #failed(error: unknown): void {
    this.#isRunning = false;
    if (this.#isClosed) return;
    if (this.#failures++ === 0)
      this.#log('warn', this.#problemOf(error), 'decisions do not reach the database; they stay in DATA_DIR');
    this.#tell(1);
    const waitMs = growing(RETRY, this.#failures) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#start(), waitMs);
  }

  #sweep(): void {
    const { days, maxBytes } = this.#options;
    if (this.#failures > 0) return;
    this.#table.sweep(days, maxBytes).then(
      () => {
        this.#couldSweep = true;
      },
      (error: unknown) => {
        if (this.#couldSweep && !this.#isClosed)
          this.#log('warn', this.#problemOf(error), 'old decisions could not be deleted from the database');
        this.#couldSweep = false;
      },
    );
  }

  #tell(failures: number): void {
    const isUp = this.#failures === 0;
    this.#options.post({ kind: 'shipping', unshipped: this.#unshipped(), failures, isUp });
  }

  #unshipped(): number {
    try {
      return this.#options.store.countUnshipped();
    } catch {
      // The file cannot be read, which those who write are told
      return 0;
    }
  }

  #problemOf(error: unknown): object {
    const code = storageCode(error);
    const { database } = this.#options;
    return { code, ...(error instanceof DatabaseError && { problem: databaseProblem(code, database) }) };
  }

  #log(level: 'info' | 'warn', fields: object, message: string): void {
    this.#options.post({ kind: 'log', line: [level, fields, message] });
  }
}
