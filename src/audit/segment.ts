import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** A file of the log: the rows of one day in UTC, or a part of them. */
export type Segment = {
  readonly name: string;
  /** `2026-11-21`. */
  readonly day: string;
  /** From 1; a day has several if the key changed, or a file was deleted or put aside. */
  readonly part: number;
};

const NAME = /^audit-(\d{4}-\d{2}-\d{2})(?:\.([1-9]\d{0,5}))?\.jsonl$/;

/** The folder of the log in `DATA_DIR`. */
export function auditFolder(dataDir: string): string {
  return path.join(dataDir, 'audit');
}

/**
 * All segments in a folder in order of time.
 *
 * @throws Error with the code of the system if the folder cannot be read
 */
export function listSegments(folder: string): readonly Segment[] {
  return fs
    .readdirSync(folder)
    .flatMap((name) => {
      const [, day, part = '1'] = NAME.exec(name) ?? [];
      return day === undefined ? [] : [{ name, day, part: Number(part) }];
    })
    .sort(inOrder);
}

/** For sorting by time. */
export function inOrder(a: Segment, b: Segment): number {
  return a.day === b.day ? a.part - b.part : a.day < b.day ? -1 : 1;
}

/** The segment to follow another: the next part of the same day, or the first of a new one. */
export function segmentAfter(last: Segment | undefined, today: string): Segment {
  const isNewDay = last === undefined || last.day < today;
  const [day, part] = isNewDay ? [today, 1] : [last.day, last.part + 1];
  return { name: `audit-${day}${part === 1 ? '' : `.${part}`}.jsonl`, day, part };
}

/** The day in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const fdatasync = promisify(fs.fdatasync);
const close = promisify(fs.close);

/** The file was deleted or replaced while it was open. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
  readonly code = 'GONE';
}

/** A segment that is open for appending. */
export class SegmentFile {
  readonly segment: Segment;
  readonly #file: string;
  readonly #fd: number;
  /** Tells whether the name still stands for the open file. */
  readonly #inode: number;
  #isEmpty: boolean;
  /** Start of half a line that could not be taken back. */
  #tornAt: number | undefined;
  /** False until the entry of a new file in its folder is synced. */
  #isInFolder: boolean;

  /** Opens the file, or creates it for this user alone. @throws Error with the code of the system */
  constructor(folder: string, segment: Segment) {
    this.segment = segment;
    this.#file = path.join(folder, segment.name);
    this.#fd = fs.openSync(this.#file, 'a', 0o600);
    const { ino, size } = fs.fstatSync(this.#fd);
    this.#inode = ino;
    this.#isEmpty = size === 0;
    this.#isInFolder = size > 0;
  }

  /** True until a line is in it. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /**
   * Writes lines of ASCII, all or none; then they outlive this process, and after {@link sync} the machine.
   *
   * @throws GoneError, or an Error with the code of the system
   */
  append(lines: string): void {
    const stat = fs.statSync(this.#file, { throwIfNoEntry: false });
    if (stat?.ino !== this.#inode) throw new GoneError('the file of the audit log was deleted or replaced');
    const start = Math.min(stat.size, this.#tornAt ?? stat.size);
    if (this.#tornAt !== undefined) this.#cutAt(start);
    let written = 0;
    try {
      // A disk that gets full takes a part without an error
      while (written < lines.length) {
        written += fs.writeSync(this.#fd, written > 0 ? lines.slice(written) : lines);
      }
      this.#isEmpty = false;
    } catch (error) {
      try {
        if (written > 0) this.#cutAt(start);
      } catch {
        // The next append tries again
      }
      throw error;
    }
  }

  #cutAt(start: number): void {
    this.#tornAt = start;
    fs.ftruncateSync(this.#fd, start);
    this.#tornAt = undefined;
  }

  async sync(): Promise<void> {
    await fdatasync(this.#fd);
    if (this.#isInFolder) return;
    const folder = await fs.promises.open(path.dirname(this.#file), 'r');
    await folder.sync().finally(() => folder.close());
    this.#isInFolder = true;
  }

  /** Syncs as far as that succeeds, and closes the file. */
  async close(): Promise<void> {
    await this.sync().catch(() => {});
    await close(this.#fd);
  }
}
