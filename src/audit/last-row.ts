import fs from 'node:fs';
import { readRow, type SealedRow } from './chain.ts';

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

/** Nothing in it is a row. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly code = 'NOT_A_LOG';
}

const LF = 10;
/** A row has a few hundred bytes; what a power cut left behind can be much more. */
const LOOKS = [64 * 1024, 16 * 1024 * 1024];

/** @throws UnreadableError, or an Error with the code of the system */
export function readEnd(file: string): SegmentEnd {
  const fd = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(fd);
    for (const look of LOOKS) {
      const found = lastRowIn(readAt(fd, Math.max(0, size - look), size), size);
      if (found !== undefined) return found;
    }
  } finally {
    fs.closeSync(fd);
  }
  throw new UnreadableError('no row of the audit log in it');
}

/** The first row, or undefined if the first line is none. @throws Error with the code of the system */
export function readFirst(file: string): SealedRow | undefined {
  const fd = fs.openSync(file, 'r');
  try {
    const start = readAt(fd, 0, LOOKS[0] ?? 0);
    const end = start.indexOf(LF);
    return end < 0 ? undefined : readRow(start.subarray(0, end));
  } finally {
    fs.closeSync(fd);
  }
}

/** Undefined if it is not to be told from this part of the file. */
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
