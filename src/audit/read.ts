import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { readRow, type SealedRow } from './chain.ts';
import { dayOf, inOrder, listSegments, type Segment } from './segment.ts';

/** A line of a file without its end, and its place. */
export type Line = {
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** Offset of the next line. */
  readonly end: number;
  readonly isComplete: boolean;
};

const CHUNK_BYTES = 256 * 1024;
/** No row is longer; a line that is gets cut to about this. */
export const MAX_LINE_BYTES = 1024 * 1024;
const LF = 10;

/**
 * The lines of a file as it is now, in bounded memory; what is appended meanwhile may or may not be among them. A
 * file that is gone has none.
 *
 * @param from offset to begin at
 * @throws Error with the code of the system
 */
export function* readLines(file: string, from = 0): Generator<Line> {
  const fd = openIfThere(file);
  if (fd === undefined) return;
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = Buffer.alloc(0);
    let number = 1;
    for (let at = from; ; ) {
      const bytesRead = fs.readSync(fd, chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) {
        if (rest.length > 0) yield { bytes: rest, number, end: at, isComplete: false };
        return;
      }
      at += bytesRead;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let stop = rest.indexOf(LF); stop >= 0; stop = rest.indexOf(LF)) {
        const bytes = rest.subarray(0, stop);
        rest = rest.subarray(stop + 1);
        yield { bytes, number: number++, end: at - rest.length, isComplete: true };
      }
      rest = rest.subarray(0, MAX_LINE_BYTES);
    }
  } finally {
    fs.closeSync(fd);
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return fs.openSync(file, 'r');
  } catch (error) {
    // It has become too old and was removed
    if (storageCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined for a line that is no row; `verifyLog` reports it. */
export function rowIn({ bytes, isComplete }: Line): SealedRow | undefined {
  return isComplete ? readRow(bytes) : undefined;
}

/** The end of a segment. */
export type SegmentEnd = {
  readonly rows: readonly SealedRow[];
  /** Bytes up to the end of the last complete line, and those of half a line after it. */
  readonly end: number;
  readonly tornBytes: number;
  /** Complete lines after the last row that are no rows. */
  readonly badLines: number;
};

/** A row has a few hundred bytes; what a power cut left behind can be much more. */
const FIRST_PART_BYTES = 64 * 1024;

/**
 * Reads the last rows of a file, and no more of its end than that takes: four times as much with each attempt.
 *
 * @throws Error with the code of the system
 */
export function readEnd(file: string, count = 1): SegmentEnd {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  for (let length = FIRST_PART_BYTES; ; length *= 4) {
    const from = Math.max(0, size - length);
    const rows: SealedRow[] = [];
    let end = from;
    let badLines = 0;
    for (const line of readLines(file, from)) {
      if (line.isComplete) ({ end } = line);
      const row = rowIn(line);
      if (row === undefined) {
        if (line.isComplete) badLines++;
        continue;
      }
      badLines = 0;
      rows.push(row);
      if (rows.length > count) rows.shift();
    }
    if (rows.length >= count || from === 0) return { rows, end, tornBytes: size - end, badLines };
  }
}

/** All rows of a log in order; by default without bounds in time. */
export function* readRows(
  folder: string,
  { since = -Infinity, until = Infinity }: { since?: number | undefined; until?: number | undefined },
): Generator<SealedRow> {
  for (const { name, day } of listSegments(folder)) {
    // Its rows can be of the day after, or before: the clock may have been set
    if (since > 0 && day < dayOf(since - 86_400_000)) continue;
    for (const line of readLines(path.join(folder, name))) {
      const row = rowIn(line);
      const at = row === undefined ? Number.NaN : Date.parse(row.at);
      if (row !== undefined && at >= since && at < until) yield row;
    }
  }
}

/** Reads the last rows of a log, and then again and again those that were appended. */
export class Follower {
  readonly #folder: string;
  /** The last segment that was read, and the offset up to which. */
  #segment: Segment | undefined;
  #end = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The last rows that are there; to be called first. */
  last(count: number): readonly SealedRow[] {
    const rows: SealedRow[] = [];
    for (const segment of listSegments(this.#folder).toReversed()) {
      const found = readEnd(path.join(this.#folder, segment.name), count - rows.length);
      if (this.#segment === undefined) this.#end = found.end;
      this.#segment ??= segment;
      rows.unshift(...found.rows);
      if (rows.length >= count) break;
    }
    return rows;
  }

  /** Rows that came since the last time. */
  *next(): Generator<SealedRow> {
    for (const segment of listSegments(this.#folder)) {
      const order = this.#segment === undefined ? 1 : inOrder(segment, this.#segment);
      if (order < 0) continue;
      const file = path.join(this.#folder, segment.name);
      const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      // Another segment, or this one was deleted and created anew
      if (order > 0 || size < this.#end) this.#end = 0;
      this.#segment = segment;
      for (const line of readLines(file, this.#end)) {
        if (line.isComplete) this.#end = line.end;
        const row = rowIn(line);
        if (row !== undefined) yield row;
      }
    }
  }
}
