import type { Head, SealedRow } from './chain.ts';
import { readRow } from './chain.ts';
import type { ChainCheck } from './chain-check.ts';
import type { ChainSource, TimeRange } from './chain-source.ts';
import { FolderChain } from './folder-chain.ts';
import type { AuditTable, NamedReplica, TableColumns, TableRow } from './table.ts';
import { findRow, rowsAfter } from './unshipped.ts';

/** The chain of a replica in the table, and what its folder has beyond, where it is at hand. */
export class TableChain implements ChainSource {
  readonly name: string;
  readonly replica: string;
  readonly copyOf: string | null;
  readonly #table: AuditTable;
  readonly #folder: string | undefined;
  #unshipped: number | undefined;
  /** Position after which {@link next} goes on. */
  #pos = 0;
  /** In place of the table, whose rows come later. */
  #followed: FolderChain | undefined;

  constructor(table: AuditTable, { id, name, copyOf }: NamedReplica, folder?: string) {
    this.#table = table;
    this.#folder = folder;
    this.name = name;
    this.replica = id;
    this.copyOf = copyOf;
  }

  /** True if {@link next} has rows in a table that ends there. */
  hasNext(end: number): boolean {
    return this.#followed !== undefined || end > this.#pos;
  }

  get unshipped(): number | undefined {
    return this.#unshipped;
  }

  async read(check: ChainCheck): Promise<void> {
    let first = true;
    let last: SealedRow | undefined;
    for await (const { pos, line, ...columns } of this.#table.rows(this.replica, {})) {
      const place = { file: this.name, line: pos };
      const row = readRow(Buffer.from(line));
      if (row === undefined) check.report(place, 'not a row of the log');
      else {
        check.row(row, place, first || row.event_type === 'segment');
        if (!isOf(columns, row))
          check.report(place, `row ${row.seq} says otherwise than its columns seq, type and at`);
      }
      if (row?.event_type === 'segment') check.segments++;
      first = false;
      last = row ?? last;
    }
    if (this.#folder !== undefined && last !== undefined && findRow(this.#folder, last) === undefined) {
      const message = 'DATA_DIR holds another chain than the database; name the folder to check it';
      check.note({ file: this.name, line: 0 }, message);
    }
    for (const { row, place } of this.#rest(last)) {
      check.row(row, place, first || row.event_type === 'segment');
      if (row.event_type === 'segment') check.segments++;
      first = false;
    }
    if (this.copyOf !== null) {
      check.note(
        { file: this.name, line: 0 },
        `goes on from the chain of ${this.copyOf}, in a copy of its folder`,
      );
    }
  }

  end(check: ChainCheck, missing: readonly Head[]): void {
    check.end({ file: this.name, line: 0 }, missing);
  }

  async *rows(range: TimeRange): AsyncGenerator<SealedRow> {
    const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = range;
    const [last] = await this.#table.last(this.replica, 1);
    for await (const tableRow of this.#table.rows(this.replica, range)) {
      // Rows that have come since are in the folder too
      if (this.#folder !== undefined && tableRow.pos > (last?.pos ?? 0)) break;
      const row = rowOf(tableRow);
      if (row !== undefined) yield row;
    }
    for (const { row } of this.#rest(rowOf(last))) {
      const at = Date.parse(row.at);
      if (at >= since && at < until) yield row;
    }
  }

  async last(count: number): Promise<readonly SealedRow[]> {
    const rows = await this.#table.last(this.replica, Math.max(1, count));
    this.#pos = rows.at(-1)?.pos ?? 0;
    const last = rowOf(rows.at(-1));
    if (this.#folder !== undefined && (last === undefined || findRow(this.#folder, last) !== undefined)) {
      this.#followed = new FolderChain(this.#folder, this);
      return this.#followed.last(count);
    }
    return count === 0 ? [] : rows.flatMap((row) => rowOf(row) ?? []);
  }

  async *next(): AsyncGenerator<SealedRow> {
    if (this.#followed !== undefined) return yield* this.#followed.next();
    for await (const tableRow of this.#table.rows(this.replica, { after: this.#pos })) {
      this.#pos = tableRow.pos;
      const row = rowOf(tableRow);
      if (row !== undefined) yield row;
    }
  }

  /** Rows of the folder after the last one of the table. A folder without that one holds another chain. */
  *#rest(last: SealedRow | undefined) {
    if (this.#folder === undefined) return;
    const after = last && findRow(this.#folder, last);
    this.#unshipped = 0;
    if (last !== undefined && after === undefined) return;
    for (const { line, place } of rowsAfter(this.#folder, after)) {
      const row = readRow(Buffer.from(line));
      if (row === undefined) continue;
      this.#unshipped++;
      yield { row, place: { file: place.segment.name, line: 0 } };
    }
  }
}

/** Rows are searched for and removed by their columns, which no hash covers. */
function isOf({ seq, type, at }: Pick<TableColumns, 'seq' | 'type' | 'at'>, row: SealedRow): boolean {
  return seq === row.seq && type === row.event_type && Number(at) === Date.parse(row.at);
}

function rowOf(row: TableRow | undefined): SealedRow | undefined {
  return row && readRow(Buffer.from(row.line));
}
