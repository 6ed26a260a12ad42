import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { BEFORE_ALL, createSeal, type Head, type UnsealedRow } from './chain.ts';
import { readEnd } from './read.ts';
import { type AuditRow, boundedRow } from './row.ts';
import { auditFolder, dayOf, inOrder, listSegments, type Segment } from './segment.ts';
import { ChainWriter } from './writer.ts';

export type AuditLogOptions = {
  /** `DATA_DIR`; the log is in its folder `audit`. */
  readonly dir: string;
  /** Without a key the chain is of plain SHA-256, which whoever can write the files can also make anew. */
  readonly key?: string | undefined;
  /** Unix milliseconds; the system's clock by default. */
  readonly now?: () => number;
  /** Called once per outage, with a code that {@link auditAdvice} explains. */
  readonly onError: (code: string) => void;
  /** Called when rows are written again, with the number of those that were lost. */
  readonly onRecovered?: (lost: number) => void;
  /**
   * Called at the start, every hour if there are new rows, and at the end. A head kept elsewhere shows that rows were cut
   * off.
   */
  readonly onHead?: (head: Head) => void;
  /** Called when rows are on the disk, with the last of them. */
  readonly onSynced?: (head: Head) => void;
};

const SYNC_EVERY_MS = 1000;
const HEAD_EVERY_MS = 3_600_000;
/** A log that cannot be opened is not tried again with each of a thousand rows. */
const OPEN_EVERY_MS = 1000;
const DAY_MS = 86_400_000;

/**
 * An append-only log of decisions; each row holds the hash of the one before. Nothing here throws: a log that cannot be
 * opened or written is tried again with the rows that come.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #now: () => number;
  readonly #writer: ChainWriter;
  readonly #headTimer: NodeJS.Timeout;
  /** Rows lost in this outage. */
  #lost = 0;
  /** True during an outage of writing, and of syncing. */
  readonly #isDown = { write: false, sync: false };
  /** Time of the last attempt to open the log. */
  #triedAt = Number.NEGATIVE_INFINITY;
  /** Segment of the last row: once it changes, older ones may be due for removal. */
  #segment: Segment | undefined;
  #retentionDays: number | undefined;
  #isClosed = false;
  /** Pending from a write until all rows are synced. */
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing = Promise.resolve();
  /** Removals of old segments, one after the other. */
  #removing = Promise.resolve();
  /** The last head that was reported. */
  #reported: Head = BEFORE_ALL;

  /** Opens the log, or creates it. */
  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const folder = auditFolder(path.resolve(options.dir));
    this.#writer = new ChainWriter(folder, createSeal(options.key), this.#now);
    this.#headTimer = setInterval(() => this.#reportHead(), HEAD_EVERY_MS).unref();
    this.#write();
    this.#reportHead();
  }

  /** Once it returns, the row outlives this process, unless {@link isUp} is false; within a second also the machine. */
  append(row: AuditRow): void {
    if (!this.#isClosed && !this.#write({ type: 'decision', fields: boundedRow(row) })) this.#lost++;
  }

  /** Writes a row about the log itself, as {@link append} does. @returns true if it is in the log */
  note(row: UnsealedRow): boolean {
    return this.#write(row);
  }

  /** The last row; number 0 before the first. */
  head(): Head {
    return this.#writer.head;
  }

  /** True if the last row is written, and the last sync succeeded. */
  isUp(): boolean {
    return !this.#isClosed && !this.#isDown.write && !this.#isDown.sync;
  }

  /** Number of rows lost in this outage; 0 once rows are written again. */
  lost(): number {
    return this.#lost;
  }

  /** Sets the days for which rows are kept at least; before, nothing is removed. */
  setRetention(days: number): void {
    this.#retentionDays = days;
    this.#removeOld();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#triedAt = Number.NEGATIVE_INFINITY;
    if (this.#lost > 0) this.#write();
    this.#isClosed = true;
    clearInterval(this.#headTimer);
    clearTimeout(this.#syncTimer);
    await Promise.all([this.#removing, this.#syncing]);
    await this.#writer.close();
    this.#reportHead();
  }

  /**
   * Writes rows, or without any only opens the log; after an outage the number of lost rows goes first.
   *
   * @returns true if they are in the log
   */
  #write(...rows: UnsealedRow[]): boolean {
    const isOpen = this.#writer.segment !== undefined;
    if (this.#isClosed || (!isOpen && Math.abs(this.#now() - this.#triedAt) < OPEN_EVERY_MS)) return false;
    if (!isOpen) this.#triedAt = this.#now();
    try {
      if (this.#lost > 0) rows.unshift({ type: 'gap', fields: { lost: this.#lost } });
      this.#writer.put(rows);
    } catch (error) {
      this.#failed('write', storageCode(error));
      return false;
    }
    if (this.#isDown.write) this.#options.onRecovered?.(this.#lost);
    this.#isDown.write = false;
    this.#lost = 0;
    this.#syncSoon();
    if (this.#writer.segment !== this.#segment) this.#removeOld();
    this.#segment = this.#writer.segment;
    return true;
  }

  #failed(part: 'write' | 'sync', code: string): void {
    const isNew = !this.#isDown[part];
    this.#isDown[part] = true;
    if (isNew) this.#options.onError(code);
  }

  #syncSoon(): void {
    if (this.#isClosed) return;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncing = this.#sync();
    }, SYNC_EVERY_MS).unref();
  }

  /** The next one is a second after this has ended, so a disk that takes longer is not asked again meanwhile. */
  async #sync(): Promise<void> {
    const head = this.head();
    try {
      await this.#writer.sync();
      this.#isDown.sync = false;
    } catch (error) {
      this.#failed('sync', `SYNC_${storageCode(error)}`);
    }
    this.#syncTimer = undefined;
    if (!this.#isDown.sync) this.#options.onSynced?.(head);
    if (this.#isDown.sync || this.head().hash !== head.hash) this.#syncSoon();
  }

  #removeOld(): void {
    this.#removing = this.#removing
      .then(() => this.#removeSegments())
      .catch((error) => this.#options.onError(`RETENTION_${storageCode(error)}`));
  }

  /**
   * Removes whole segments of which all rows are too old, oldest first. Each removal is in the log before it happens, with
   * the hash that the rest of the chain follows.
   */
  async #removeSegments(): Promise<void> {
    const { folder, segment } = this.#writer;
    if (this.#retentionDays === undefined || segment === undefined) return;
    const firstDay = dayOf(this.#now() - this.#retentionDays * DAY_MS);
    const old = listSegments(folder).filter((one) => inOrder(one, segment) < 0 && one.day < firstDay);
    for (const { name } of old) {
      const file = path.join(folder, name);
      const fields = { segment: name, retention_days: this.#retentionDays, ...lastOf(file) };
      if (!this.#write({ type: 'retention', fields })) return;
      await fs.promises.rm(file, { force: true });
    }
  }

  #reportHead(): void {
    const { head } = this.#writer;
    if (head.hash === this.#reported.hash) return;
    this.#reported = head;
    this.#options.onHead?.(head);
  }
}

/** A segment that cannot be read is removed too; its row then has no end. */
function lastOf(file: string): { last_seq: number | null; last_hash: string | null } {
  try {
    const [row] = readEnd(file).rows;
    return { last_seq: row?.seq ?? null, last_hash: row?.hash ?? null };
  } catch {
    return { last_seq: null, last_hash: null };
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  LOCKED: 'another bridge writes the audit log in this DATA_DIR; give each its own',
  GONE: 'the file was deleted while it was written',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the disk is read-only',
  EACCES: 'this user may not write in DATA_DIR',
  EPERM: 'this user may not write in DATA_DIR',
  ENOTDIR: 'a part of DATA_DIR is no folder',
};

/** Tells an operator what to do about a code of {@link AuditLogOptions.onError}. */
export function auditAdvice(code: string): string {
  const [, part = '', cause = code] = /^(RETENTION|SYNC)_(.*)$/.exec(code) ?? [];
  const advice = ADVICE[cause] ?? 'look at the disk of DATA_DIR';
  if (part === 'RETENTION') return `old rows could not be removed: ${advice}`;
  return part === 'SYNC' ? `rows may not outlive a power cut: ${advice}` : advice;
}
