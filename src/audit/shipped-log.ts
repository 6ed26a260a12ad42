import path from 'node:path';
import { within } from '../guardrail/within.ts';
import { storageCode } from '../storage/storage-code.ts';
import type { AuditSink } from './auditor.ts';
import { AuditLog, type AuditLogOptions } from './log.ts';
import type { AuditRow } from './row.ts';
import { auditFolder } from './segment.ts';
import { AuditShipping, type ShippingOptions } from './shipping.ts';
import type { AuditTable } from './table.ts';
import { TableRetention } from './table-retention.ts';

export type ShippedLogOptions = Omit<AuditLogOptions, 'onSynced'> &
  Pick<ShippingOptions, 'name' | 'onFailure' | 'onShipping' | 'onCopy'> & {
    readonly table: AuditTable;
    /** Called at the end. */
    readonly closeTable: () => Promise<void>;
    /** Called with the number of rows that are not in the table, whenever it may have changed. */
    readonly onUnshipped: (rows: number) => void;
    /** Called if rows that are too old stay in the table: with a code, or `denied` once if this role may not remove any. */
    readonly onKept: (code: string) => void;
  };

const RETENTION_EVERY_MS = 3_600_000;
/** Time at the end for rows that are not in the table yet. The rest is brought after the next start. */
const CLOSE_MS = 2000;
/** Time for connections to end; one to a server that is gone does not. */
const LAST_MS = 200;

/** The log of a replica: in its folder first, and from there in the table of all replicas. */
export class ShippedLog implements AuditSink {
  readonly #options: ShippedLogOptions;
  readonly #log: AuditLog;
  readonly #shipping: AuditShipping;
  readonly #retention: TableRetention;
  readonly #timer: NodeJS.Timeout;
  #retentionDays: number | undefined;
  #wasDenied = false;
  /** Removals from the table, one after the other. */
  #removing = Promise.resolve();
  #isFirstPass = true;
  #isClosed = false;

  constructor(options: ShippedLogOptions) {
    this.#options = options;
    const { table, name, onFailure, onShipping, onCopy, onUnshipped } = options;
    const unshipped = () => onUnshipped(this.#shipping.unshipped(this.#log.head()));
    this.#shipping = new AuditShipping({
      ...{ table, name, folder: auditFolder(path.resolve(options.dir)), onShipping, onCopy },
      onFailure: (...failure) => {
        unshipped();
        onFailure(...failure);
      },
      onShipped: (replica, rows) => {
        unshipped();
        this.#remove(() => this.#retention.shipped(replica, rows));
        if (this.#isFirstPass) this.#removeOld();
      },
    });
    this.#log = new AuditLog({
      ...options,
      onSynced: (head) => {
        this.#shipping.synced(head);
        unshipped();
      },
    });
    this.#shipping.begin(this.#log.head());
    this.#retention = new TableRetention(table, (row) => this.#log.note(row));
    this.#timer = setInterval(() => this.#removeOld(), RETENTION_EVERY_MS).unref();
  }

  append(row: AuditRow): void {
    this.#log.append(row);
  }

  lost(): number {
    return this.#log.lost();
  }

  isUp(): boolean {
    return this.#log.isUp();
  }

  /** False while rows do not reach the table. */
  isShipping(): boolean {
    return this.#shipping.isUp;
  }

  setRetention(days: number): void {
    this.#retentionDays = days;
    this.#log.setRetention(days);
    this.#removeOld();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#log.close();
    const head = this.#log.head();
    // Else another process has the folder
    if (head.seq > 0) await this.#shipping.close(head, CLOSE_MS);
    this.#isClosed = true;
    await within(LAST_MS, this.#options.closeTable());
  }

  #removeOld(): void {
    const { replica } = this.#shipping;
    const days = this.#retentionDays;
    if (replica === undefined || days === undefined) return;
    this.#isFirstPass = false;
    this.#remove(async () => {
      const may = await this.#retention.pass(replica, days);
      if (!may && !this.#wasDenied) this.#options.onKept('denied');
      this.#wasDenied = !may;
    });
  }

  #remove(run: () => Promise<void>): void {
    this.#removing = this.#removing.then(run).catch((error) => {
      if (!this.#isClosed) this.#options.onKept(storageCode(error));
    });
  }
}
