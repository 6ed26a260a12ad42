import { DatabaseError } from '../database/database-error.ts';
import { type Growth, growing } from '../guardrail/growing-wait.ts';
import { within } from '../guardrail/within.ts';
import type { SHIP_FAILURES } from '../observability/metric-labels.ts';
import { storageCode } from '../storage/storage-code.ts';
import { BEFORE_ALL, type Head, readRow } from './chain.ts';
import { newReplica, type Replica, readReplica } from './replica.ts';
import type { AuditTable } from './table.ts';
import { findRow, firstRow, type RowEnd, type RowLine, rowLine, rowsAfter } from './unshipped.ts';

/** Why rows do not reach the table: it cannot be reached or refuses them, other rows stand there, or the folder cannot be read. */
export type ShipFailure = Exclude<(typeof SHIP_FAILURES)[number], 'retention'>;

export type ShippingOptions = {
  readonly table: AuditTable;
  /** The folder of the log, in which this process alone writes. */
  readonly folder: string;
  /** The name of the replica for people. */
  readonly name: string;
  /** Called for each failure; `isNew` is true for the first of an outage. */
  readonly onFailure: (reason: ShipFailure, code: string, isNew: boolean) => void;
  /** Called when rows reach the table after an outage, with the number of those that waited. */
  readonly onShipping: (waited: number) => void;
  /** Called when the folder turns out to hold another chain than the table, which it then goes on with under a new id. */
  readonly onCopy: (replica: Replica) => void;
  /** Called with rows that are in the table now. */
  readonly onShipped: (replica: string, rows: readonly RowLine[]) => void;
};

/** The last row in the table, and where it stands in the folder. */
type Cursor = { readonly pos: number; readonly head: Head; readonly place: RowEnd | undefined };

const BATCH_ROWS = 500;
const BATCH_CHARS = 512 * 1024;
const WAIT: Growth = { firstMs: 1000, maxMs: 30_000 };

/**
 * Brings the rows of a folder into the table, in order and each once. It keeps no place of its own: it goes on after the last row that
 * the table has, which it looks up at the start, after each failure, and when that row is gone, as after a failover that lost it. Only rows that are on the disk are brought, so that a power cut
 * takes none from the folder that the table has.
 */
export class AuditShipping {
  readonly #options: ShippingOptions;
  #replica: Replica | undefined;
  /** Undefined until the table was asked. */
  #cursor: Cursor | undefined;
  /** False after a failure: rows may be in the table of which that was not told. */
  #isSure = false;
  /** Where the cursor is if the last attempt succeeded. */
  #attempted: Cursor | undefined;
  /** The last row that is on the disk. */
  #synced: Head = BEFORE_ALL;
  /** Number of the last row that is known to be in the table; before the table was asked, of the last one at the start. */
  #shipped = 0;
  #isRunning = false;
  /** The last run. */
  #run = Promise.resolve();
  /** Pending after a failure. */
  #retry: NodeJS.Timeout | undefined;
  /** Failures in a row. */
  #failures = 0;
  #isClosed = false;

  constructor(options: ShippingOptions) {
    this.#options = options;
  }

  /** The id of the replica; undefined until the table was asked. */
  get replica(): string | undefined {
    return this.#cursor && this.#replica?.id;
  }

  /** False while rows do not reach the table. */
  get isUp(): boolean {
    return this.#failures === 0;
  }

  /**
   * Number of rows up to one that are not in the table; of those from before the start it is told once the table was asked.
   *
   * @param head the last row of the log
   */
  unshipped({ seq }: Head): number {
    return Math.max(0, seq - this.#shipped);
  }

  /** @param head the last row of the log when it was opened */
  begin({ seq }: Head): void {
    this.#shipped = seq;
  }

  /** Tells that rows are on the disk up to one. */
  synced(head: Head): void {
    this.#synced = head;
    this.#start();
  }

  /** Tries for some time to bring the rest. */
  async close(head: Head, ms: number): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.synced(head);
    await within(ms, this.#run);
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #start(): void {
    if (this.#isRunning || this.#retry !== undefined || this.#isClosed) return;
    this.#isRunning = true;
    const waited = this.unshipped(this.#synced);
    this.#run = this.#shipAll().then(
      () => {
        if (this.#failures > 0) this.#options.onShipping(waited);
        this.#failures = 0;
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    this.#isSure = false;
    if (this.#isClosed) return;
    this.#options.onFailure(shipFailureOf(error), storageCode(error), this.#failures === 0);
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.#start();
      },
      growing(WAIT, ++this.#failures) * (0.5 + Math.random() / 2),
    ).unref();
  }

  async #shipAll(): Promise<void> {
    try {
      for (;;) {
        if (!this.#isSure) this.#cursor = await this.#find();
        this.#isSure = true;
        const cursor = this.#cursor as Cursor;
        this.#shipped = cursor.head.seq;
        const rows = this.#next(cursor);
        const last = rows.at(-1);
        if (last === undefined || this.#isClosed) return;
        this.#attempted = { pos: cursor.pos + rows.length, head: last, place: last.place };
        const { id } = this.#replica as Replica;
        this.#isSure = await this.#options.table.put(id, cursor.pos, rows);
        if (!this.#isSure) continue;
        this.#cursor = this.#attempted;
        this.#shipped = last.seq;
        this.#options.onShipped(id, rows);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Rows to be brought next, up to the last one that is on the disk. */
  #next({ head, place }: Cursor) {
    const rows: (RowLine & { place: RowEnd })[] = [];
    if (head.hash === this.#synced.hash) return rows;
    let chars = 0;
    for (const row of rowsAfter(this.#options.folder, place)) {
      rows.push(row);
      chars += row.line.length;
      if (row.hash === this.#synced.hash || rows.length >= BATCH_ROWS || chars >= BATCH_CHARS) break;
    }
    return rows;
  }

  /**
   * Looks up the last row in the table, or the last that was too old for it. A folder that does not have it is a copy, or was made
   * anew: its chain is another one.
   */
  async #find(): Promise<Cursor> {
    const { table, folder, name, onCopy } = this.#options;
    this.#replica ??= readReplica(folder) ?? newReplica(folder, null);
    await table.register({ ...this.#replica, name });
    const [last] = await table.last(this.#replica.id, 1);
    const head = last === undefined ? await table.lastCut(this.#replica.id) : rowLine(last.line);
    for (const known of [this.#cursor, this.#attempted]) {
      if (last !== undefined && known?.pos === last.pos && known.head.hash === head?.hash) return known;
    }
    if (head !== undefined) {
      const place = findRow(folder, head);
      if (place !== undefined || isGoneOn(folder, head)) return { pos: last?.pos ?? 0, head, place };
    }
    if (last !== undefined || head !== undefined) {
      this.#replica = newReplica(folder, this.#replica.id);
      await table.register({ ...this.#replica, name });
      onCopy(this.#replica);
    }
    return { pos: 0, head: BEFORE_ALL, place: undefined };
  }
}

/** True for a folder from which rows up to this one, or even later ones, were removed as they were too old. */
function isGoneOn(folder: string, { seq, hash }: Head): boolean {
  const first = firstRow(folder);
  if (first === undefined || first.seq <= seq) return false;
  return first.seq > seq + 1 || readRow(Buffer.from(first.line))?.prev === hash;
}

function shipFailureOf(error: unknown): ShipFailure {
  if (!(error instanceof DatabaseError)) return 'folder';
  // A unique violation
  return error.code === '23505' ? 'conflict' : 'database';
}
