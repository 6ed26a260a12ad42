import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { OutboxError, type OutboxEvents, type RecordOutbox } from '../outbox/contract.ts';
import { DEFERRED } from '../outbox/deferred.ts';
import { EmbeddedOutbox } from '../outbox/embedded-outbox.ts';
import { NoOutbox } from '../outbox/no-outbox.ts';
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
 * The outbox of this machine; with a database the one there, and that of this machine for the times in which it cannot be
 * used. Without a database none of the code for one is loaded.
 */
export async function openOutbox(
  { records, database, keepsRecords }: Pick<WorkerStart, 'records' | 'database' | 'keepsRecords'>,
  inForce: InForce,
  observer: RecordsObserver,
  log: WriteLog,
): Promise<OpenedOutbox> {
  if (!keepsRecords) return { outbox: new NoOutbox(), database: undefined };
  const { dir, maxBytes, maxAgeMs } = records;
  const settings = (events: OutboxEvents) => ({
    ...{ dir, maxBytes, maxAgeMs, events },
    get backends() {
      return inForce.backends;
    },
  });
  if (database === undefined) {
    const outbox = new EmbeddedOutbox(settings(observer.outbox));
    takeBack(outbox, log).catch((error: unknown) => {
      if (!(error instanceof OutboxError)) observer.bug(error, 'handover');
    });
    return { outbox, database: undefined };
  }
  const [{ FallbackOutbox }, { PostgresOutbox }, { Database }, { DatabaseObserver }] = await Promise.all([
    import('../outbox/fallback-outbox.ts'),
    import('../outbox/postgres-outbox.ts'),
    import('../database/database.ts'),
    import('./database-observer.ts'),
  ]);
  const events = new DatabaseObserver(observer, log, database);
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

/** Takes in what waits in a folder for a database that is not configured any more. */
async function takeBack(outbox: EmbeddedOutbox, log: WriteLog): Promise<void> {
  const { backends } = await outbox.stats();
  if ((backends[DEFERRED]?.records ?? 0) === 0) return;
  const { Handover } = await import('../outbox/handover.ts');
  const onTaken = ({ length: entries }: readonly unknown[]) =>
    log(
      'info',
      { entries },
      'entries that waited for a database, which is not set any more, are records here',
    );
  await new Handover({ local: outbox, shared: outbox, onTaken }).entries();
}
