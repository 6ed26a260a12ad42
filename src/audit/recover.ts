import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { BEFORE_ALL, type Head, readRow, type Seal, type SealedRow, type UnsealedRow } from './chain.ts';
import { listSegments, type Segment } from './segment.ts';

/** The end of a log, after which new rows go. */
export type RecoveredLog = {
  readonly head: Head;
  /** The last segment that has rows. */
  readonly last: Segment | undefined;
  /** True if its rows are sealed like new ones, which may then stand in it. */
  readonly isOpen: boolean;
  /** Rows that say what was found and mended. */
  readonly rows: readonly UnsealedRow[];
};

/** With these codes a file stays unreadable; others, such as too many open files, may pass. */
const UNREADABLE = new Set(['NOT_A_LOG', 'EISDIR', 'EIO', 'EACCES', 'EPERM']);

/**
 * Finds the end of the log in a folder. Half a line is cut off, as nobody was told that it was written; a segment that
 * cannot be read is put aside under another name, and then the chain begins anew.
 *
 * @throws Error with the code of the system
 */
export function recoverLog(folder: string, seal: Seal): RecoveredLog {
  const segments = [...listSegments(folder)];
  const rows: UnsealedRow[] = [];
  for (let last = segments.pop(); last !== undefined; last = segments.pop()) {
    const file = path.join(folder, last.name);
    const end = endOrReason(file);
    if (typeof end === 'string') {
      rows.push({ type: 'restarted', fields: { aside: putAside(file), reason: end } });
      return { head: BEFORE_ALL, last: segments.pop(), isOpen: false, rows };
    }
    if (end.tornBytes > 0) fs.truncateSync(file, end.end);
    if (end.tornBytes > 0 || end.badLines > 0) {
      const fields = { segment: last.name, cut_bytes: end.tornBytes, bad_lines: end.badLines };
      rows.push({ type: 'recovered', fields });
    }
    if (end.row !== undefined) {
      const { seq, hash } = end.row;
      return { head: { seq, hash }, last, isOpen: isSealedAlike(file, seal), rows };
    }
  }
  return { head: BEFORE_ALL, last: undefined, isOpen: false, rows };
}

/** The end of a segment, or the reason why it cannot be read. */
function endOrReason(file: string): SegmentEnd | string {
  try {
    return readEnd(file);
  } catch (error) {
    const code = storageCode(error);
    if (!UNREADABLE.has(code)) throw error;
    return code;
  }
}

function putAside(file: string): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const aside = file.replace(/\.jsonl$/, `.unreadable.${stamp}.jsonl`);
  fs.renameSync(file, aside);
  return path.basename(aside);
}

function isSealedAlike(file: string, { alg, keyId }: Seal): boolean {
  const { event_type, fields } = readFirst(file) ?? {};
  return event_type === 'segment' && fields?.alg === alg && fields.key_id === keyId;
}

/** The end of a segment. */
export type SegmentEnd = {
  /** Undefined if there is no complete line. */
  readonly row: SealedRow | undefined;
  /** Bytes up to the end of the last complete line, and those of half a line after it. */
  readonly end: number;
  readonly tornBytes: number;
  /** Complete lines after `row` that are no rows. */
  readonly badLines: number;
};

/** No line of the file is a row. */
class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly code = 'NOT_A_LOG';
}

const LF = 10;
/** A row has a few hundred bytes; what a power cut left behind can be much more. */
const SMALL_PART = 64 * 1024;
const LARGE_PART = 16 * 1024 * 1024;

/** Reads the end of a segment. @throws UnreadableError, or an Error with the code of the system */
export function readEnd(file: string): SegmentEnd {
  return withFile(file, (fd) => {
    const { size } = fs.fstatSync(fd);
    for (const length of [SMALL_PART, LARGE_PART]) {
      const end = lastRowIn(readAt(fd, Math.max(0, size - length), size), size);
      if (end !== undefined) return end;
    }
    throw new UnreadableError('no row of the audit log in it');
  });
}

/** The first row, or undefined if the first line is none. */
function readFirst(file: string): SealedRow | undefined {
  return withFile(file, (fd) => {
    const start = readAt(fd, 0, SMALL_PART);
    const end = start.indexOf(LF);
    return end < 0 ? undefined : readRow(start.subarray(0, end));
  });
}

function withFile<T>(file: string, read: (fd: number) => T): T {
  const fd = fs.openSync(file, 'r');
  try {
    return read(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Undefined if this part of the file is too small to tell. */
function lastRowIn(part: Buffer, size: number): SegmentEnd | undefined {
  const isWhole = part.length === size;
  const stop = part.lastIndexOf(LF) + 1;
  const tornBytes = part.length - stop;
  const end = size - tornBytes;
  if (stop === 0) return isWhole ? { row: undefined, end, tornBytes, badLines: 0 } : undefined;
  for (let lineEnd = stop - 1, badLines = 0; ; badLines++) {
    const before = lineEnd === 0 ? -1 : part.lastIndexOf(LF, lineEnd - 1);
    const row = readRow(part.subarray(before + 1, lineEnd));
    if (row !== undefined) return { row, end, tornBytes, badLines };
    if (before < 0) return undefined;
    lineEnd = before;
  }
}

function readAt(fd: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(to - from);
  let length = 0;
  for (;;) {
    const read = fs.readSync(fd, buffer, length, buffer.length - length, from + length);
    length += read;
    if (read === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}
