import type { RecordsConfig } from '../config/config.ts';
import type { Courier } from '../delivery/courier.ts';
import type { OutboxStats } from '../outbox/outbox.ts';
import type { SqliteOutbox } from '../outbox/sqlite.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { FromWorker } from './protocol.ts';
import type { RecordsObserver } from './records-observer.ts';

export type MaintenanceOptions = Pick<RecordsConfig, 'missingAfterMs' | 'maxAgeMs'> & {
  readonly outbox: SqliteOutbox;
  readonly pendingCalls: PendingCalls;
  readonly courier: Courier;
  readonly observer: RecordsObserver;
  /** Sends the health of records, each second. */
  post(message: FromWorker): void;
};

const LOOK_EVERY_MS = 1000;
const SWEEP_EVERY_MS = 10_000;
/** A call can take that long from its request to its log event. */
const NOTES_MS = 2 * 3_600_000;
/** Part of a bound of the outbox from which on it is in danger. */
const DANGER = 0.8;

/** Work at intervals: calls without a log event, health, the bounds of the outbox, and changes by the outbox command. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => void this.#look(), LOOK_EVERY_MS),
      setInterval(() => void options.outbox.maintain().catch(() => {}), SWEEP_EVERY_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #look(): Promise<void> {
    const { outbox, courier, observer, post, missingAfterMs, pendingCalls } = this.#options;
    let inDanger = false;
    try {
      const now = Date.now();
      observer.eventsMissing(pendingCalls.missing(now - missingAfterMs));
      pendingCalls.forget(now - Math.max(NOTES_MS, missingAfterMs));
      if (await outbox.changedElsewhere()) courier.retryNow();
      inDanger = this.#isInDanger(await outbox.stats());
    } catch {
      // Where the outbox cannot be used it has told the observer
    }
    post({ kind: 'health', health: { ...observer.trouble, inDanger } });
  }

  #isInDanger({ usedBytes, maxBytes, backends }: OutboxStats): boolean {
    const tooOld = Date.now() - this.#options.maxAgeMs * DANGER;
    const isOld = Object.values(backends).some(({ oldestAt }) => oldestAt !== undefined && oldestAt < tooOld);
    return isOld || usedBytes > maxBytes * DANGER;
  }
}
