import type { DatabaseSync } from 'node:sqlite';
import { transaction } from '../storage/database.ts';

/** Tells our file from any other SQLite file. */
const APPLICATION_ID = 0x4c474231;

/** States of a delivery. */
export const READY = 0;
export const WAITING = 1;
export const DEAD = 2;

/** Stands for a backend where a row could not be read at all. */
export const INTAKE = 'intake';

/**
 * `record` outlives its delivery: for a day later events of the same call are compared with it. `payload` holds the content
 * and goes with the last delivery. `delivery` is the queue of each backend, in the order of its key. `note` is a log of
 * bounded size: `size_before` counts all that was ever written to it.
 */
const VERSION_1 = `
CREATE TABLE record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id TEXT NOT NULL,
  call_key TEXT NOT NULL,
  outcome TEXT NOT NULL,
  event_key TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  ref TEXT,
  accepted_at INTEGER NOT NULL,
  held_until INTEGER NOT NULL,
  absorbed INTEGER NOT NULL,
  pending INTEGER NOT NULL
) STRICT;
CREATE INDEX record_call ON record (call_key, ended_at);
CREATE INDEX record_done ON record (accepted_at) WHERE pending = 0;
CREATE TABLE payload (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE delivery (
  backend TEXT NOT NULL,
  state INTEGER NOT NULL,
  record INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  reason TEXT,
  PRIMARY KEY (backend, state, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_waiting ON delivery (due_at) WHERE state = ${WAITING};
CREATE TABLE note (
  id INTEGER PRIMARY KEY,
  size_before INTEGER NOT NULL,
  chunk TEXT NOT NULL
) STRICT;
PRAGMA application_id = ${APPLICATION_ID};
`;

/** `trace` tells calls under one call id apart, `ref` joins those that have none. */
const VERSION_2 = `
ALTER TABLE record ADD COLUMN trace TEXT;
CREATE INDEX record_ref ON record (ref) WHERE ref IS NOT NULL;
`;

/** Notes are bytes. Those of an older release are not read: they were about calls of the minutes before it was replaced. */
const VERSION_3 = `
DROP TABLE note;
CREATE TABLE note (
  id INTEGER PRIMARY KEY,
  size_before INTEGER NOT NULL,
  chunk BLOB NOT NULL
) STRICT;
`;

/**
 * The statements that bring a file from each version of the format to the next; the first one creates it. Once released an
 * entry stays as it is, since files of its version exist. The version of a file is its `user_version`.
 *
 * With a new one, salvage.ts has to read what damaged files of older versions hold.
 */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2, VERSION_3];

/** The version of the format that this release writes, and the newest that it understands. */
export const VERSION = MIGRATIONS.length;

/** A sound outbox of another version: newer than this release understands, or not migrated yet. */
export class VersionError extends Error {
  override readonly name = 'VersionError';
  readonly code: 'newer_version' | 'older_version';

  constructor(found: number, understood = VERSION) {
    super(
      found > understood
        ? `outbox.db has format version ${found}, and this release understands versions up to ${understood}: start the release that wrote it, or a newer one, or move outbox.db away to begin with an empty outbox`
        : `outbox.db has format version ${found}, and this release works with version ${understood}: start the bridge, which migrates it`,
    );
    this.code = found > understood ? 'newer_version' : 'older_version';
  }
}

/**
 * Reads the format of a database file from its header; writes nothing.
 *
 * @throws VersionError for an outbox of a newer version
 */
export function formatOf(db: DatabaseSync, understood = VERSION) {
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  const isOutbox = db.prepare('PRAGMA application_id').get()?.application_id === APPLICATION_ID;
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (isOutbox && !isEmpty && version > understood) throw new VersionError(version, understood);
  return { isEmpty, isOutbox, version };
}

/** Brings a file to the newest version in one transaction: a process that ends meanwhile leaves it as it was. */
export function migrate(db: DatabaseSync, migrations: readonly string[], from: number): void {
  if (from === migrations.length) return;
  transaction(db, () => {
    for (const statements of migrations.slice(from)) db.exec(statements);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
