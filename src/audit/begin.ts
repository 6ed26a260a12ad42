import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { BEFORE_ALL, type Head, type Seal } from './chain.ts';
import { readEnd, readFirst, type SegmentEnd } from './last-row.ts';
import { listSegments, type Segment } from './segments.ts';

/** A row that tells of the log itself. */
export type Event = { readonly type: string; readonly fields: Readonly<Record<string, unknown>> };

/** Where a log goes on. */
export type Beginning = {
  readonly head: Head;
  /** The last segment that has rows. */
  readonly last: Segment | undefined;
  /** Whether new rows may stand in it: they are sealed alike. */
  readonly isOpen: boolean;
  /** What was found, to be told in the log. */
  readonly events: readonly Event[];
};

/** With these a file stays unreadable; all others may pass, as too many open files do. */
const UNREADABLE = new Set(['NOT_A_LOG', 'EISDIR', 'EIO', 'EACCES', 'EPERM']);

/**
 * Finds the end of the log in a folder. Half a line is cut off, as nobody was told that it was written; a segment that
 * cannot be read is put aside under another name, and then the chain begins anew.
 *
 * @throws Error with the code of the system
 */
export function findBeginning(folder: string, seal: Seal): Beginning {
  const segments = [...listSegments(folder)];
  const events: Event[] = [];
  for (let last = segments.pop(); last !== undefined; last = segments.pop()) {
    const file = path.join(folder, last.name);
    const end = endOf(file);
    if ('unreadable' in end) {
      const aside = putAside(file);
      const fields = { aside, reason: end.unreadable };
      return {
        ...{ head: BEFORE_ALL, last: segments.pop(), isOpen: false },
        events: [...events, { type: 'restarted', fields }],
      };
    }
    if (end.tornBytes > 0) fs.truncateSync(file, end.end);
    if (end.tornBytes > 0 || end.badLines > 0) {
      const fields = { segment: last.name, cut_bytes: end.tornBytes, bad_lines: end.badLines };
      events.push({ type: 'recovered', fields });
    }
    if (end.row !== undefined) {
      const { seq, hash } = end.row;
      return { head: { seq, hash }, last, isOpen: isSealedAlike(file, seal), events };
    }
  }
  return { head: BEFORE_ALL, last: undefined, isOpen: false, events };
}

function endOf(file: string): SegmentEnd | { unreadable: string } {
  try {
    return readEnd(file);
  } catch (error) {
    const code = storageCode(error);
    if (!UNREADABLE.has(code)) throw error;
    return { unreadable: code };
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
