import fs from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

/** What can be read of a damaged outbox. An error ends a reading, and never leaves it. */
export type Damaged = {
  /** From both ends to the damage, and one by one between. */
  ids(table: string): Set<number>;
  rows(sql: string, ...values: (string | number)[]): Row[];
  close(): void;
};

export type Row = Record<string, SQLOutputValue>;

/** Beyond this many unreadable ids in a row, single ones among them are not looked for. */
const MAX_GAP = 100_000;

/** No outbox counts that far; an id beyond it is damaged, and the next one would follow on it. */
const MAX_ID = 2 ** 48;

const PAGE_BYTES = 4096;

/**
 * Opens a damaged outbox for reading; where not even its tables can be told, a copy of it that begins as a sound one.
 *
 * @param sound an outbox with tables and nothing in them
 * @returns undefined without anything to read
 */
export function openDamaged(file: string, sound: string): Damaged | undefined {
  const repaired = `${file}.repaired`;
  const removeCopy = () => {
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(repaired + suffix, { force: true });
  };
  let source = tryOpen(file);
  try {
    if (source === undefined) {
      repairFirstPage(file, repaired, sound);
      source = tryOpen(repaired);
    }
  } catch (error) {
    removeCopy();
    throw error;
  }
  if (source === undefined) {
    removeCopy();
    return undefined;
  }
  const db = source;
  return {
    ids: (table) => idsIn(db, table),
    rows: (sql, ...values) => until<Row>(() => db.prepare(sql).iterate(...values)).found,
    close() {
      db.close();
      removeCopy();
    },
  };
}

function tryOpen(file: string): DatabaseSync | undefined {
  // Of an empty one SQLite deletes the log
  if (!fs.statSync(file, { throwIfNoEntry: false })?.size) return undefined;
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(file, { readOnly: true, defensive: false });
    // With it a file that ends too early is read as far as it goes
    source.exec('PRAGMA writable_schema = ON');
    const hasTables = source.prepare('SELECT 1 FROM sqlite_schema').all().length > 0;
    if (hasTables && source.prepare('PRAGMA page_size').get()?.page_size === PAGE_BYTES) return source;
  } catch {
    // it is tried with a first page that can be read
  }
  source?.close();
  return undefined;
}

/** The first page holds nothing but the tables' definitions and places, which are the same in every outbox. */
function repairFirstPage(file: string, repaired: string, sound: string): void {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) return;
  if (fs.existsSync(file)) fs.copyFileSync(file, repaired, fs.constants.COPYFILE_FICLONE);
  if (fs.existsSync(`${file}-wal`)) fs.copyFileSync(`${file}-wal`, `${repaired}-wal`);
  const page = fs.readFileSync(sound).subarray(0, PAGE_BYTES);
  const pages = Math.ceil((fs.statSync(repaired, { throwIfNoEntry: false })?.size ?? 0) / PAGE_BYTES);
  page.writeUInt32BE(Math.max(1, pages), 28);
  page.fill(0, 32, 40); // the list of free pages
  const copy = fs.openSync(repaired, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  fs.writeSync(copy, page, 0, PAGE_BYTES, 0);
  fs.closeSync(copy);
}

function idsIn(db: DatabaseSync, table: string): Set<number> {
  const read = (clauses: string) =>
    until<number>(function* () {
      for (const { id } of db.prepare(`SELECT id FROM ${table} ${clauses}`).iterate()) yield Number(id);
    });
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

function until<T>(read: () => Iterable<T>): { found: T[]; isComplete: boolean } {
  const found: T[] = [];
  try {
    for (const one of read()) found.push(one);
    return { found, isComplete: true };
  } catch {
    return { found, isComplete: false };
  }
}
