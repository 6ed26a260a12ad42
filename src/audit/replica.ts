import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';

/** The owner of a chain in the table: a folder, and every bridge that ran with it. */
export type Replica = {
  /** A UUID. */
  readonly id: string;
  /** The replica whose chain this one went on from, in a copy of its folder. */
  readonly copyOf: string | null;
};

const FILE = 'replica.json';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The replica that a folder is of; undefined if none of its rows is in a table yet, or its file is damaged.
 *
 * @param folder where the segments are
 * @throws Error with the code of the system
 */
export function readReplica(folder: string): Replica | undefined {
  try {
    const { id, copy_of } = JSON.parse(fs.readFileSync(path.join(folder, FILE), 'utf8'));
    if (!UUID.test(id)) return undefined;
    return { id, copyOf: UUID.test(copy_of) ? copy_of : null };
  } catch (error) {
    if (error instanceof SyntaxError || storageCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes a folder one of a new replica, so that it is on the disk.
 *
 * @throws Error with the code of the system
 */
export function newReplica(folder: string, copyOf: string | null): Replica {
  const replica = { id: randomUUID(), copyOf };
  const file = path.join(folder, FILE);
  const next = `${file}.next`;
  fs.writeFileSync(next, `${JSON.stringify({ id: replica.id, copy_of: copyOf })}\n`, {
    mode: 0o600,
    flush: true,
  });
  fs.renameSync(next, file);
  return replica;
}
