import { hash } from 'node:crypto';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { removeDatabase, transaction } from '../storage/database.ts';
import { isAboutValues } from '../storage/storage-code.ts';
import { DamagedOutbox, type Row, repairFirstPage } from './damaged.ts';
import { DEFERRED, isDeferred } from './deferred.ts';
import { isIntact } from './queries.ts';
import { DEAD, READY, WAITING } from './schema.ts';

/** Records at a time, so that a large outbox is not in memory as a whole. */
const BLOCK = 500;

const RECORD =
  'id, record_id, call_key, outcome, event_key, started_at, ended_at, trace, ref, accepted_at, held_until, absorbed, pending';
const DELIVERY = 'backend, state, record, due_at, attempts, reason';
const STATES = [READY, WAITING, DEAD];

/**
 * Copies what can still be read of a damaged outbox into a new one. A record whose queue entry is lost goes to every
 * backend: rather twice than never, and under the same `record_id`.
 *
 * @param db has the tables and nothing in them
 * @param configured the backends of now, beside those that the file names
 * @returns how many undelivered records were kept
 */
export function salvage(damaged: string, db: DatabaseSync, configured: readonly string[]): number {
  const repaired = `${damaged}.repaired`;
  let source = DamagedOutbox.open(damaged);
  try {
    if (source === undefined) {
      repairFirstPage(damaged, repaired, String(db.location()));
      source = DamagedOutbox.open(repaired);
    }
    const readable = source;
    return readable === undefined ? 0 : transaction(db, () => copy(readable, db, configured));
  } finally {
    source?.close();
    removeDatabase(repaired);
  }
}

function copy(source: DamagedOutbox, db: DatabaseSync, configured: readonly string[]): number {
  const named = ['', 'ORDER BY backend DESC'].flatMap((order) =>
    source.rows(`SELECT DISTINCT backend FROM delivery ${order}`).map(({ backend }) => String(backend)),
  );
  const backends = [...new Set([...configured, ...named])].filter((name) => name !== DEFERRED);
  const ids = Float64Array.from(new Set([...source.ids('record'), ...source.ids('payload')])).sort();
  // Since version 2
  const hasTrace = source.rows("SELECT 1 FROM pragma_table_info('record') WHERE name = 'trace'").length > 0;
  const columns = hasTrace ? RECORD : RECORD.replace('trace', 'NULL AS trace');
  const insertRecord = insertInto(db, 'record', RECORD);
  const insertPayload = insertInto(db, 'payload', 'id, checksum, body');
  const insertDelivery = insertInto(db, 'delivery', DELIVERY);
  const setPending = db.prepare('UPDATE record SET pending = ? WHERE id = ?');
  let kept = 0;
  for (let i = 0; i < ids.length; i += BLOCK) {
    const block = ids.subarray(i, i + BLOCK);
    const records = rowsOf(source, 'record', columns, block);
    const payloads = rowsOf(source, 'payload', 'id, checksum, body', block);
    const deliveries = deliveriesOf(source, [...backends, DEFERRED], block);
    for (const id of block) {
      const record = records.get(id);
      const payload = payloads.get(id);
      const isStored = record !== undefined && insertRecord({ ...record, pending: 0 });
      if (payload === undefined || !isIntact(payload)) continue;
      if (!isStored && !insertRecord(rebuilt(id, String(payload.body)))) continue;
      insertPayload(payload);
      const queued = (deliveries.get(id) ?? []).filter(insertDelivery).length;
      const receivers = isDeferred(String(payload.body)) ? [DEFERRED] : backends;
      const lost = queued > 0 ? [] : receivers;
      for (const backend of lost) {
        insertDelivery({ backend, state: READY, record: id, due_at: 0, attempts: 0, reason: null });
      }
      setPending.run(queued + lost.length, id);
      kept++;
    }
  }
  const insertNote = insertInto(db, 'note', 'size_before, chunk');
  for (const id of [...source.ids('note')].sort((a, b) => a - b)) {
    source.rows('SELECT size_before, chunk FROM note WHERE id = ?', id).forEach(insertNote);
  }
  return kept;
}

/** The function returns true if a row could be stored: in a damaged one a column can hold what it must not. */
function insertInto(db: DatabaseSync, table: string, columns: string): (row: Row) => boolean {
  const names = columns.split(', ');
  const places = names.map(() => '?').join(', ');
  const insert = db.prepare(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${places})`);
  return (row) => {
    try {
      return insert.run(...names.map((name): SQLInputValue => row[name] ?? null)).changes === 1;
    } catch (error) {
      if (isAboutValues(error)) return false;
      throw error;
    }
  };
}

/** Reads the rows with these ids, one by one those that a damaged page among them keeps back. */
function rowsOf(source: DamagedOutbox, table: string, columns: string, ids: Float64Array): Map<number, Row> {
  const select = `SELECT ${columns} FROM ${table} WHERE id`;
  const found = source.rows(`${select} BETWEEN ? AND ?`, ids[0] ?? 0, ids.at(-1) ?? 0);
  const rows = new Map(found.map((row) => [Number(row.id), row]));
  for (const id of ids) {
    if (!rows.has(id)) for (const row of source.rows(`${select} = ?`, id)) rows.set(id, row);
  }
  return rows;
}

/** Reads the queue entries of these ids, from both ends of each queue; one of a backend for each id. */
function deliveriesOf(
  source: DamagedOutbox,
  backends: readonly string[],
  ids: Float64Array,
): Map<number, Row[]> {
  const select = `SELECT ${DELIVERY} FROM delivery WHERE backend = ? AND state = ? AND record BETWEEN ? AND ? ORDER BY record`;
  const queues = backends.flatMap((backend) => STATES.map((state) => [backend, state] as const));
  const deliveries = new Map<number, Row[]>();
  for (const [backend, state] of queues) {
    const range = [backend, state, ids[0] ?? 0, ids.at(-1) ?? 0] as const;
    for (const row of [...source.rows(select, ...range), ...source.rows(`${select} DESC`, ...range)]) {
      const others = deliveries.get(Number(row.record)) ?? [];
      if (!others.some((one) => one.backend === backend))
        deliveries.set(Number(row.record), [...others, row]);
    }
  }
  return deliveries;
}

/** Makes a record for a content that is left without its own. */
function rebuilt(id: number, body: string): Row {
  const outcome = /"outcome":"(success|failure|blocked)"/.exec(body)?.[1] ?? 'success';
  const record_id = hash('sha256', body).slice(0, 32);
  return {
    ...{
      id,
      record_id,
      call_key: record_id,
      outcome,
      event_key: '',
      trace: null,
      ref: null,
      absorbed: 0,
      pending: 0,
    },
    ...{ started_at: 0, ended_at: 0, accepted_at: Date.now(), held_until: 0 },
  };
}
