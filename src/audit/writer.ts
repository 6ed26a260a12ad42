import path from 'node:path';
import { makeFolder } from '../storage/folder.ts';
import { holdLock, type Lock } from '../storage/lock.ts';
import { BEFORE_ALL, type Head, type Seal, sealRow, type UnsealedRow } from './chain.ts';
import { recoverLog } from './recover.ts';
import {
  auditFolder,
  dayOf,
  GoneError,
  listSegments,
  type Segment,
  SegmentFile,
  segmentAfter,
} from './segment.ts';

/** The segment that is written. */
type Current = { readonly segment: Segment; readonly file: SegmentFile; hasTitle: boolean };

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
  #current: Current | undefined;
  /** Rows about what was found at the start; the first to be written. */
  #pending: readonly UnsealedRow[] = [];
  /** Files that are being closed. */
  readonly #closing = new Set<Promise<void>>();

  /** Opens nothing yet. @param dataDir `DATA_DIR` */
  constructor(dataDir: string, seal: Seal, now: () => number) {
    this.folder = auditFolder(path.resolve(dataDir));
    this.#seal = seal;
    this.#now = now;
  }

  /** The last row written. */
  get head(): Head {
    return this.#head ?? BEFORE_ALL;
  }

  /** The segment that is written; undefined while the log is not open. */
  get segment(): Segment | undefined {
    return this.#current?.segment;
  }

  /**
   * Opens the log, unless it is open, and appends rows, all or none. A file or folder that is gone is created anew.
   *
   * @throws LockedError, or an Error with the code of the system: then the rows are not in the log
   */
  put(rows: readonly UnsealedRow[]): void {
    try {
      this.#open();
      if (rows.length > 0) this.#append(rows);
    } catch (error) {
      if (!(error instanceof GoneError) || this.#current === undefined) throw error;
      this.#leave(this.#current);
      this.#current = undefined;
      this.#open();
      if (rows.length > 0) this.#append(rows);
    }
  }

  /** Writes to the disk what the system still holds in memory. */
  async sync(): Promise<void> {
    await this.#current?.file.sync();
  }

  async close(): Promise<void> {
    if (this.#current !== undefined) this.#leave(this.#current);
    this.#current = undefined;
    await Promise.allSettled(this.#closing);
    this.#lock?.close();
    this.#lock = undefined;
  }

  #open(): void {
    const today = dayOf(this.#now());
    this.#current ??= this.#openLog(today);
    if (today > this.#current.segment.day) {
      const before = this.#current;
      this.#current = this.#newSegment(segmentAfter(before.segment, today));
      this.#leave(before);
    }
    if (!this.#current.hasTitle) {
      const { alg, keyId } = this.#seal;
      this.#append([{ type: 'segment', fields: { version: VERSION, alg, key_id: keyId } }]);
      this.#current.hasTitle = true;
    }
    if (this.#pending.length > 0) {
      this.#append(this.#pending);
      this.#pending = [];
    }
  }

  #openLog(today: string): Current {
    makeFolder(path.dirname(this.folder));
    makeFolder(this.folder);
    if (this.#lock?.isGone()) {
      this.#lock.close();
      this.#lock = undefined;
    }
    this.#lock ??= holdLock(path.join(this.folder, 'audit.lock'));
    if (this.#head !== undefined) {
      return this.#newSegment(segmentAfter(listSegments(this.folder).at(-1), today));
    }
    const { head, last, isOpen, rows } = recoverLog(this.folder, this.#seal);
    this.#head = head;
    this.#pending = rows;
    if (last === undefined || !isOpen || last.day < today) {
      return this.#newSegment(segmentAfter(last, today));
    }
    return { segment: last, file: new SegmentFile(path.join(this.folder, last.name)), hasTitle: true };
  }

  /** Opens the next segment that has nothing in it. */
  #newSegment(segment: Segment): Current {
    const file = new SegmentFile(path.join(this.folder, segment.name));
    if (file.size === 0) return { segment, file, hasTitle: false };
    this.#leave({ segment, file, hasTitle: true });
    return this.#newSegment(segmentAfter(segment, segment.day));
  }

  #leave({ file }: Current): void {
    const closed = file.close().catch(() => {});
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }

  #append(rows: readonly UnsealedRow[]): void {
    if (this.#head === undefined || this.#current === undefined) throw new Error('not open');
    const at = new Date(this.#now()).toISOString();
    let { seq, hash } = this.#head;
    let lines = '';
    for (const { type, fields } of rows) {
      const sealed = sealRow({ seq: ++seq, at, event_type: type, ...fields }, hash, this.#seal);
      lines += sealed.line;
      ({ hash } = sealed);
    }
    this.#current.file.append(lines);
    this.#head = { seq, hash };
  }
}
