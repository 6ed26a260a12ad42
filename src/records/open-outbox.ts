import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { OutboxEvents, RecordOutbox } from '../outbox/contract.ts';
import { EmbeddedOutbox } from '../outbox/embedded-outbox.ts';
import type { DatabaseObserver } from './database-observer.ts';
import type { InForce } from './in-force.ts';
import type { WorkerStart, WriteLog } from './protocol.ts';
import type { RecordsObserver } from './records-observer.ts';

/** The outbox of the records thread, and who counts what happens with the database if there is one. */
export type OpenedOutbox = {
  readonly outbox: RecordOutbox;
  readonly database: DatabaseObserver | undefined;
};

/**
 * The outbox of this machine; with a database the one there, and that of this machine for the times in which it cannot be used. Opens
 * nothing yet. Without a database none of the code for one is loaded.
 */
export async function openOutbox(
  { records, database }: Pick<WorkerStart, 'records' | 'database'>,
  inForce: InForce,
  observer: RecordsObserver,
  log: WriteLog,
): Promise<OpenedOutbox> {
  const { dir, maxBytes, maxAgeMs } = records;
  const settings = (events: OutboxEvents) => ({
    ...{ dir, maxBytes, maxAgeMs, events },
    get backends() {
      return inForce.backends;
    },
  });
  if (database === undefined) {
    return { outbox: new EmbeddedOutbox(settings(observer.outbox)), database: undefined };
  }
  const [{ FallbackOutbox }, { PostgresOutbox }, { Database }, { DatabaseObserver }] = await Promise.all([
    import('../outbox/fallback-outbox.ts'),
    import('../outbox/postgres-outbox.ts'),
    import('../database/database.ts'),
    import('./database-observer.ts'),
  ]);
  const events = new DatabaseObserver(observer, log);
  const shared = new PostgresOutbox({
    ...{
      database: new Database(database, 'records'),
      replica: randomInt(2 ** 47),
      name: `${hostname()} ${process.pid}`,
    },
    ...{ maxBytes, maxAgeMs, events: events.shared },
    get backends() {
      return inForce.backends;
    },
  });
  const local = new EmbeddedOutbox(settings(events.local));
  return { outbox: new FallbackOutbox({ shared, local, events }), database: events };
}
