import fs from 'node:fs';
import path from 'node:path';

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

export function segmentOf(day: string, part: number): Segment {
  return { name: `audit-${day}${part === 1 ? '' : `.${part}`}.jsonl`, day, part };
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

/** The part that comes after a segment: of the same day, or of a new one. */
export function segmentAfter(last: Segment | undefined, day: string): Segment {
  return last === undefined || last.day < day ? segmentOf(day, 1) : segmentOf(last.day, last.part + 1);
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
