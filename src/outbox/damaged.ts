import fs from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { removeDatabase } from '../storage/database.ts';

export type Row = Record<string, SQLOutputValue>;

/** Beyond this many unreadable ids in a row, single ones among them are not looked for. */
const MAX_GAP = 100_000;

/** No outbox counts that far; an id beyond it is damaged, and the next one would follow on it. */
const MAX_ID = 2 ** 48;

const PAGE_BYTES = 4096;

/**
 * Copies a damaged outbox, and puts the first page of a sound one in the place of its own: it holds nothing but the
 * definitions and places of the tables, which are the same in every outbox of a version.
 *
 * @param sound a file with the tables and nothing in them
 */
export function repairFirstPage(file: string, copy: string, sound: string): void {
  removeDatabase(copy);
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) return;
  for (const suffix of ['', '-wal']) {
    if (fs.existsSync(file + suffix)) {
      fs.copyFileSync(file + suffix, copy + suffix, fs.constants.COPYFILE_FICLONE);
    }
  }
  const page = fs.readFileSync(sound).subarray(0, PAGE_BYTES);
  const pages = Math.ceil((fs.statSync(copy, { throwIfNoEntry: false })?.size ?? 0) / PAGE_BYTES);
  page.writeUInt32BE(Math.max(1, pages), 28);
  page.fill(0, 32, 40); // The list of free pages
  const fd = fs.openSync(copy, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  fs.writeSync(fd, page, 0, PAGE_BYTES, 0);
  fs.closeSync(fd);
}

/** Reads a damaged outbox as far as that goes. An error ends a reading, and never leaves it. */
export class DamagedOutbox {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** @returns undefined if its tables cannot be told, as where the first page is destroyed */
  static open(file: string): DamagedOutbox | undefined {
    // Of an empty one SQLite deletes the log
    if (!fs.statSync(file, { throwIfNoEntry: false })?.size) return undefined;
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(file, { readOnly: true, defensive: false });
      // With it a file that ends too early is read as far as it goes
      db.exec('PRAGMA writable_schema = ON');
      const hasTables = db.prepare('SELECT 1 FROM sqlite_schema').all().length > 0;
      if (hasTables && db.prepare('PRAGMA page_size').get()?.page_size === PAGE_BYTES) {
        return new DamagedOutbox(db);
      }
    } catch {
      // There are no tables to read
    }
    db?.close();
    return undefined;
  }

  /** Ids in a table: from both ends to the damage, and one by one between. */
  ids(table: string): Set<number> {
    const read = (clauses: string) =>
      this.#read(({ id }) => Number(id), `SELECT id FROM ${table} ${clauses}`);
    const fromStart = read('ORDER BY id');
    const ids = fromStart.found;
    if (!fromStart.isComplete) {
      const fromEnd = read('ORDER BY id DESC').found;
      const first = ids.at(-1) ?? 0;
      const last = fromEnd.at(-1) ?? first;
      for (const id of fromEnd) ids.push(id);
      if (last - first <= MAX_GAP) {
        for (let id = first + 1; id < last; id++) ids.push(...read(`WHERE id = ${id}`).found);
      }
    }
    return new Set(ids.filter((id) => id > 0 && id < MAX_ID));
  }

  /** The rows up to the first that cannot be read. */
  rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#read((row) => row, sql, ...values).found;
  }

  #read<T>(take: (row: Row) => T, sql: string, ...values: (string | number)[]) {
    const found: T[] = [];
    try {
      for (const row of this.#db.prepare(sql).iterate(...values)) found.push(take(row));
      return { found, isComplete: true };
    } catch {
      return { found, isComplete: false };
    }
  }

  close(): void {
    this.#db.close();
  }
}
