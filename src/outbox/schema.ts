/** Tells our file from any other SQLite file, and its version from later ones. */
export const APPLICATION_ID = 0x4c474231;
export const VERSION = 1;

/** States of a delivery. */
export const READY = 0;
export const WAITING = 1;
export const DEAD = 2;

/** Stands for a backend where a row could not be read at all. */
export const INTAKE = 'intake';

/**
 * `record` outlives its delivery: for a day it is what later events of the same call are compared with. `payload` holds
 * the content and goes with the last delivery. `delivery` is the queue of each backend, in its key's order.
 * `note` is a log of bounded size: `size_before` counts all that was ever written to it.
 */
export const SCHEMA = `
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
PRAGMA user_version = ${VERSION};
`;
