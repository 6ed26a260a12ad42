import path from 'node:path';
import { makeFolder } from '../storage/folder.ts';
import { type Lock, lockLog } from '../storage/lock.ts';
import { type Event, findBeginning } from './begin.ts';
import { BEFORE_ALL, type Head, type Seal, sealRow } from './chain.ts';
import { GoneError, openSegmentFile, type SegmentFile } from './segment-file.ts';
import { auditFolder, dayOf, listSegments, type Segment, segmentAfter } from './segments.ts';

export type ChainWriterOptions = {
  /** `DATA_DIR`. */
  readonly dir: string;
  readonly seal: Seal;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Writes rows one after the other, a segment for each day. */
export type ChainWriter = {
  /** Opens the log, unless it is open. @throws as {@link put} */
  open(): void;
  /**
   * Appends rows, all or none. What could not be opened is tried again, and a file or folder that is gone is made anew.
   *
   * @throws LockedError, or an Error with the code of the system: then they are not in the log
   */
  put(events: readonly Event[]): void;
  /** The last row written. */
  head(): Head;
  /** The segment that is written. */
  current(): Segment | undefined;
  /** Writes what the system still holds in memory to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
};

type Open = { readonly segment: Segment; readonly file: SegmentFile; hasTitle: boolean };

const VERSION = 1;

export function createChainWriter({ dir, seal, now }: ChainWriterOptions): ChainWriter {
  const folder = auditFolder(path.resolve(dir));
  let lock: Lock | undefined;
  let head: Head | undefined;
  let current: Open | undefined;
  /** What was found at the start and is not in the log yet. */
  let untold: readonly Event[] = [];
  const closing = new Set<Promise<void>>();

  function open(): Open {
    current ??= openLog();
    if (dayOf(now()) > current.segment.day) begin(segmentAfter(current.segment, dayOf(now())));
    if (!current.hasTitle) {
      write([{ type: 'segment', fields: { version: VERSION, alg: seal.alg, key_id: seal.keyId } }]);
      current.hasTitle = true;
    }
    if (untold.length > 0) {
      write(untold);
      untold = [];
    }
    return current;
  }

  function openLog(): Open {
    makeFolder(path.dirname(folder));
    makeFolder(folder);
    if (lock?.isGone()) {
      lock.close();
      lock = undefined;
    }
    lock ??= lockLog(path.join(folder, 'audit.lock'));
    let last = listSegments(folder).at(-1);
    if (head === undefined) {
      const found = findBeginning(folder, seal);
      head = found.head;
      untold = found.events;
      last = found.last;
      if (last !== undefined && found.isOpen && last.day >= dayOf(now())) {
        return { segment: last, file: openSegmentFile(path.join(folder, last.name)), hasTitle: true };
      }
    }
    return newSegment(segmentAfter(last, dayOf(now())));
  }

  function begin(segment: Segment): void {
    const before = current;
    current = newSegment(segment);
    if (before !== undefined) leave(before);
  }

  function newSegment(segment: Segment): Open {
    const file = openSegmentFile(path.join(folder, segment.name));
    if (file.size === 0) return { segment, file, hasTitle: false };
    leave({ segment, file, hasTitle: true });
    return newSegment(segmentAfter(segment, segment.day));
  }

  function leave({ file }: Open): void {
    const closed = file.close().catch(() => {});
    closing.add(closed);
    void closed.then(() => closing.delete(closed));
  }

  function write(events: readonly Event[]): void {
    if (head === undefined || current === undefined) throw new Error('not open');
    const at = new Date(now()).toISOString();
    let { seq, hash } = head;
    let lines = '';
    for (const { type, fields } of events) {
      const sealed = sealRow({ seq: ++seq, at, event_type: type, ...fields }, hash, seal);
      lines += sealed.line;
      ({ hash } = sealed);
    }
    current.file.append(lines);
    head = { seq, hash };
  }

  /** Once more if the file was gone: then it is made anew. */
  function onOpen(then: () => void): void {
    try {
      open();
      then();
    } catch (error) {
      if (!(error instanceof GoneError) || current === undefined) throw error;
      leave(current);
      current = undefined;
      open();
      then();
    }
  }

  return {
    open: () => onOpen(() => {}),
    put: (events) => onOpen(() => write(events)),
    head: () => head ?? BEFORE_ALL,
    current: () => current?.segment,
    sync: async () => current?.file.sync(),
    async close() {
      if (current !== undefined) leave(current);
      current = undefined;
      await Promise.allSettled(closing);
      lock?.close();
      lock = undefined;
    },
  };
}
