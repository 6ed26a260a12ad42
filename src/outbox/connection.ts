import { transaction } from '../storage/database.ts';
import { LockedError } from '../storage/lock.ts';
import { isAboutValues, isBusy, isDamage, storageCode } from '../storage/storage-code.ts';
import { OutboxError, type OutboxEvents } from './contract.ts';
import { type OutboxFile, openOutboxFile } from './file.ts';
import type { OutboxQueries } from './queries.ts';
import { VersionError } from './schema.ts';

export type ConnectionOptions = {
  readonly dir: string;
  /** The backends that records are for. */
  readonly backends: readonly string[];
  /** Milliseconds that a folder which cannot be used is left alone before it is tried again. Default 2000. */
  readonly reopenMs?: number;
  readonly events: OutboxEvents;
};

/** More ids than one file can hold. */
const IDS_OF_A_FILE = 2 ** 40;

/** The outbox file of a folder, opened when it is used, and again after what made it unusable. */
export class Connection {
  readonly #options: ConnectionOptions;
  /** Undefined while the folder cannot be used. */
  #file: OutboxFile | undefined;
  /** Time of the last attempt to open it, by `performance.now()`. */
  #triedAt = Number.NEGATIVE_INFINITY;
  /** The code last told of; undefined while records can be stored. */
  #trouble: string | undefined;
  /** Code of the damage met in the open file, which may look sound when it is opened again. */
  #fault: string | undefined;
  #isClosed = false;
  /** Ids begin anew in a new file: an ack of a record of the file before must not be taken for another's. */
  #firstId = -IDS_OF_A_FILE;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Added to the ids of the open file, it makes them unique over all files of this connection. */
  get firstId(): number {
    return this.#firstId;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Opens the file unless it is open. @throws OutboxError */
  open(): OutboxFile {
    if (this.#file !== undefined) return this.#file;
    const { dir, backends, reopenMs = 2000, events } = this.#options;
    if (this.#isClosed || performance.now() - this.#triedAt < reopenMs) throw new OutboxError('unavailable');
    this.#triedAt = performance.now();
    try {
      this.#file = openOutboxFile(dir, backends, { fault: this.#fault });
    } catch (error) {
      const code = error instanceof LockedError ? 'SQLITE_BUSY' : storageCode(error);
      this.#report(code, error instanceof VersionError ? error.message : undefined);
      throw new OutboxError('unavailable', error);
    }
    this.#firstId += IDS_OF_A_FILE;
    this.#fault = undefined;
    if (this.#file.damage !== undefined) events.damaged(this.#file.damage);
    this.#report(undefined);
    return this.#file;
  }

  /** Runs all of it and commits, or nothing. Throws what went wrong; see {@link Connection.failed}. */
  transaction<T>(run: (queries: OutboxQueries) => T): T {
    if (this.#file?.isGone()) this.#release();
    const { db, queries } = this.open();
    const result = transaction(db, () => run(queries));
    this.#report(undefined);
    return result;
  }

  /** Sorts what was thrown for the caller. Damage makes the next use put the file aside. */
  failed(error: unknown): unknown {
    if (error instanceof OutboxError) return error;
    const code = storageCode(error);
    if (!code.startsWith('SQLITE_') || isAboutValues(error)) return error;
    if (code === 'SQLITE_FULL') {
      this.#report(code);
      return new OutboxError('full', error);
    }
    if (isDamage(error)) this.#fault = code;
    // Another process writes: a command of the operator
    if (!isBusy(error)) this.#release();
    this.#report(code);
    return new OutboxError('unavailable', error);
  }

  #report(code: string | undefined, advice?: string): void {
    if (code === this.#trouble) return;
    this.#trouble = code;
    this.#options.events.unavailable(code, advice);
  }

  #release(): void {
    try {
      this.#file?.close();
    } catch {
      // It was broken before
    }
    this.#file = undefined;
  }

  /** Releases the folder for good. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }
}
