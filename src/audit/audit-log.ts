import { storageCode } from '../storage/storage-code.ts';
import type { Event } from './begin.ts';
import { createSeal, type Head } from './chain.ts';
import { createChainWriter } from './chain-writer.ts';
import { createRetention } from './retention.ts';
import { type AuditRow, fieldsOfRow } from './row.ts';

export { auditAdvice } from './advice.ts';

export type AuditLogOptions = {
  /** `DATA_DIR`; the log is in its folder `audit`. */
  readonly dir: string;
  /** Without one the chain is of plain SHA-256, which whoever can write the files can make anew. */
  readonly key?: string | undefined;
  /** Unix milliseconds; the system's clock by default. */
  readonly now?: () => number;
  /** Told once for each outage, with a word that `auditAdvice` explains. */
  readonly onError: (code: string) => void;
  /** Told when rows are written again, with the number of those that were lost. */
  readonly onRecovered?: (lost: number) => void;
  /**
   * Told at the start, every hour if there is something new, and at the end: what lets somebody outside see that rows
   * were cut off.
   */
  readonly onHead?: (head: Head) => void;
};

/** An append-only log of decisions; each row holds the hash of the one before. Nothing here throws. */
export type AuditLog = {
  /** Once it returns, the row outlives this process, unless {@link AuditLog.isUp} is false; within a second the machine. */
  append(row: AuditRow): void;
  /** The last row; number 0 before the first. */
  head(): Head;
  /** Whether the last row, and what the disk was told to keep, is written. */
  isUp(): boolean;
  /** Rows lost in this outage; 0 once rows are written again. */
  lost(): number;
  /** How many days rows are kept at least; until it is called all are. */
  setRetention(days: number): void;
  close(): Promise<void>;
};

const SYNC_EVERY_MS = 1000;
const HEAD_EVERY_MS = 3_600_000;
/** What cannot be opened is not tried with each of a thousand rows. */
const OPEN_EVERY_MS = 1000;

/** Opens the log, or makes it; if that fails it is tried again with the rows that come. */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { dir, key, now = Date.now, onError, onRecovered, onHead } = options;
  const writer = createChainWriter({ dir, seal: createSeal(key), now });
  const retention = createRetention({ dir, now, current: writer.current, record, onError });
  let lost = 0;
  let writeFailure: string | undefined;
  let syncFailure: string | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let segment: string | undefined;
  let isClosed = false;
  let syncTimer: NodeJS.Timeout | undefined;
  let syncing = Promise.resolve();
  let toldHash = '';
  const headTimer = setInterval(tellHead, HEAD_EVERY_MS).unref();

  /** @returns whether it is in the log */
  function record(...events: Event[]): boolean {
    const isOpen = writer.current() !== undefined;
    if (isClosed || (!isOpen && Math.abs(now() - triedAt) < OPEN_EVERY_MS)) return false;
    if (!isOpen) triedAt = now();
    try {
      if (lost > 0) events.unshift({ type: 'gap', fields: { lost } });
      if (events.length > 0) writer.put(events);
      else writer.open();
    } catch (error) {
      const code = storageCode(error);
      const isNew = writeFailure === undefined;
      writeFailure = code;
      if (isNew) onError(code);
      return false;
    }
    const recovered = writeFailure === undefined ? undefined : lost;
    writeFailure = undefined;
    lost = 0;
    if (recovered !== undefined) onRecovered?.(recovered);
    syncTimer ??= setTimeout(sync, SYNC_EVERY_MS).unref();
    const name = writer.current()?.name;
    if (name !== segment) {
      segment = name;
      retention.check();
    }
    return true;
  }

  function sync(): void {
    syncing = writer.sync().then(
      () => {
        syncFailure = undefined;
      },
      (error) => {
        const code = `SYNC_${storageCode(error)}`;
        const isNew = syncFailure === undefined;
        syncFailure = code;
        if (isNew) onError(code);
      },
    );
    // A disk that takes longer than a second is not asked again meanwhile
    const asked = writer.head().seq;
    syncing = syncing.then(() => {
      syncTimer = undefined;
      const isBehind = writer.head().seq !== asked || syncFailure !== undefined;
      if (isBehind && !isClosed) syncTimer = setTimeout(sync, SYNC_EVERY_MS).unref();
    });
  }

  function tellHead(): void {
    const head = writer.head();
    if (head.seq === 0 || head.hash === toldHash) return;
    toldHash = head.hash;
    onHead?.(head);
  }

  record();
  tellHead();
  return {
    append(row) {
      if (!isClosed && !record({ type: 'decision', fields: fieldsOfRow(row) })) lost++;
    },
    head: writer.head,
    isUp: () => !isClosed && writeFailure === undefined && syncFailure === undefined,
    lost: () => lost,
    setRetention: (days) => retention.set(days),
    async close() {
      if (isClosed) return;
      triedAt = Number.NEGATIVE_INFINITY;
      if (lost > 0) record();
      isClosed = true;
      clearInterval(headTimer);
      clearTimeout(syncTimer);
      await Promise.all([retention.settled(), syncing]);
      await writer.close();
      tellHead();
    },
  };
}
