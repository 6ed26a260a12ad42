import type { Courier } from '../delivery/courier.ts';
import type { OutboxStats } from '../outbox/outbox.ts';
import type { SqliteOutbox } from '../outbox/sqlite.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { RecordsHealth } from './protocol.ts';
import type { RecordsObserver } from './records-observer.ts';

export type MaintenanceOptions = {
  readonly outbox: Pick<SqliteOutbox, 'changedElsewhere' | 'stats' | 'maintain'>;
  readonly pendingCalls: PendingCalls;
  readonly courier: Pick<Courier, 'retryNow'>;
  /** After this time a judged call without a log event counts as missing. */
  readonly missingAfterMs: number;
  /** Age at which the outbox drops a record. */
  readonly maxAgeMs: number;
  readonly observer: RecordsObserver;
  /** Called each second. */
  report(health: RecordsHealth): void;
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
    const { outbox, courier, observer, report } = this.#options;
    let inDanger = false;
    try {
      this.#countMissing();
      if (await outbox.changedElsewhere()) courier.retryNow();
      inDanger = this.#isInDanger(await outbox.stats());
    } catch {
      // Where the outbox cannot be used it has told the observer
    }
    report({ ...observer.trouble(), inDanger });
  }

  #countMissing(): void {
    const { pendingCalls, missingAfterMs, observer } = this.#options;
    const now = Date.now();
    const calls = pendingCalls.missing(now - missingAfterMs);
    pendingCalls.forget(now - Math.max(NOTES_MS, missingAfterMs));
    if (calls > 0) observer.eventsMissing(calls);
  }

  #isInDanger({ usedBytes, maxBytes, backends }: OutboxStats): boolean {
    const oldest = Math.min(
      ...Object.values(backends).map(({ oldestAt = Number.POSITIVE_INFINITY }) => oldestAt),
    );
    return usedBytes > maxBytes * DANGER || oldest < Date.now() - this.#options.maxAgeMs * DANGER;
  }
}
