import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomFrom } from '../support/random.ts';

/** A way for the files of an outbox to be damaged. */
export type DamageCase = {
  readonly name: string;
  /**
   * State of the outbox when it ended: `closed`, all in one file; or `killed`, when half of the records stood in the
   * write-ahead log alone.
   */
  readonly after: 'closed' | 'killed';
  readonly damage: (files: Files) => void;
  /** Of a hundred records that are due. */
  readonly atLeast: number;
  /** The reason; `null` where nobody can notice, `record` where it is reported of a record, or one of both. */
  readonly reported: RegExp | null | 'record' | 'either';
};

export type Files = {
  readonly db: string;
  readonly wal: string;
  readonly shm: string;
  /** The folder of another outbox that was killed. */
  readonly other: string;
};

export const PAGE = 4096;

/** The numbers of the pages that a table or an index stands on, from 1, its root first. */
export function pagesOf({ db }: Pick<Files, 'db'>, name: string, type = '%'): number[] {
  const file = new DatabaseSync(db);
  const rows = file
    .prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype LIKE ? ORDER BY path')
    .all(name, type);
  file.close();
  return rows.map(({ pageno }) => Number(pageno));
}

const middle = (pages: readonly number[]) => pages[Math.floor(pages.length / 2)] as number;

export function overwrite(file: string, position: number, bytes: Uint8Array): void {
  const open = fs.openSync(file, 'r+');
  fs.writeSync(open, bytes, 0, bytes.length, Math.floor(position));
  fs.closeSync(open);
}

export const erasePage = (file: string, page: number) =>
  overwrite(file, (page - 1) * PAGE, new Uint8Array(PAGE));

const cut = (file: string, bytes: number) =>
  fs.truncateSync(file, Math.max(0, fs.statSync(file).size - bytes));

function sql(file: string, statements: string): void {
  const db = new DatabaseSync(file);
  db.exec(statements);
  db.close();
}

export function flipBits(file: string, count: number, seed: number): void {
  const random = randomFrom(seed);
  const bytes = fs.readFileSync(file);
  for (let i = 0; i < count; i++) {
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
  }
  fs.writeFileSync(file, bytes);
}

const randomBytes = (count: number) => {
  const random = randomFrom(count);
  return Uint8Array.from({ length: count }, () => random() * 256);
};

const CORRUPT = /^SQLITE_CORRUPT$/;
const ANY = /^SQLITE_(?:CORRUPT|NOTADB)$|^schema$/;

export const DAMAGE_CASES: readonly DamageCase[] = [
  ...Object.entries({ 1: 99, [PAGE]: 97, [10 * PAGE + 100]: 86 }).map(
    ([bytes, atLeast]): DamageCase => ({
      name: `the last ${bytes} bytes of the file are missing`,
      after: 'closed',
      damage: ({ db }) => cut(db, Number(bytes)),
      atLeast,
      reported: CORRUPT,
    }),
  ),
  {
    name: 'half of the file is missing',
    after: 'closed',
    damage: ({ db }) => fs.truncateSync(db, fs.statSync(db).size / 2),
    atLeast: 40,
    reported: CORRUPT,
  },
  {
    name: 'all but the first page is missing',
    after: 'closed',
    damage: ({ db }) => fs.truncateSync(db, PAGE),
    atLeast: 0,
    reported: CORRUPT,
  },
  {
    name: 'all but the first 100 bytes are missing',
    after: 'closed',
    damage: ({ db }) => fs.truncateSync(db, 100),
    atLeast: 0,
    reported: ANY,
  },
  {
    name: 'the log ends ten bytes early',
    after: 'killed',
    damage: ({ wal }) => cut(wal, 10),
    atLeast: 99,
    reported: null,
  },
  {
    name: 'the second half of the log is missing',
    after: 'killed',
    damage: ({ wal }) => fs.truncateSync(wal, fs.statSync(wal).size / 2),
    atLeast: 70,
    reported: null,
  },
  {
    name: 'the log has only its header',
    after: 'killed',
    damage: ({ wal }) => fs.truncateSync(wal, 32),
    atLeast: 50,
    reported: null,
  },
  {
    name: 'the log is deleted',
    after: 'killed',
    damage: ({ wal }) => fs.rmSync(wal),
    atLeast: 50,
    reported: null,
  },
  {
    name: 'the log is zeros',
    after: 'killed',
    damage: ({ wal }) => fs.writeFileSync(wal, new Uint8Array(fs.statSync(wal).size)),
    atLeast: 50,
    reported: null,
  },
  {
    name: 'a bit of the log is wrong in its middle',
    after: 'killed',
    damage: ({ wal }) => overwrite(wal, fs.statSync(wal).size / 2, Uint8Array.of(0xa5)),
    atLeast: 70,
    reported: null,
  },
  {
    name: 'the shared memory is deleted',
    after: 'killed',
    damage: ({ shm }) => fs.rmSync(shm, { force: true }),
    atLeast: 100,
    reported: null,
  },
  {
    name: 'the shared memory is random bytes',
    after: 'killed',
    damage: ({ shm }) => fs.writeFileSync(shm, randomBytes(32_768)),
    atLeast: 100,
    reported: null,
  },
  {
    name: 'the log is the one of another outbox',
    after: 'closed',
    damage: ({ wal, other }) => fs.copyFileSync(join(other, 'outbox.db-wal'), wal),
    // Nothing ties a log to its file: pages of the other one have taken the place of ours
    atLeast: 40,
    reported: ANY,
  },
  {
    name: 'the file is empty, and there is no log',
    after: 'closed',
    damage: ({ db }) => fs.truncateSync(db),
    atLeast: 0,
    reported: /^empty$/,
  },
  {
    name: 'the file is empty, and what was written last is in the log',
    after: 'killed',
    damage: ({ db }) => fs.truncateSync(db),
    atLeast: 50,
    reported: /^empty$/,
  },
  {
    name: 'the file is deleted, and what was written last is in the log',
    after: 'killed',
    damage: ({ db }) => fs.rmSync(db),
    atLeast: 50,
    reported: /^empty$/,
  },
  {
    name: 'the file is zeros',
    after: 'closed',
    damage: ({ db }) => fs.writeFileSync(db, new Uint8Array(fs.statSync(db).size)),
    atLeast: 0,
    reported: ANY,
  },
  {
    name: 'the file is random bytes',
    after: 'closed',
    damage: ({ db }) => fs.writeFileSync(db, randomBytes(100_000)),
    atLeast: 0,
    reported: ANY,
  },
  {
    name: 'the file is a text',
    after: 'closed',
    damage: ({ db }) => fs.writeFileSync(db, 'plum cake\n'),
    atLeast: 0,
    reported: ANY,
  },
  {
    name: 'the first words of the file are overwritten',
    after: 'closed',
    damage: ({ db }) => overwrite(db, 0, Buffer.from('plum cake')),
    atLeast: 100,
    reported: /^SQLITE_NOTADB$/,
  },
  {
    name: 'the first page is zeros',
    after: 'closed',
    damage: ({ db }) => erasePage(db, 1),
    atLeast: 100,
    reported: /^SQLITE_NOTADB$/,
  },
  {
    name: 'the first sector is zeros, and the log has the page it is of',
    after: 'killed',
    damage: ({ db }) => overwrite(db, 0, new Uint8Array(512)),
    atLeast: 100,
    reported: null,
  },
  ...[512, 8192, 3].map(
    (bytes): DamageCase => ({
      name: `the page size is given as ${bytes}`,
      after: 'closed',
      damage: ({ db }) => overwrite(db, 16, Uint8Array.of(bytes >> 8, bytes & 255)),
      atLeast: 100,
      reported: ANY,
    }),
  ),
  {
    name: 'the application id is another one',
    after: 'closed',
    damage: ({ db }) => sql(db, 'PRAGMA application_id = 7'),
    atLeast: 100,
    reported: /^not_an_outbox$/,
  },
  {
    name: 'it has no version',
    after: 'closed',
    damage: ({ db }) => sql(db, 'PRAGMA user_version = 0'),
    atLeast: 100,
    reported: /^version_0$/,
  },
  {
    name: 'it has our version and no tables but one of somebody else',
    after: 'closed',
    damage({ db }) {
      fs.rmSync(db);
      sql(db, 'PRAGMA application_id = 1279738417; PRAGMA user_version = 1; CREATE TABLE cake (plums)');
    },
    atLeast: 0,
    reported: /^schema$/,
  },
  {
    name: 'it is the database of another program',
    after: 'closed',
    damage({ db }) {
      fs.rmSync(db);
      sql(
        db,
        `CREATE TABLE payload (id, text); INSERT INTO payload VALUES (1, 'cake'); CREATE TABLE note (a)`,
      );
    },
    atLeast: 0,
    reported: /^not_an_outbox$/,
  },
  ...Object.entries({ record: 100, delivery: 100, note: 100, payload: 0 }).map(
    ([table, atLeast]): DamageCase => ({
      name: `the table ${table} is dropped`,
      after: 'closed',
      damage: ({ db }) => sql(db, `DROP TABLE ${table}`),
      atLeast,
      reported: /^schema$/,
    }),
  ),
  {
    name: 'an index is dropped',
    after: 'closed',
    damage: ({ db }) => sql(db, 'DROP INDEX record_call'),
    atLeast: 100,
    reported: /^schema$/,
  },
  ...Object.entries({ record: 100, delivery: 100, record_call: 100, payload: 96 }).map(
    ([name, atLeast]): DamageCase => ({
      name: `a page in the middle of ${name} is zeros`,
      after: 'closed',
      damage: (files) => erasePage(files.db, middle(pagesOf(files, name, 'leaf'))),
      atLeast,
      reported: CORRUPT,
    }),
  ),
  ...Object.entries({ record: 100, delivery: 100, record_call: 100, payload: 0 }).map(
    ([name, atLeast]): DamageCase => ({
      name: `the first page of ${name} is zeros`,
      after: 'closed',
      damage: (files) => erasePage(files.db, pagesOf(files, name)[0] as number),
      atLeast,
      reported: CORRUPT,
    }),
  ),
  {
    name: 'a page of a long content is zeros',
    after: 'closed',
    damage: (files) => erasePage(files.db, middle(pagesOf(files, 'payload', 'overflow'))),
    atLeast: 99,
    reported: /^SQLITE_CORRUPT$/,
  },
  {
    name: 'a content is changed in a sound file',
    after: 'closed',
    damage: ({ db }) => sql(db, `UPDATE payload SET body = replace(body, 'plum', 'prune') WHERE id = 60`),
    atLeast: 99,
    reported: 'record',
  },
  {
    name: 'a record is deleted in a sound file',
    after: 'closed',
    damage: ({ db }) => sql(db, 'DELETE FROM record WHERE id = 60'),
    atLeast: 99,
    reported: 'record',
  },
  ...Object.entries({ 1: 99, 10: 90, 100: 60 }).map(
    ([count, atLeast]): DamageCase => ({
      name: `${count} bits are wrong`,
      after: 'closed',
      damage: ({ db }) => flipBits(db, Number(count), Number(count)),
      atLeast,
      reported: 'either',
    }),
  ),
  {
    name: 'the lock is random bytes',
    after: 'closed',
    damage: ({ db }) => fs.writeFileSync(db.replace('.db', '.lock'), randomBytes(5000)),
    atLeast: 100,
    reported: null,
  },
  {
    name: 'the file is a folder',
    after: 'closed',
    damage({ db }) {
      fs.rmSync(db);
      fs.mkdirSync(join(db, 'cake'), { recursive: true });
    },
    atLeast: 0,
    reported: /^not_an_outbox$/,
  },
];
