import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { removeDatabase, transaction } from '../storage/database.ts';
import { makeFolder } from '../storage/folder.ts';
import { isDamage } from '../storage/storage-code.ts';
import type { Lack } from './decision-then.ts';
import { REPLAY_FILE } from './replay-name.ts';

/** A call as it is stored. */
export type StoredCall = {
  readonly at: number;
  /** JSON of a `DecisionThen`. */
  readonly decision: string;
  /** The call, compressed; null where it is not kept. */
  readonly content: Uint8Array | null;
  /** Null for a call that is kept whole. */
  readonly lack: Lack | null;
};

const FORMAT = 1;
const SETTINGS = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
PRAGMA busy_timeout = 5000;
`;
const SCHEMA = `
CREATE TABLE calls (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  decision TEXT NOT NULL,
  content BLOB,
  lack TEXT
) STRICT;
CREATE INDEX calls_by_time ON calls (at);
PRAGMA user_version = ${FORMAT};
`;
/** What a row takes beside its texts, with its entry in the index. */
const ROW_BYTES = 64;
/** Share of the room that is made at once: nobody deletes one row for each that comes. */
const ROOM_SHARE = 0.02;
const DELETED_AT_ONCE = 500;
const FREED_PAGES = 2000;
const BYTES = `octet_length(decision) + coalesce(octet_length(content), 0) + ${ROW_BYTES}`;

/** The calls that are kept to be judged again: the newest of them, within a number of bytes. It throws what SQLite throws. */
export class ReplayFile {
  readonly #db: DatabaseSync;
  readonly #maxBytes: number;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #oldest: StatementSync;
  #bytes: number;

  /** Opens it, creates it, or begins anew where it is damaged or of another format: it is a copy that nobody else needs. */
  constructor(dir: string, maxBytes: number) {
    makeFolder(path.resolve(dir));
    const file = path.join(dir, REPLAY_FILE);
    this.#maxBytes = maxBytes;
    this.#db = opened(file);
    this.#insert = this.#db.prepare(
      'INSERT INTO calls (at, decision, content, lack) VALUES (?, ?, ?, ?) RETURNING id',
    );
    this.#remove = this.#db.prepare(`DELETE FROM calls WHERE id = ? RETURNING ${BYTES} AS bytes`);
    this.#oldest = this.#db.prepare(`SELECT id, at FROM calls ORDER BY at LIMIT ${DELETED_AT_ONCE}`);
    this.#bytes = Number(
      this.#db.prepare(`SELECT coalesce(sum(${BYTES}), 0) AS bytes FROM calls`).get()?.bytes,
    );
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Runs all of it and commits, or nothing. */
  atOnce(run: () => void): void {
    const before = this.#bytes;
    try {
      transaction(this.#db, run);
    } catch (error) {
      this.#bytes = before;
      throw error;
    }
  }

  /** @returns its id, under which it can be replaced */
  add({ at, decision, content, lack }: StoredCall): number {
    const id = Number(this.#insert.get(at, decision, content, lack)?.id);
    this.#bytes += Buffer.byteLength(decision) + (content?.length ?? 0) + ROW_BYTES;
    return id;
  }

  remove(id: number): void {
    this.#bytes -= Number(this.#remove.get(id)?.bytes ?? 0);
  }

  /** Deletes calls before a time, and the oldest beyond the bytes that may be kept. */
  makeRoom(before: number): void {
    const room = this.#bytes > this.#maxBytes ? this.#maxBytes * (1 - ROOM_SHARE) : this.#maxBytes;
    const isOver = ({ at }: { at: number }) => at < before || this.#bytes > room;
    let isFreed = false;
    for (let isMore = true; isMore; ) {
      const oldest = this.#oldest.all() as { id: number; at: number }[];
      this.atOnce(() => {
        const kept = oldest.findIndex((call) => {
          if (!isOver(call)) return true;
          this.remove(call.id);
          return false;
        });
        isMore = kept < 0 && oldest.length > 0;
        isFreed ||= oldest.length > 0 && kept !== 0;
      });
    }
    if (isFreed) this.#db.exec(`PRAGMA incremental_vacuum(${FREED_PAGES})`);
  }

  close(): void {
    this.#db.close();
  }
}

function opened(file: string, isAgain = false): DatabaseSync {
  // It holds prompts. The files beside it are created with its permissions
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  try {
    db.exec(SETTINGS);
    const version = db.prepare('PRAGMA user_version').get()?.user_version;
    if (version === FORMAT) return db;
    if (version === 0 && db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n === 0) {
      db.exec(SCHEMA);
      return db;
    }
  } catch (error) {
    db.close();
    if (!isDamage(error) || isAgain) throw error;
    removeDatabase(file);
    return opened(file, true);
  }
  db.close();
  removeDatabase(file);
  return opened(file, true);
}
