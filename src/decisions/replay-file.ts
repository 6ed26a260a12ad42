import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { removeDatabase, transaction } from '../storage/database.ts';
import { makeFolder } from '../storage/folder.ts';
import { holdLock, type Lock } from '../storage/lock.ts';
import { isDamage } from '../storage/storage-code.ts';
import type { Lack } from './decision-then.ts';
import { REPLAY_FILE, REPLAY_LOCK } from './replay-name.ts';

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

/** Why all that was kept was deleted, and a new file begun. `gone`: somebody deleted or replaced it. `content`: less may be kept now. */
export type BegunAnew = 'gone' | 'damaged' | 'format' | 'content';

const FORMAT = 2;
const SETTINGS = `
PRAGMA page_size = 16384;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 250;
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
CREATE TABLE omitted (what TEXT PRIMARY KEY) STRICT;
PRAGMA user_version = ${FORMAT};
`;
/** Share of the room that is made at once: nobody deletes one row for each that comes. */
const ROOM_SHARE = 0.02;
const DELETED_AT_ONCE = 100;
const FREED_PAGES = 2000;

export type ReplayFileOptions = {
  readonly dir: string;
  readonly maxBytes: number;
  /** Names of all that is left out of calls; they tell nothing of it. */
  readonly omitted: readonly string[];
  readonly onBegunAnew: (why: BegunAnew) => void;
};

/**
 * The calls that are kept to be judged again: the newest of them, within a number of bytes. No other bridge has the file meanwhile. It throws
 * what SQLite throws.
 */
export class ReplayFile {
  readonly #file: string;
  readonly #ino: number;
  readonly #lock: Lock;
  readonly #db: DatabaseSync;
  readonly #maxBytes: number;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #oldest: StatementSync;
  readonly #pages: StatementSync;

  /**
   * Opens it, creates it, or begins anew where it is damaged, of another format, or holds more than is to be kept now: it is a copy that nobody
   * else needs.
   *
   * @throws LockedError
   */
  constructor({ dir, maxBytes, omitted, onBegunAnew }: ReplayFileOptions) {
    makeFolder(path.resolve(dir));
    this.#file = path.join(dir, REPLAY_FILE);
    this.#maxBytes = maxBytes;
    this.#lock = holdLock(path.join(dir, REPLAY_LOCK));
    try {
      this.#db = opened(this.#file, omitted, onBegunAnew);
    } catch (error) {
      this.#lock.close();
      throw error;
    }
    this.#ino = fs.statSync(this.#file).ino;
    this.#insert = this.#db.prepare(
      'INSERT INTO calls (at, decision, content, lack) VALUES (?, ?, ?, ?) RETURNING id',
    );
    this.#remove = this.#db.prepare('DELETE FROM calls WHERE id = ?');
    this.#oldest = this.#db.prepare(`SELECT id, at FROM calls ORDER BY at LIMIT ${DELETED_AT_ONCE}`);
    this.#pages = this.#db.prepare(
      'SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
    );
  }

  /** True once somebody deleted or replaced it: what is written to it now is lost. */
  get isGone(): boolean {
    return fs.statSync(this.#file, { throwIfNoEntry: false })?.ino !== this.#ino;
  }

  /** Bytes of the file that are in use. */
  get bytes(): number {
    return Number(this.#pages.get()?.bytes);
  }

  /** Runs all of it and commits, or nothing. */
  atOnce(run: () => void): void {
    transaction(this.#db, run);
  }

  /** @returns its id, under which it can be replaced */
  add({ at, decision, content, lack }: StoredCall): number {
    return Number(this.#insert.get(at, decision, content, lack)?.id);
  }

  remove(id: number): void {
    this.#remove.run(id);
  }

  /** Deletes calls before a time, and the oldest beyond the bytes that may be kept. */
  makeRoom(before: number): void {
    const room = this.bytes > this.#maxBytes ? this.#maxBytes * (1 - ROOM_SHARE) : this.#maxBytes;
    let isFreed = false;
    for (;;) {
      const oldest = this.#oldest.all() as { id: number; at: number }[];
      const gone = this.bytes > room ? oldest : oldest.filter(({ at }) => at < before);
      if (gone.length === 0) break;
      this.atOnce(() => {
        for (const { id } of gone) this.remove(id);
      });
      isFreed = true;
    }
    if (isFreed) this.#db.exec(`PRAGMA incremental_vacuum(${FREED_PAGES})`);
  }

  close(): void {
    try {
      this.#db.close();
    } finally {
      this.#lock.close();
    }
  }
}

function opened(
  file: string,
  omitted: readonly string[],
  onBegunAnew: ReplayFileOptions['onBegunAnew'],
  isAgain = false,
): DatabaseSync {
  // It holds prompts. The files beside it are created with its permissions
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  let why: BegunAnew | undefined;
  try {
    db.exec(SETTINGS);
    why = setUp(db, omitted);
    if (why === undefined) return db;
  } catch (error) {
    db.close();
    if (!isDamage(error) || isAgain) throw error;
    why = 'damaged';
  }
  if (db.isOpen) db.close();
  removeDatabase(file);
  onBegunAnew(why);
  return opened(file, omitted, onBegunAnew, true);
}

/** @returns why it cannot be used */
function setUp(db: DatabaseSync, omitted: readonly string[]): BegunAnew | undefined {
  const version = db.prepare('PRAGMA user_version').get()?.user_version;
  const isEmpty = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n === 0;
  if (!isEmpty) {
    if (version !== FORMAT) return 'format';
    const before = new Set(
      db
        .prepare('SELECT what FROM omitted')
        .all()
        .map(({ what }) => what),
    );
    if (!omitted.every((what) => before.has(what))) return 'content';
    if (before.size === omitted.length) return undefined;
  }
  transaction(db, () => {
    if (isEmpty) db.exec(SCHEMA);
    db.exec('DELETE FROM omitted');
    const insert = db.prepare('INSERT INTO omitted VALUES (?)');
    for (const what of omitted) insert.run(what);
  });
  return undefined;
}
