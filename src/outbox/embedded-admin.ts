import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { transaction } from '../storage/database.ts';
import { isLocked } from '../storage/lock.ts';
import {
  countReasons,
  type Delivery,
  type DeliveryKey,
  firstRecordsOf,
  isId,
  isSelected,
  MAX_FOUND,
  MAX_REASONS,
  type NamedCall,
  type OutboxAdmin,
  type Prospect,
  type RecordOfCall,
  type Selection,
  type StoredRecord,
  statesOf,
} from './admin.ts';
import { OUTBOX_FILE } from './contract.ts';
import { DEFERRED, readDeferred } from './deferred.ts';
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

/** Time that a command waits for a bridge that writes. */
const BUSY_MS = 5000;

const DELIVERIES = `
  SELECT backend, state, record, due_at AS dueAt, attempts, reason, coalesce(record_id, '') AS recordId,
    coalesce(call_key, '') AS callKey, coalesce(outcome, '') AS outcome, coalesce(accepted_at, 0) AS acceptedAt,
    coalesce(held_until, 0) AS heldUntil
  FROM delivery LEFT JOIN record ON id = record`;

const RECORD = `id, record_id AS recordId, outcome, started_at AS startedAt, ended_at AS endedAt, accepted_at AS acceptedAt, trace`;
const MAX_DEFERRED = 20_000;
const HEAD_CHARS = 4000;

const SQL = {
  page: `${DELIVERIES} WHERE backend = ? AND state = ? AND record > ? ORDER BY record LIMIT ?`,
  ofRecord: `
    ${DELIVERIES} WHERE backend IN (${BACKEND_NAMES}) AND state IN (${READY}, ${WAITING}, ${DEAD}) AND record = ?
    ORDER BY backend`,
  nextTry: `SELECT min(due_at) AS at FROM delivery WHERE backend = ? AND state = ${WAITING}`,
  reasons: `SELECT reason FROM delivery WHERE backend = ? AND state = ${DEAD} LIMIT ${MAX_REASONS}`,
  byId: 'SELECT id FROM record WHERE id = ?',
  byRecordId: `SELECT id FROM record WHERE substr(record_id, 1, ?) = ? ORDER BY id LIMIT ${MAX_FOUND}`,
  ofCall: `
    SELECT ${RECORD} FROM record WHERE call_key = ? AND absorbed = 0
    UNION SELECT ${RECORD} FROM record WHERE ref = ? AND absorbed = 0 ORDER BY ended_at DESC LIMIT ${MAX_FOUND}`,
  // An entry that waits for the database tells its call within its content; the first ones alone, as there can be a million
  deferred: `
    SELECT record, body FROM (SELECT record FROM delivery WHERE backend = '${DEFERRED}' ORDER BY record LIMIT ${MAX_DEFERRED})
    JOIN payload ON id = record WHERE instr(substr(body, 1, ${HEAD_CHARS}), ?) > 0 LIMIT ${MAX_FOUND}`,
  load: `
    SELECT record_id AS recordId, call_key AS callKey, outcome, started_at AS startedAt, ended_at AS endedAt,
      accepted_at AS acceptedAt, checksum, body FROM record LEFT JOIN payload USING (id) WHERE id = ?`,
  putBack: `
    UPDATE delivery SET state = ${READY}, due_at = ?, attempts = 0, reason = NULL
    WHERE backend = ? AND state = ? AND record = ?`,
};

/** True while a bridge has the outbox of this folder open. */
function isServed(dir: string): boolean {
  return isLocked(path.join(dir, 'outbox.lock'));
}

/**
 * The embedded outbox, in a file that a bridge may be writing at the same time: reads are short, and
 * changes are made a page at a time. It creates no outbox, mends none and migrates none.
 */
export class EmbeddedAdmin implements OutboxAdmin {
  readonly #dir: string;
  readonly #db: DatabaseSync;
  readonly #queries: OutboxQueries;
  readonly #sql: Statements<typeof SQL>;

  /** @throws NoOutboxError, VersionError, and errors of SQLite */
  constructor(dir: string, access: 'read' | 'write') {
    this.#dir = dir;
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

  async isServed(): Promise<boolean> {
    return isServed(this.#dir);
  }

  async usedBytes(): Promise<number> {
    return this.#queries.usedBytes();
  }

  async backends(): Promise<string[]> {
    return this.#queries.backends();
  }

  async backlogs(now: number): Promise<Backlog[]> {
    return this.#queries.backlogs(now);
  }

  async prospects(): Promise<Prospect[]> {
    return this.#queries.backends().map((backend) => {
      const { at } = this.#sql.nextTry.get(backend) as { at: number | null };
      const reasons = this.#sql.reasons.all(backend) as { reason: string | null }[];
      return {
        backend,
        nextTryAt: at ?? undefined,
        deadBy: countReasons(reasons.map(({ reason }) => reason)),
      };
    });
  }

  async page(selection: Selection, after: number, limit: number): Promise<Delivery[]> {
    const states = statesOf(selection);
    const { backend } = selection;
    const backends = backend === undefined ? this.#queries.backends() : [backend];
    const { page } = this.#sql;
    const rows = backends.flatMap((name) => states.flatMap((state) => page.all(name, state, after, limit)));
    return firstRecordsOf(rows as unknown as Delivery[], limit);
  }

  async deliveriesOf(id: number, selection: Selection = {}): Promise<Delivery[]> {
    const all = this.#sql.ofRecord.all(id) as unknown as Delivery[];
    return all.filter((one) => isSelected(one, selection));
  }

  async find(word: string): Promise<number[]> {
    const exact = isId(word) ? this.#sql.byId.all(Number(word)) : [];
    const found = exact.length > 0 ? exact : this.#sql.byRecordId.all(word.length, word);
    return found.map(({ id }) => Number(id));
  }

  async ofCall({ callId, ref }: NamedCall): Promise<RecordOfCall[]> {
    const found = this.#sql.ofCall.all(callId, ref) as unknown as RecordOfCall[];
    const word = callId ?? ref;
    if (word === null) return found;
    const waiting = this.#sql.deferred.all(JSON.stringify(word)) as { record: number; body: string }[];
    return [...found, ...waiting.flatMap(({ record, body }) => deferredOf({ callId, ref }, record, body))];
  }

  async load(id: number): Promise<StoredRecord | undefined> {
    const row = this.#sql.load.get(id);
    if (row === undefined) return undefined;
    const { checksum: _, body, ...fields } = row;
    const text = typeof body === 'string' ? body : undefined;
    return { id, ...fields, body: text, intact: isIntact(row) } as unknown as StoredRecord;
  }

  async retry<Key extends DeliveryKey>(keys: readonly Key[], now: number): Promise<Key[]> {
    const { putBack } = this.#sql;
    return transaction(this.#db, () =>
      keys.filter(({ backend, state, record }) => putBack.run(now, backend, state, record).changes !== 0),
    );
  }

  async drop<Key extends DeliveryKey>(keys: readonly Key[]): Promise<Key[]> {
    return transaction(this.#db, () =>
      keys.filter(({ backend, state, record }) => this.#queries.drop(backend, state, record)),
    );
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

/** An entry that waits for the database, as the record of a call that it will be. */
function deferredOf({ callId, ref }: NamedCall, id: number, body: string): RecordOfCall[] {
  const deferred = readDeferred(body);
  if (deferred === undefined || !('entry' in deferred)) return [];
  const { entry } = deferred;
  if (callId === null ? entry.ref !== ref : entry.callKey !== callId) return [];
  const { outcome, startedAt, endedAt, acceptedAt = endedAt, trace = null } = entry;
  return [{ id, recordId: '', outcome, startedAt, endedAt, acceptedAt, trace }];
}
