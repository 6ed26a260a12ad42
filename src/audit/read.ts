import fs from 'node:fs';
import path from 'node:path';
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
const MAX_LINE_BYTES = 1024 * 1024;
const LF = 10;

/**
 * The lines of a file as it is now, in bounded memory; what is appended meanwhile may or may not be among them. A
 * file that is gone has none.
 *
 * @param from offset to begin at
 * @throws Error with the code of the system
 */
export async function* readLines(file: string, from = 0): AsyncGenerator<Line> {
  const handle = await fs.promises.open(file, 'r').catch((error) => {
    // It has become too old and was removed
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    let number = 0;
    let end = from;
    for (let at = from; ; ) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) break;
      const read = chunk.subarray(0, bytesRead);
      let start = 0;
      for (let stop = read.indexOf(LF); stop >= 0; stop = read.indexOf(LF, start)) {
        const part = read.subarray(start, stop);
        const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
        start = stop + 1;
        end = at + start;
        rest = Buffer.alloc(0);
        yield { bytes, number: ++number, end, isComplete: true };
      }
      if (rest.length < MAX_LINE_BYTES) rest = Buffer.concat([rest, read.subarray(start)]);
      at += bytesRead;
    }
    if (rest.length > 0) yield { bytes: rest, number: number + 1, end, isComplete: false };
  } finally {
    await handle.close();
  }
}

/** A row and the line it was read from. */
export type ReadRow = SealedRow & { readonly line: string };

/** Undefined for a line that is no row; `verifyLog` reports it. */
function rowIn({ bytes, isComplete }: Line): ReadRow | undefined {
  const row = isComplete ? readRow(bytes) : undefined;
  return row && { ...row, line: bytes.toString() };
}

/** All rows of a log in order; by default without bounds in time. */
export async function* readRows(
  folder: string,
  { since, until }: { since?: number | undefined; until?: number | undefined } = {},
): AsyncGenerator<ReadRow> {
  for (const { name, day } of listSegments(folder)) {
    // Its rows can be of the day after, or before: the clock may have been set
    if (since !== undefined && day < dayOf(since - 86_400_000)) continue;
    for await (const line of readLines(path.join(folder, name))) {
      const row = rowIn(line);
      const at = row === undefined ? Number.NaN : Date.parse(row.at);
      if (row !== undefined && at >= (since ?? -Infinity) && at < (until ?? Infinity)) yield row;
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
  async last(count: number): Promise<readonly ReadRow[]> {
    const rows: ReadRow[] = [];
    for (const segment of listSegments(this.#folder).toReversed()) {
      const found = await lastRows(path.join(this.#folder, segment.name), count - rows.length);
      if (this.#segment === undefined) this.#end = found.end;
      this.#segment ??= segment;
      rows.unshift(...found.rows);
      if (rows.length >= count) break;
    }
    return rows;
  }

  /** Rows that came since the last time. */
  async *next(): AsyncGenerator<ReadRow> {
    for (const segment of listSegments(this.#folder)) {
      const order = this.#segment === undefined ? 1 : inOrder(segment, this.#segment);
      if (order < 0) continue;
      const file = path.join(this.#folder, segment.name);
      const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      // Another segment, or this one was deleted and created anew
      if (order > 0 || size < this.#end) this.#end = 0;
      this.#segment = segment;
      for await (const line of readLines(file, this.#end)) {
        if (line.isComplete) this.#end = line.end;
        const row = rowIn(line);
        if (row !== undefined) yield row;
      }
    }
  }
}

const FIRST_PART_BYTES = 256 * 1024;

/** Reads no more of the end of a file than it takes, four times as much with each attempt. */
async function lastRows(file: string, count: number): Promise<{ rows: readonly ReadRow[]; end: number }> {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  for (let length = FIRST_PART_BYTES; ; length *= 4) {
    const from = Math.max(0, size - length);
    const rows: ReadRow[] = [];
    let end = from;
    for await (const line of readLines(file, from)) {
      if (line.isComplete) ({ end } = line);
      const row = rowIn(line);
      if (row !== undefined) rows.push(row);
      if (rows.length > count) rows.shift();
    }
    if (rows.length >= count || from === 0) return { rows, end };
  }
}
