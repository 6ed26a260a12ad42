import type { UnsealedRow } from './chain.ts';
import { readRow } from './chain.ts';
import type { AuditTable } from './table.ts';
import type { RowLine } from './unshipped.ts';

/**
 * A replica that is there removes its own rows. One that wrote none for so long is gone: the others remove its rows, this much later.
 */
const OTHERS_DAYS = 2;
const LATEST_OWN = 10;
const DAY_MS = 86_400_000;

/**
 * Removes rows from the table that are too old. A row of a chain, sealed like any other, says which before they go, so that the rest can
 * still be verified.
 */
export class TableRetention {
  readonly #table: AuditTable;
  readonly #note: (row: UnsealedRow) => boolean;

  /** @param note writes a row in the chain of this replica */
  constructor(table: AuditTable, note: (row: UnsealedRow) => boolean) {
    this.#table = table;
    this.#note = note;
  }

  /** Removes what rows say was too old, now that they are in the table. @throws DatabaseError */
  async shipped(replica: string, rows: readonly Pick<RowLine, 'type' | 'line'>[]): Promise<void> {
    const lines = rows.filter(({ type }) => type === 'retention').map(({ line }) => line);
    if (lines.length === 0 || !(await this.#table.mayCut())) return;
    for (const line of lines) await this.#cut(replica, line);
  }

  /**
   * Removes what is left over, and says what is too old of replicas that are gone.
   *
   * @returns false if this role may not remove rows
   * @throws DatabaseError
   */
  async pass(replica: string, days: number): Promise<boolean> {
    if (!(await this.#table.mayCut())) return false;
    for (const { line } of await this.#table.retentions(replica, LATEST_OWN)) await this.#cut(replica, line);
    for (const { id } of await this.#table.replicas()) {
      if (id === replica) continue;
      const line = await this.#table.lastOlder(id, days + OTHERS_DAYS, OTHERS_DAYS);
      const last = line === undefined ? undefined : readRow(Buffer.from(line));
      // Its column may say otherwise, and is not sealed
      if (last === undefined || !(Date.parse(last.at) < Date.now() - days * DAY_MS)) continue;
      const fields = { replica: id, retention_days: days, last_seq: last.seq, last_hash: last.hash };
      this.#note({ type: 'retention', fields });
    }
    return true;
  }

  /** @param line a row about what was too old, of this replica or of another */
  async #cut(replica: string, line: string): Promise<void> {
    const { fields } = readRow(Buffer.from(line)) ?? {};
    const { replica: other, last_seq: seq, last_hash: hash } = fields ?? {};
    if (typeof seq !== 'number' || typeof hash !== 'string') return;
    await this.#table.cut(typeof other === 'string' ? other : replica, { seq, hash });
  }
}
