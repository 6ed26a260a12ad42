import type { DatabaseSync } from 'node:sqlite';
import { transaction } from '../storage/database.ts';

/** Tells our file from any other SQLite file. */
const APPLICATION_ID = 0x4c474244;

/**
 * `row` is packed. `verdict`, `ref` and `at` repeat what is in it, `call` is made of its call id: a row is found by them. `origin` names
 * one start of the bridge, with which the id is unique among all replicas. `unshipped` counts the changes that are not in the database
 * of all replicas yet; it is null for what came while there was none.
 * `sender` holds the last batch of the process that wrote.
 */
const VERSION_1 = `
CREATE TABLE decision (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  call INTEGER,
  ref TEXT,
  origin INTEGER NOT NULL,
  unshipped INTEGER,
  rounds INTEGER,
  ended TEXT,
  row TEXT NOT NULL
) STRICT;
CREATE INDEX decision_at ON decision (at);
CREATE INDEX decision_call ON decision (call) WHERE call IS NOT NULL;
CREATE INDEX decision_ref ON decision (ref) WHERE ref IS NOT NULL;
CREATE INDEX decision_unshipped ON decision (id) WHERE unshipped > 0;
CREATE TABLE origin (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  origin TEXT NOT NULL,
  ships INTEGER NOT NULL
) STRICT;
CREATE TABLE sender (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  sender TEXT NOT NULL,
  n INTEGER NOT NULL
) STRICT;
PRAGMA application_id = ${APPLICATION_ID};
`;

/**
 * The statements that bring a file from each version of the format to the next; the first one creates it. Once released an entry stays
 * as it is, since files of its version exist. The version of a file is its `user_version`.
 */
export const DECISION_MIGRATIONS: readonly string[] = [VERSION_1];

/** The tables of a newer release, or not migrated yet. */
export class DecisionsVersionError extends Error {
  override readonly name = 'DecisionsVersionError';
  readonly code: 'newer_version' | 'older_version';

  constructor(found: number, understood: number) {
    super(
      found > understood
        ? `decisions.db has format version ${found}, and this release understands versions up to ${understood}: start the release that wrote it, or a newer one, or move decisions.db away`
        : `decisions.db has format version ${found}, and this release works with version ${understood}: start the bridge, which migrates it`,
    );
    this.code = found > understood ? 'newer_version' : 'older_version';
  }
}

/** Reads the format of a file from its header; writes nothing. */
export function decisionsFormat(db: DatabaseSync) {
  return {
    isEmpty: db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined,
    isOurs: db.prepare('PRAGMA application_id').get()?.application_id === APPLICATION_ID,
    version: Number(db.prepare('PRAGMA user_version').get()?.user_version),
  };
}

/** Brings a file to the newest version in one transaction: a process that ends meanwhile leaves it as it was. */
export function migrateDecisions(db: DatabaseSync, migrations: readonly string[], from: number): void {
  if (from === migrations.length) return;
  transaction(db, () => {
    for (const statements of migrations.slice(from)) db.exec(statements);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
