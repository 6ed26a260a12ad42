import type { TelemetryConfig } from '../config/telemetry.ts';
import type { Courier } from '../delivery/courier.ts';
import type { TelemetryMetrics } from '../observability/telemetry-metrics.ts';
import type { OutboxStats } from '../outbox/outbox.ts';
import type { SqliteOutbox } from '../outbox/sqlite.ts';
import type { TelemetryEvents, TelemetryLog } from './events.ts';
import type { Notes } from './notes.ts';
import type { FromWorker } from './protocol.ts';

export type UpkeepOptions = {
  readonly config: TelemetryConfig;
  readonly outbox: SqliteOutbox;
  readonly notes: Notes;
  readonly courier: Courier;
  readonly metrics: TelemetryMetrics;
  readonly log: TelemetryLog;
  readonly events: TelemetryEvents;
  post(message: FromWorker): void;
};

const EVERY_MS = 1000;
const SWEEP_EVERY_MS = 10_000;
/** A call can take that long from its request to its event. */
const NOTES_MS = 2 * 3_600_000;
/** How near to a bound of the outbox is dangerous. */
const DANGER = 0.8;

/** Does what has to be done now and then: bounds, calls without an event, readiness, and what an operator changed. */
export function startUpkeep(options: UpkeepOptions): { stop(): void } {
  const { config, outbox, notes, courier, metrics, log, events, post } = options;

  function countMissing(): void {
    const now = Date.now();
    const calls = notes.missing(now - config.missingAfterMs);
    notes.forget(now - Math.max(NOTES_MS, config.missingAfterMs));
    if (calls === 0) return;
    metrics.missingEvents.inc(calls);
    log('warn', { calls }, 'calls were judged and no log event of them came within MISSING_EVENT_MINUTES');
  }

  function isInDanger({ usedBytes, maxBytes, backends }: OutboxStats): boolean {
    const oldest = Math.min(
      ...Object.values(backends).map(({ oldestAt = Number.POSITIVE_INFINITY }) => oldestAt),
    );
    return usedBytes > maxBytes * DANGER || oldest < Date.now() - config.maxAgeMs * DANGER;
  }

  async function look(): Promise<void> {
    countMissing();
    if (await outbox.changedElsewhere()) courier.poke();
    const inDanger = isInDanger(await outbox.stats());
    post({ kind: 'health', health: { ...events.trouble(), inDanger } });
  }

  // Where the outbox cannot be used its own events have said so
  const unusable = () => post({ kind: 'health', health: { ...events.trouble(), inDanger: false } });
  const timers = [
    setInterval(() => void look().catch(unusable), EVERY_MS),
    setInterval(() => void outbox.maintain().catch(() => {}), SWEEP_EVERY_MS),
  ];
  return {
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
