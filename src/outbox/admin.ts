import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { transaction } from '../storage/database.ts';
import { isLocked } from '../storage/lock.ts';
import { OUTBOX_FILE } from './contract.ts';
import {
  BACKEND_NAMES,
  type Backlog,
  isIntact,
  OutboxQueries,
  prepareAll,
  type Statements,
} from './queries.ts';
import { DEAD, formatOf, READY, VERSION, VersionError, WAITING } from './schema.ts';

/** There is no outbox in the folder: `missing`, or `not_an_outbox`. */
export class NoOutboxError extends Error {
  override readonly name = 'NoOutboxError';
}

/** Selects deliveries; all of them without any field. */
export type Selection = { readonly backend?: string | undefined; readonly dead?: boolean | undefined };

/** Identifies a delivery. */
export type DeliveryKey = { readonly backend: string; readonly state: number; readonly record: number };

/** A record that one backend has not got. Times are Unix milliseconds. */
export type Delivery = DeliveryKey & {
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

/** A record. `body` is undefined when no backend needs it any more; `intact` is true if it is what was stored. */
export type StoredRecord = Pick<Delivery, 'recordId' | 'callKey' | 'outcome' | 'acceptedAt'> & {
  readonly id: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly body: string | undefined;
  readonly intact: boolean;
};

/** Most records returned where one was meant. */
export const MAX_FOUND = 10;

/** Time that a command waits for a bridge that writes. */
const BUSY_MS = 5000;

const DELIVERIES = `
  SELECT backend, state, record, due_at AS dueAt, attempts, reason, coalesce(record_id, '') AS recordId,
    coalesce(call_key, '') AS callKey, coalesce(outcome, '') AS outcome, coalesce(accepted_at, 0) AS acceptedAt,
    coalesce(held_until, 0) AS heldUntil
  FROM delivery LEFT JOIN record ON id = record`;

const SQL = {
  page: `${DELIVERIES} WHERE backend = ? AND state = ? AND record > ? ORDER BY record LIMIT ?`,
  ofRecord: `
    ${DELIVERIES} WHERE backend IN (${BACKEND_NAMES}) AND state IN (${READY}, ${WAITING}, ${DEAD}) AND record = ?
    ORDER BY backend`,
  byId: 'SELECT id FROM record WHERE id = ?',
  byRecordId: `SELECT id FROM record WHERE substr(record_id, 1, ?) = ? ORDER BY id LIMIT ${MAX_FOUND}`,
  load: `
    SELECT record_id AS recordId, call_key AS callKey, outcome, started_at AS startedAt, ended_at AS endedAt,
      accepted_at AS acceptedAt, checksum, body FROM record LEFT JOIN payload USING (id) WHERE id = ?`,
  putBack: `
    UPDATE delivery SET state = ${READY}, due_at = ?, attempts = 0, reason = NULL
    WHERE backend = ? AND state = ? AND record = ?`,
};

/** True while a bridge has the outbox of this folder open. */
export function isServed(dir: string): boolean {
  return isLocked(path.join(dir, 'outbox.lock'));
}

/**
 * The outbox as an operator sees it, in a file that a bridge may be writing at the same time: reads are short, and
 * changes are made a page at a time. It creates no outbox, mends none and migrates none.
 */
export class OutboxAdmin {
  readonly #db: DatabaseSync;
  readonly #queries: OutboxQueries;
  readonly #sql: Statements<typeof SQL>;

  /** @throws NoOutboxError, VersionError, and errors of SQLite */
  constructor(dir: string, access: 'read' | 'write') {
    const file = path.join(dir, OUTBOX_FILE);
    if (fs.statSync(file, { throwIfNoEntry: false }) === undefined) throw new NoOutboxError('missing');
    this.#db = new DatabaseSync(file, { readOnly: access === 'read', timeout: BUSY_MS });
    try {
      const { isOutbox, version } = formatOf(this.#db);
      if (!isOutbox) throw new NoOutboxError('not_an_outbox');
      if (version !== VERSION) throw new VersionError(version);
      this.#queries = new OutboxQueries(this.#db);
      this.#sql = prepareAll(this.#db, SQL);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Bytes of the file in use. */
  usedBytes(): number {
    return this.#queries.usedBytes();
  }

  /** The backends that have not got everything. */
  backends(): string[] {
    return this.#queries.backends();
  }

  backlogs(now: number): Backlog[] {
    return this.#queries.backlogs(now);
  }

  count({ backend, dead }: Selection): number {
    return this.backlogs(0)
      .filter((one) => backend === undefined || one.backend === backend)
      .reduce((sum, one) => sum + one.dead + (dead ? 0 : one.due + one.waiting), 0);
  }

  /** The next deliveries in the order of records, about `limit` of them: those of one record are not parted. */
  page({ backend, dead }: Selection, after: number, limit: number): Delivery[] {
    const states = dead ? [DEAD] : [READY, WAITING, DEAD];
    const backends = backend === undefined ? this.backends() : [backend];
    const { page } = this.#sql;
    const rows = backends.flatMap((name) => states.flatMap((state) => page.all(name, state, after, limit)));
    const found = (rows as unknown as Delivery[]).sort((a, b) => a.record - b.record);
    const last = found[limit - 1]?.record ?? Number.POSITIVE_INFINITY;
    return found.filter(({ record }) => record <= last);
  }

  deliveriesOf(id: number, { backend, dead }: Selection = {}): Delivery[] {
    const all = this.#sql.ofRecord.all(id) as unknown as Delivery[];
    return all.filter((one) => (!backend || one.backend === backend) && (!dead || one.state === DEAD));
  }

  /** Finds records by an id, or by how a `record_id` begins; {@link MAX_FOUND} at most. */
  find(word: string): number[] {
    const exact = /^\d{1,15}$/.test(word) ? this.#sql.byId.all(Number(word)) : [];
    const found = exact.length > 0 ? exact : this.#sql.byRecordId.all(word.length, word);
    return found.map(({ id }) => Number(id));
  }

  load(id: number): StoredRecord | undefined {
    const row = this.#sql.load.get(id);
    if (row === undefined) return undefined;
    const { checksum: _, body, ...fields } = row;
    const text = typeof body === 'string' ? body : undefined;
    return { id, ...fields, body: text, intact: isIntact(row) } as unknown as StoredRecord;
  }

  /** Makes deliveries due, as if they had never been tried. Returns those that were where the key says. */
  retry<Key extends DeliveryKey>(keys: readonly Key[], now: number): Key[] {
    const { putBack } = this.#sql;
    return transaction(this.#db, () =>
      keys.filter(({ backend, state, record }) => putBack.run(now, backend, state, record).changes !== 0),
    );
  }

  /** Gives deliveries up, with the content that no backend needs any more. Returns those that were where the key says. */
  drop<Key extends DeliveryKey>(keys: readonly Key[]): Key[] {
    return transaction(this.#db, () =>
      keys.filter(({ backend, state, record }) => this.#queries.drop(backend, state, record)),
    );
  }

  close(): void {
    this.#db.close();
  }
}
