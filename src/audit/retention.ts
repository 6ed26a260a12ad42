import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import type { Event } from './begin.ts';
import { readEnd } from './last-row.ts';
import { auditFolder, inOrder, listSegments, type Segment } from './segments.ts';

const DAY_MS = 86_400_000;

export type RetentionOptions = {
  /** `DATA_DIR`. */
  readonly dir: string;
  readonly now: () => number;
  readonly current: () => Segment | undefined;
  /** Writes a row; false if that failed. */
  readonly record: (event: Event) => boolean;
  readonly onError: (code: string) => void;
};

export type Retention = {
  /** How many days a row is kept at least. */
  set(days: number): void;
  check(): void;
  /** When nothing is being removed any more. */
  settled(): Promise<void>;
};

/**
 * Removes whole segments all of whose rows are too old, oldest first. Each removal is in the log before it is done, with
 * the hash that the rest of the chain follows. Until days are set nothing is removed.
 */
export function createRetention({ dir, now, current, record, onError }: RetentionOptions): Retention {
  const folder = auditFolder(path.resolve(dir));
  let days: number | undefined;
  let removing = Promise.resolve();

  async function remove(): Promise<void> {
    const written = current();
    if (days === undefined || written === undefined) return;
    const endsBefore = new Date(now() - days * DAY_MS).toISOString().slice(0, 10);
    const old = listSegments(folder).filter((one) => inOrder(one, written) < 0 && one.day < endsBefore);
    for (const { name } of old) {
      const fields = { segment: name, retention_days: days, ...endOf(path.join(folder, name)) };
      if (!record({ type: 'retention', fields })) return;
      await fs.promises.rm(path.join(folder, name), { force: true });
    }
  }

  return {
    set(value) {
      days = value;
      this.check();
    },
    check() {
      removing = removing.then(remove).catch((error) => onError(`RETENTION_${storageCode(error)}`));
    },
    settled: () => removing,
  };
}

/** A segment that cannot be read goes too, and it is told without its end. */
function endOf(file: string): { last_seq: number | null; last_hash: string | null } {
  try {
    const { row } = readEnd(file);
    return { last_seq: row?.seq ?? null, last_hash: row?.hash ?? null };
  } catch {
    return { last_seq: null, last_hash: null };
  }
}
