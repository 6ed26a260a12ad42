import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const fdatasync = promisify(fs.fdatasync);
const close = promisify(fs.close);

/** The file was deleted or replaced while it was open. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
  readonly code = 'GONE';
}

/** A segment that is open for appending. */
export type SegmentFile = {
  /** Bytes it had when it was opened. */
  readonly size: number;
  /**
   * Writes lines of ASCII, all or none; then they outlive this process, and after {@link sync} the machine.
   *
   * @throws GoneError, or an Error with the code of the system
   */
  append(lines: string): void;
  sync(): Promise<void>;
  /** {@link sync}, as far as it succeeds, and the end. */
  close(): Promise<void>;
};

/** @throws Error with the code of the system */
export function openSegmentFile(file: string): SegmentFile {
  const fd = fs.openSync(file, 'a', 0o600);
  const { ino, size } = fs.fstatSync(fd);
  /** Where half a line begins that could not be taken back. */
  let tornAt: number | undefined;
  let isInFolder = size > 0;

  async function sync() {
    await fdatasync(fd);
    if (isInFolder) return;
    const folder = await fs.promises.open(path.dirname(file), 'r');
    await folder.sync().finally(() => folder.close());
    isInFolder = true;
  }

  return {
    size,
    append(lines) {
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      if (stat?.ino !== ino) throw new GoneError('the file of the audit log was deleted or replaced');
      const start = Math.min(stat.size, tornAt ?? stat.size);
      if (tornAt !== undefined) {
        fs.ftruncateSync(fd, start);
        tornAt = undefined;
      }
      let written = 0;
      try {
        // A disk that gets full takes a part without a word
        while (written < lines.length)
          written += fs.writeSync(fd, written > 0 ? lines.slice(written) : lines);
      } catch (error) {
        if (written > 0) {
          tornAt = start;
          takeBack(start);
        }
        throw error;
      }
    },
    sync,
    async close() {
      await sync().catch(() => {});
      await close(fd);
    },
  };

  function takeBack(start: number) {
    try {
      fs.ftruncateSync(fd, start);
      tornAt = undefined;
    } catch {
      // The next append tries it again
    }
  }
}
