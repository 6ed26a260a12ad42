import path from 'node:path';
import { makeFolder } from '../storage/folder.ts';
import { holdLock, type Lock } from '../storage/lock.ts';
import { BEFORE_ALL, type Head, type Seal, sealRow, type UnsealedRow } from './chain.ts';
import { recoverLog } from './recover.ts';
import { dayOf, GoneError, listSegments, type Segment, SegmentFile, segmentAfter } from './segment.ts';

/** Version of the format, in the title of each segment. */
const VERSION = 1;

/** Writes the rows of a chain one after the other, a segment for each day. */
export class ChainWriter {
  /** Absolute path of the folder of the log. */
  readonly folder: string;
  readonly #seal: Seal;
  /** Unix milliseconds. */
  readonly #now: () => number;
  #lock: Lock | undefined;
  /** Undefined until the end of the log was found. */
  #head: Head | undefined;
  /** The segment that is written. */
  #file: SegmentFile | undefined;
  /** Rows about what was found at the start; the first to be written. */
  #pending: readonly UnsealedRow[] = [];
  /** Settled once all files that were left are closed. */
  #closing: Promise<unknown> = Promise.resolve();

  /** Opens nothing yet. */
  constructor(folder: string, seal: Seal, now: () => number) {
    this.folder = folder;
    this.#seal = seal;
    this.#now = now;
  }

  /** The last row written. */
  get head(): Head {
    return this.#head ?? BEFORE_ALL;
  }

  /** The segment that is written; undefined while the log is not open. */
  get segment(): Segment | undefined {
    return this.#file?.segment;
  }

  /**
   * Opens the log, unless it is open, and appends rows, all or none. A file or folder that is gone is created anew.
   *
   * @throws LockedError, or an Error with the code of the system: then the rows are not in the log
   */
  put(rows: readonly UnsealedRow[], isAgain = false): void {
    try {
      this.#append(this.#opened(), rows);
    } catch (error) {
      if (!(error instanceof GoneError) || isAgain) throw error;
      this.#leave();
      this.put(rows, true);
    }
  }

  /** Writes to the disk what the system still holds in memory. */
  async sync(): Promise<void> {
    await this.#closing;
    await this.#file?.sync();
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#closing;
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** The segment of today with its title. */
  #opened(): SegmentFile {
    const today = dayOf(this.#now());
    this.#file ??= this.#openLog(today);
    if (today > this.#file.segment.day) {
      const next = this.#newSegment(this.#file.segment, today);
      this.#leave();
      this.#file = next;
    }
    if (this.#file.isEmpty) {
      const { alg, keyId } = this.#seal;
      this.#append(this.#file, [{ type: 'segment', fields: { version: VERSION, alg, key_id: keyId } }]);
    }
    this.#append(this.#file, this.#pending);
    this.#pending = [];
    return this.#file;
  }

  #openLog(today: string): SegmentFile {
    makeFolder(path.dirname(this.folder));
    makeFolder(this.folder);
    if (this.#lock?.isGone()) {
      this.#lock.close();
      this.#lock = undefined;
    }
    this.#lock ??= holdLock(path.join(this.folder, 'audit.lock'));
    if (this.#head !== undefined) return this.#newSegment(listSegments(this.folder).at(-1), today);
    const { head, last, isOpen, rows } = recoverLog(this.folder, this.#seal);
    this.#head = head;
    this.#pending = rows;
    if (last === undefined || !isOpen || last.day < today) return this.#newSegment(last, today);
    return new SegmentFile(this.folder, last);
  }

  /** Opens the first segment after another that has nothing in it. */
  #newSegment(last: Segment | undefined, today: string): SegmentFile {
    const file = new SegmentFile(this.folder, segmentAfter(last, today));
    if (file.isEmpty) return file;
    this.#closing = Promise.allSettled([this.#closing, file.close()]);
    return this.#newSegment(file.segment, today);
  }

  #leave(): void {
    this.#closing = Promise.allSettled([this.#closing, this.#file?.close()]);
    this.#file = undefined;
  }

  #append(file: SegmentFile, rows: readonly UnsealedRow[]): void {
    if (rows.length === 0) return;
    const at = new Date(this.#now()).toISOString();
    let { seq, hash } = this.head;
    let lines = '';
    for (const { type, fields } of rows) {
      const sealed = sealRow({ seq: ++seq, at, event_type: type, ...fields }, hash, this.#seal);
      lines += sealed.line;
      ({ hash } = sealed);
    }
    file.append(lines);
    this.#head = { seq, hash };
  }
}
