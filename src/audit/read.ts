import fs from 'node:fs';
import path from 'node:path';
import { readRow, type SealedRow } from './chain.ts';
import { readLines } from './lines.ts';
import { dayOf, listSegments, type Segment } from './segments.ts';

/** A row and the line it was read from. */
export type ReadRow = SealedRow & { readonly line: string };

/** What can be read, in order; what is no row is left out, as `verifyLog` tells of it. */
export async function* readRows(
  folder: string,
  {
    since = Number.NEGATIVE_INFINITY,
    until = Number.POSITIVE_INFINITY,
  }: { since?: number | undefined; until?: number | undefined } = {},
): AsyncGenerator<ReadRow> {
  for (const segment of listSegments(folder)) {
    if (!mayHave(segment, since)) continue;
    for await (const { bytes, isComplete } of readLines(path.join(folder, segment.name))) {
      const row = isComplete ? readRow(bytes) : undefined;
      const at = row === undefined ? Number.NaN : Date.parse(row.at);
      if (row !== undefined && at >= since && at < until) yield { ...row, line: bytes.toString() };
    }
  }
}

/** A clock that was set back lets a segment have rows of the days before, and a day set forward those after. */
function mayHave({ day }: Segment, since: number): boolean {
  return since === Number.NEGATIVE_INFINITY || day >= dayOf(since - 86_400_000);
}

/** Reads what is appended after a place, again and again. */
export type Follower = {
  /** Rows that came since the last time. */
  next(): AsyncGenerator<ReadRow>;
};

/**
 * The last rows, and then those that come.
 *
 * @param count how many of those that are there
 */
export async function followRows(
  folder: string,
  count: number,
): Promise<{ readonly rows: readonly ReadRow[]; readonly follower: Follower }> {
  const rows: ReadRow[] = [];
  let segment: Segment | undefined;
  let end = 0;
  for (const one of listSegments(folder).toReversed()) {
    const file = path.join(folder, one.name);
    const found = await lastRows(file, count - rows.length);
    if (segment === undefined) ({ end } = found);
    segment ??= one;
    rows.unshift(...found.rows);
    if (rows.length >= count) break;
  }

  async function* next(): AsyncGenerator<ReadRow> {
    for (const one of listSegments(folder)) {
      const isLater = segment === undefined || one.day > segment.day || isLaterPart(one, segment);
      if (!isLater && one.name !== segment?.name) continue;
      if (isLater) end = 0;
      segment = one;
      const file = path.join(folder, one.name);
      // Deleted and made anew
      if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) < end) end = 0;
      for await (const line of readLines(file, end)) {
        if (!line.isComplete) continue;
        ({ end } = line);
        const row = readRow(line.bytes);
        if (row !== undefined) yield { ...row, line: line.bytes.toString() };
      }
    }
  }
  return { rows, follower: { next } };
}

function isLaterPart(one: Segment, than: Segment): boolean {
  return one.day === than.day && one.part > than.part;
}

const FIRST_LOOK_BYTES = 256 * 1024;

/** Reads no more of the end of a file than it takes, twice as much each time. */
async function lastRows(
  file: string,
  count: number,
): Promise<{ readonly rows: readonly ReadRow[]; readonly end: number }> {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  for (let look = FIRST_LOOK_BYTES; ; look *= 4) {
    const from = Math.max(0, size - look);
    const rows: ReadRow[] = [];
    let end = from;
    for await (const line of readLines(file, from)) {
      if (!line.isComplete) continue;
      ({ end } = line);
      const row = readRow(line.bytes);
      if (row !== undefined) rows.push({ ...row, line: line.bytes.toString() });
      if (rows.length > count) rows.shift();
    }
    if (rows.length >= count || from === 0) return { rows, end };
  }
}
