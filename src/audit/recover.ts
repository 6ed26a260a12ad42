import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { BEFORE_ALL, type Head, type Seal, type UnsealedRow } from './chain.ts';
import { MAX_LINE_BYTES, readEnd, readLines, rowIn, type SegmentEnd } from './read.ts';
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
const UNREADABLE = new Set(['EISDIR', 'EIO', 'EACCES', 'EPERM']);

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
    const found = endOrReason(file);
    if (typeof found === 'string') {
      rows.push({ type: 'restarted', fields: { aside: putAside(file), reason: found } });
      return { head: BEFORE_ALL, last: segments.pop(), isOpen: false, rows };
    }
    const { end, tornBytes: cut_bytes, badLines: bad_lines } = found;
    if (cut_bytes > 0) fs.truncateSync(file, end);
    if (cut_bytes + bad_lines > 0) {
      rows.push({ type: 'recovered', fields: { segment: last.name, cut_bytes, bad_lines } });
    }
    const [row] = found.rows;
    if (row !== undefined) {
      return { head: { seq: row.seq, hash: row.hash }, last, isOpen: isSealedAlike(file, seal), rows };
    }
  }
  return { head: BEFORE_ALL, last: undefined, isOpen: false, rows };
}

/** The end of a segment, or the reason why it cannot be read. */
function endOrReason(file: string): SegmentEnd | string {
  try {
    const end = readEnd(file);
    // Half a line alone is a first row that was cut off
    const isLog = end.rows.length > 0 || (end.end === 0 && end.tornBytes <= MAX_LINE_BYTES);
    return isLog ? end : 'NOT_A_LOG';
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
  const [first] = readLines(file);
  const { event_type, fields } = (first && rowIn(first)) ?? {};
  return event_type === 'segment' && fields?.alg === alg && fields.key_id === keyId;
}
