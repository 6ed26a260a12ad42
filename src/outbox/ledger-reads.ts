import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { DEAD, READY, WAITING } from './schema.ts';

/** Which deliveries are meant; without anything, all of them. */
export type Selection = { readonly backend?: string | undefined; readonly dead?: boolean | undefined };

/** What a delivery is known by. */
export type Key = { readonly backend: string; readonly state: number; readonly record: number };

/** A record that one backend has not got. Times are Unix milliseconds. */
export type Delivery = Key & {
  readonly dueAt: number;
  readonly attempts: number;
  readonly reason: string | null;
  readonly recordId: string;
  readonly callKey: string;
  readonly outcome: string;
  readonly acceptedAt: number;
  /** Until then another event of its call can take its place; 0 for most. */
  readonly heldUntil: number;
};

/** A record. `body` is undefined when no backend needs it any more; `intact` tells whether it is what was stored. */
export type StoredRecord = Pick<Delivery, 'recordId' | 'callKey' | 'outcome' | 'acceptedAt'> & {
  readonly id: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly body: string | undefined;
  readonly intact: boolean;
};

export type LedgerBacklog = {
  readonly backend: string;
  readonly due: number;
  readonly waiting: number;
  readonly dead: number;
  /** When the oldest that is due or waits was accepted, and the oldest dead letter. */
  readonly oldestAt: number | undefined;
  readonly oldestDeadAt: number | undefined;
};

/** The most that an operator is shown where one was meant. */
export const MAX_FOUND = 10;

/** A step in the key for each name, where DISTINCT reads every row. */
const NAMES = `
  WITH RECURSIVE names (backend) AS (
    SELECT min(backend) FROM delivery
    UNION ALL SELECT (SELECT min(backend) FROM delivery WHERE backend > names.backend) FROM names
    WHERE backend IS NOT NULL)
  SELECT backend FROM names WHERE backend IS NOT NULL`;

const DELIVERIES = `
  SELECT backend, state, record, due_at AS dueAt, attempts, reason, coalesce(record_id, '') AS recordId,
    coalesce(call_key, '') AS callKey, coalesce(outcome, '') AS outcome, coalesce(accepted_at, 0) AS acceptedAt,
    coalesce(held_until, 0) AS heldUntil
  FROM delivery LEFT JOIN record ON id = record`;

/** What can be asked of an outbox, each answered by short reads. */
export function prepareReads(db: DatabaseSync) {
  const q = (sql: string): StatementSync => db.prepare(sql);
  const backendNames = q(NAMES);
  const counts = q(
    'SELECT backend, state, count(*) AS deliveries, min(record) AS first FROM delivery GROUP BY backend, state',
  );
  const overdue = q(
    `SELECT backend, count(*) AS deliveries FROM delivery WHERE state = ${WAITING} AND due_at <= ? GROUP BY backend`,
  );
  const acceptedAt = q('SELECT accepted_at FROM record WHERE id = ?');
  const page = q(`${DELIVERIES} WHERE backend = ? AND state = ? AND record > ? ORDER BY record LIMIT ?`);
  const ofRecord = q(
    `${DELIVERIES} WHERE backend IN (${NAMES}) AND state IN (${READY}, ${WAITING}, ${DEAD}) AND record = ?
     ORDER BY backend`,
  );
  const byId = q('SELECT id FROM record WHERE id = ?');
  const byRecordId = q(
    `SELECT id FROM record WHERE substr(record_id, 1, ?) = ? ORDER BY id LIMIT ${MAX_FOUND}`,
  );
  const load = q(
    `SELECT record_id AS recordId, call_key AS callKey, outcome, started_at AS startedAt, ended_at AS endedAt,
       accepted_at AS acceptedAt, checksum, body FROM record LEFT JOIN payload USING (id) WHERE id = ?`,
  );

  const names = () => backendNames.all().map(({ backend }) => String(backend));
  return {
    /** The backends that have not got everything. */
    names,

    backlogs(now: number): LedgerBacklog[] {
      const groups = counts.all();
      const late = overdue.all(now);
      return [...new Set(groups.map(({ backend }) => String(backend)))].map((backend) => {
        const group = (state: number) => groups.find((row) => row.backend === backend && row.state === state);
        const number = (state: number) => Number(group(state)?.deliveries ?? 0);
        const oldest = (...states: number[]) => {
          const times = states
            .map((state) => acceptedAt.get(group(state)?.first ?? 0)?.accepted_at)
            .filter((at) => at !== undefined);
          return times.length > 0 ? Math.min(...times.map(Number)) : undefined;
        };
        const isDue = Number(late.find((row) => row.backend === backend)?.deliveries ?? 0);
        return {
          backend,
          due: number(READY) + isDue,
          waiting: number(WAITING) - isDue,
          dead: number(DEAD),
          oldestAt: oldest(READY, WAITING),
          oldestDeadAt: oldest(DEAD),
        };
      });
    },

    count({ backend, dead }: Selection): number {
      return counts
        .all()
        .filter((row) => (backend === undefined || row.backend === backend) && (!dead || row.state === DEAD))
        .reduce((sum, { deliveries }) => sum + Number(deliveries), 0);
    },

    /** The next ones in the order of records, about `limit` of them: those of one record are not parted. */
    page({ backend, dead }: Selection, after: number, limit: number): Delivery[] {
      const states = dead ? [DEAD] : [READY, WAITING, DEAD];
      const found = (backend === undefined ? names() : [backend])
        .flatMap((name) => states.flatMap((state) => page.all(name, state, after, limit)))
        .map((row) => row as unknown as Delivery)
        .sort((a, b) => a.record - b.record);
      const last = found[limit - 1]?.record ?? Number.POSITIVE_INFINITY;
      return found.filter(({ record }) => record <= last);
    },

    deliveriesOf(id: number, { backend, dead }: Selection = {}): Delivery[] {
      const all = ofRecord.all(id).map((row) => row as unknown as Delivery);
      return all.filter(
        (one) => (backend === undefined || one.backend === backend) && (!dead || one.state === DEAD),
      );
    },

    /** The records that are meant by an id, or by how a `record_id` begins. */
    find(word: string): number[] {
      const exact = /^\d{1,15}$/.test(word) ? byId.all(Number(word)) : [];
      const found = exact.length > 0 ? exact : byRecordId.all(word.length, word);
      return found.map(({ id }) => Number(id));
    },

    load(id: number): StoredRecord | undefined {
      const row = load.get(id);
      if (row === undefined) return undefined;
      const { checksum, body, ...rest } = row;
      const text = typeof body === 'string' ? body : undefined;
      const intact = text !== undefined && crc32(text) === checksum;
      return { id, ...rest, body: text, intact } as unknown as StoredRecord;
    },
  };
}
