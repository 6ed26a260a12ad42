import type { DatabaseSync } from 'node:sqlite';
import type { Key } from './ledger-reads.ts';
import { DEAD, READY, WAITING } from './schema.ts';

/** What became of the deliveries that are followed; the others of `total` are delivered. */
export type Followed = {
  readonly total: number;
  readonly due: number;
  readonly waiting: number;
  readonly dead: number;
};

/** Deliveries that an operator waits for. */
export type Following = { add(keys: readonly Key[]): void; count(now: number): Followed };

/** Follows what becomes of deliveries, by a list that this connection alone sees and that is kept in memory. */
export function follow(db: DatabaseSync): Following {
  db.exec('PRAGMA temp_store = MEMORY');
  db.exec('CREATE TEMP TABLE asked (backend, record, PRIMARY KEY (backend, record)) WITHOUT ROWID');
  const ask = db.prepare('INSERT OR IGNORE INTO asked VALUES (?, ?)');
  const total = db.prepare('SELECT count(*) AS total FROM asked');
  const left = db.prepare(
    `SELECT state, state = ${WAITING} AND due_at > ? AS waits, count(*) AS deliveries
     FROM asked CROSS JOIN delivery USING (backend, record)
     WHERE state IN (${READY}, ${WAITING}, ${DEAD}) GROUP BY 1, 2`,
  );
  return {
    add(keys) {
      for (const { backend, record } of keys) ask.run(backend, record);
    },
    count(now) {
      const found = { total: Number(total.get()?.total), due: 0, waiting: 0, dead: 0 };
      for (const { state, waits, deliveries } of left.all(now)) {
        found[state === DEAD ? 'dead' : waits === 1 ? 'waiting' : 'due'] += Number(deliveries);
      }
      return found;
    },
  };
}
