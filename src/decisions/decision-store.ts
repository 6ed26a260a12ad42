import { randomUUID } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { transaction } from '../storage/database.ts';
import { isAboutValues, isBusy, isDamage, storageCode } from '../storage/storage-code.ts';
import { type DecisionsDamage, type DecisionsFile, openDecisionsFile } from './file.ts';
import { type LateFinding, lateOf, withLate } from './late-findings.ts';
import { beginningOf, callNumber, headOf, type PackedHead, unpackRow } from './packed-row.ts';
import type { EndLine, LateLine } from './protocol.ts';
import type { StoredDecision } from './row.ts';
import { SizeBound } from './size-bound.ts';

export type DecisionStoreOptions = {
  readonly dir: string;
  readonly days: number;
  readonly maxBytes: number;
  /** True where rows also go to a database. */
  readonly ships: boolean;
  readonly onDamage: (damage: DecisionsDamage) => void;
  /** Unix milliseconds; the system's clock by default. */
  readonly now?: () => number;
};

/** A row that is to be brought into the database. */
export type UnshippedRow = StoredDecision & { readonly unshipped: number };

const DAY_MS = 86_400_000;
/** Rows that are removed at once: no batch waits for long. */
const CHUNK = 250;
/** More decisions on one call than that are not looked at for what came before. */
const MAX_OF_CALL = 16;
/** Between two rounds of a stream; and from its end, which some releases log before the last one. */
const ROUND_MS = 600_000;
const LATE_ROUND_MS = 5000;

/** One change more, where there is a database. */
const CHANGED = 'unshipped = CASE WHEN ? THEN coalesce(unshipped, 0) + 1 END';

const SQL = {
  insert: `INSERT INTO decision (id, at, verdict, call, ref, origin, unshipped, row) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  before: `
    SELECT id, row FROM decision WHERE call = ? AND ref IS NULL AND at > ? AND (ended IS NULL OR ended ->> 'at' > ?)
    ORDER BY id DESC LIMIT ${MAX_OF_CALL}`,
  replace: `
    UPDATE decision SET at = ?, verdict = ?, ref = ?, row = ?, rounds = coalesce(rounds, 1) + 1, ${CHANGED}
    WHERE id = ?`,
  ofCall: `SELECT id, row FROM decision WHERE call = ? ORDER BY id DESC LIMIT ${MAX_OF_CALL}`,
  ofTime: 'SELECT id, row FROM decision WHERE at = ?',
  amend: `UPDATE decision SET row = ?, ${CHANGED} WHERE id = ?`,
  end: `UPDATE decision SET ended = ?, ${CHANGED} WHERE id = ?`,
  sender: 'SELECT sender, n FROM sender',
  setSender:
    'INSERT INTO sender VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET sender = excluded.sender, n = excluded.n',
  last: 'SELECT coalesce(max(id), 0) AS id FROM decision',
  removeOld: `
    DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at < ? ORDER BY at LIMIT ${CHUNK})`,
  unshipped: `
    SELECT decision.id, at, verdict, call, ref, origin.origin, unshipped, rounds, ended, row
    FROM decision JOIN origin ON n = decision.origin WHERE unshipped > 0 ORDER BY decision.id LIMIT ?`,
  shipped: 'UPDATE decision SET unshipped = 0 WHERE id = ? AND unshipped = ?',
  countUnshipped: 'SELECT count(*) AS rows FROM decision WHERE unshipped > 0',
} as const;
type Statements = { readonly [Name in keyof typeof SQL]: StatementSync };

type StoredRow = { readonly id: number; readonly row: string };

type Opened = {
  readonly file: DecisionsFile;
  readonly db: DatabaseSync;
  readonly sql: Statements;
  readonly bound: SizeBound;
  /** Number of this start in the file. */
  readonly origin: number;
  lastId: number;
};

/** The decisions in a folder: opened when they are used, and again after what made them unusable. */
export class DecisionStore {
  readonly #options: DecisionStoreOptions;
  readonly #now: () => number;
  readonly #origin = randomUUID();
  #opened: Opened | undefined;
  /** Code of the damage met in the open file, which may look sound when it is opened again. */
  #fault: string | undefined;

  constructor(options: DecisionStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Stores a batch, once however often it comes.
   *
   * @throws what kept it from being stored; it can be tried again
   */
  put(sender: string, n: number, lines: string): void {
    try {
      this.#put(sender, n, lines);
    } catch (error) {
      this.#failed(error);
      if (!isDamage(error)) throw error;
      // Into a new file
      this.#put(sender, n, lines);
    }
  }

  /** Removes some of what is too old, or too much. @returns true if there may be more */
  maintain(): boolean {
    try {
      if (this.#opened?.file.isGone()) this.#release();
      const { sql, bound } = this.#open();
      const { changes } = sql.removeOld.run(this.#now() - this.#options.days * DAY_MS);
      return bound.shrink() || Number(changes) === CHUNK;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** The next rows to be brought into the database, oldest first. */
  unshipped(limit: number): UnshippedRow[] {
    return this.#open().sql.unshipped.all(limit) as unknown as UnshippedRow[];
  }

  /** Tells that rows are in the database as they were read. */
  shipped(rows: readonly UnshippedRow[]): void {
    const { db, sql } = this.#open();
    transaction(db, () => {
      for (const { id, unshipped } of rows) sql.shipped.run(id, unshipped);
    });
  }

  countUnshipped(): number {
    return Number(this.#open().sql.countUnshipped.get()?.rows);
  }

  close(): void {
    this.#release();
  }

  #put(sender: string, n: number, lines: string): void {
    if (this.#opened?.file.isGone()) this.#release();
    const opened = this.#open();
    const { db, sql, bound } = opened;
    bound.makeRoom(lines.length);
    const lastId = opened.lastId;
    try {
      transaction(db, () => {
        const last = sql.sender.get();
        if (last?.sender === sender && Number(last.n) >= n) return;
        for (const line of lines.split('\n')) {
          if (line.startsWith('[')) this.#row(opened, line);
          else this.#late(opened, JSON.parse(line) as LateLine);
        }
        sql.setSender.run(sender, n);
      });
    } catch (error) {
      opened.lastId = lastId;
      throw error;
    }
  }

  #row(opened: Opened, line: string): void {
    const { sql, origin } = opened;
    const head = headOf(line);
    const { at, verdict, ref } = head;
    const call = head.litellm_call_id === null ? null : callNumber(head.litellm_call_id);
    const ships = this.#options.ships ? 1 : 0;
    const before = call !== null && head.input_type === 'response' ? roundBefore(sql, call, head) : undefined;
    if (before === undefined) {
      sql.insert.run(++opened.lastId, at, verdict, call, ref, origin, ships || null, line);
      return;
    }
    // Nobody was told of it
    if (verdict === 'cancelled') return;
    const late = lateOf(before.row);
    const row = late.length === 0 ? line : withLate(line, late);
    sql.replace.run(at, verdict, ref, row, ships, before.id);
    if (verdict === 'allow') opened.bound.allowed(before.id);
  }

  #late({ sql }: Opened, line: LateLine): void {
    if ('ended' in line) {
      this.#end(sql, line);
      return;
    }
    const found = rowNamed(sql, line.of);
    if (found === undefined) return;
    sql.amend.run(withLate(found.row, [line.finding]), this.#options.ships ? 1 : 0, found.id);
  }

  #end(sql: Statements, { litellm_call_id: id, litellm_trace_id: trace, ended }: EndLine): void {
    for (const { id: row, row: line } of sql.ofCall.all(callNumber(id))) {
      const head = headOf(String(line));
      if (head.litellm_call_id !== id || (trace !== null && head.litellm_trace_id !== trace)) continue;
      sql.end.run(JSON.stringify(ended), this.#options.ships ? 1 : 0, Number(row));
    }
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { dir, maxBytes, ships, onDamage } = this.#options;
    const file = openDecisionsFile(dir, this.#fault);
    const { db, damage } = file;
    try {
      this.#fault = undefined;
      if (damage !== undefined) onDamage(damage);
      const entries = Object.entries(SQL).map(([name, text]) => [name, db.prepare(text)] as const);
      const sql = Object.fromEntries(entries) as Statements;
      const origin = begin(db, this.#origin, ships);
      const bound = new SizeBound(file, maxBytes);
      this.#opened = { file, db, sql, bound, origin, lastId: Number(sql.last.get()?.id) };
      return this.#opened;
    } catch (error) {
      file.close();
      // A table is missing
      if (storageCode(error) === 'SQLITE_1') this.#fault = 'schema';
      throw error;
    }
  }

  /** Damage makes the next use move the file aside; after other trouble it is opened anew. */
  #failed(error: unknown): void {
    if (isDamage(error)) this.#fault = storageCode(error);
    if (!isBusy(error) && !isAboutValues(error)) this.#release();
  }

  #release(): void {
    try {
      this.#opened?.file.close();
    } catch {
      // It was broken before
    }
    this.#opened = undefined;
  }
}

/** Has rows of a time without a database brought there too. @returns the number of this start */
function begin(db: DatabaseSync, origin: string, ships: boolean): number {
  return transaction(db, () => {
    const last = db.prepare('SELECT ships FROM origin ORDER BY n DESC LIMIT 1').get();
    if (ships && last?.ships === 0) db.exec('UPDATE decision SET unshipped = 1 WHERE unshipped IS NULL');
    const added = db.prepare('INSERT INTO origin (origin, ships) VALUES (?, ?)').run(origin, ships ? 1 : 0);
    return Number(added.lastInsertRowid);
  });
}

/**
 * The row of the round before of a streamed response, unless that was blocked: its client has the reference. A client can give several
 * responses the same ids.
 */
function roundBefore(
  sql: Statements,
  call: number,
  { beginning, at, streamed }: PackedHead,
): StoredRow | undefined {
  if (streamed === false) return undefined;
  const before = sql.before.all(call, at - ROUND_MS, at - LATE_ROUND_MS) as StoredRow[];
  return before.find(({ row }) => row.startsWith(beginning));
}

/** The row of a decision, or that of the round of its stream which took its place. */
function rowNamed(sql: Statements, of: LateFinding['of']): StoredRow | undefined {
  const { input_type, litellm_call_id: id, at, ms, streamed } = of;
  const beginning = beginningOf(of);
  const ofTime = sql.ofTime.all(at) as StoredRow[];
  const own = ofTime.find(({ row }) => row.startsWith(beginning) && unpackRow(row).ms === ms);
  if (own !== undefined || id === null || input_type !== 'response' || streamed === false) return own;
  const ofCall = sql.ofCall.all(callNumber(id)) as StoredRow[];
  return ofCall.findLast(({ row }) => {
    if (!row.startsWith(beginning)) return false;
    const later = headOf(row);
    return later.streamed !== false && later.at >= at && later.at <= at + ROUND_MS;
  });
}
