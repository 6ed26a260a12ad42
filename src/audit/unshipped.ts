import fs from 'node:fs';
import path from 'node:path';
import type { Head } from './chain.ts';
import { readEnd, readLines, rowIn } from './read.ts';
import { inOrder, listSegments, type Segment } from './segment.ts';

/** A row as it goes into the table, read no further than that takes. */
export type RowLine = {
  readonly line: string;
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly hash: string;
};

/** The end of a row in a folder. */
export type RowEnd = {
  readonly segment: Segment;
  /** Offset of the next line. */
  readonly end: number;
};

/** Fields in the order in which the writer has them. */
const ROW_LINE =
  /^\{"seq":(\d{1,15}),"at":"([^"]{20,32})","event_type":"(\w{1,32})".*,"hash":"([0-9a-f]{64})"\}$/;

/** Undefined for a line that is no row. */
export function rowLine(line: string): RowLine | undefined {
  const [, seq, at, type, hash] = ROW_LINE.exec(line) ?? [];
  if (seq === undefined || at === undefined || type === undefined || hash === undefined) return undefined;
  return { line, seq: Number(seq), at, type, hash };
}

/**
 * Where a row stands in a folder; undefined if it does not.
 *
 * @throws Error with the code of the system
 */
export function findRow(folder: string, head: Head): RowEnd | undefined {
  for (const segment of listSegments(folder).toReversed()) {
    const file = path.join(folder, segment.name);
    const last = readEnd(file).rows.at(-1)?.seq ?? 0;
    const first = firstSeq(file) ?? 0;
    const end = head.seq < first || head.seq > last ? undefined : findInFile(file, head);
    if (end !== undefined) return { segment, end };
  }
  return undefined;
}

/** Least bytes that are read. */
const NEAR_BYTES = 256 * 1024;

/** The offset after a row; rows of a file have rising numbers, so that half of what is left is ruled out with each look. */
function findInFile(file: string, { seq, hash }: Head): number | undefined {
  // The row begins at `from`, where a line begins, or after it, and before `to`
  let from = 0;
  let to = fs.statSync(file).size;
  while (to - from > NEAR_BYTES) {
    const middle = Math.floor((from + to) / 2);
    const next = rowBeyond(file, middle);
    if (next === undefined || next.seq > seq) to = middle + 1;
    else from = next.start;
  }
  for (const { bytes, end } of readLines(file, from)) {
    const row = rowLine(bytes.toString('latin1'));
    if (row?.hash === hash) return end;
    if (row !== undefined && row.seq > seq) break;
  }
  return undefined;
}

/** The first row that begins after an offset. */
function rowBeyond(file: string, offset: number): { seq: number; start: number } | undefined {
  let start: number | undefined;
  for (const { bytes, end, isComplete } of readLines(file, offset)) {
    const row = start === undefined || !isComplete ? undefined : rowLine(bytes.toString('latin1'));
    if (row !== undefined && start !== undefined) return { seq: row.seq, start };
    start = end;
  }
  return undefined;
}

function firstSeq(file: string): number | undefined {
  for (const line of readLines(file)) return rowIn(line)?.seq;
  return undefined;
}

/**
 * The rows of a folder after one of them, or all.
 *
 * @throws Error with the code of the system
 */
export function* rowsAfter(
  folder: string,
  after: RowEnd | undefined,
): Generator<RowLine & { readonly place: RowEnd }> {
  for (const segment of listSegments(folder)) {
    const order = after === undefined ? 1 : inOrder(segment, after.segment);
    if (order < 0) continue;
    const from = order === 0 ? (after?.end ?? 0) : 0;
    for (const { bytes, end, isComplete } of readLines(path.join(folder, segment.name), from)) {
      const row = isComplete ? rowLine(bytes.toString('latin1')) : undefined;
      if (row !== undefined) yield { ...row, place: { segment, end } };
    }
  }
}

/** The first row of a folder. */
export function firstRow(folder: string): RowLine | undefined {
  for (const row of rowsAfter(folder, undefined)) return row;
  return undefined;
}
