import type { Queries } from '../database/database.ts';
import { type Head, readRow } from './chain.ts';
import type { Replica } from './replica.ts';
import type { RowLine } from './unshipped.ts';

/** A replica that has rows in the table, with the name that it had last. */
export type NamedReplica = Replica & { readonly name: string };

/** A row and its position in its chain, from 1. A chain that began anew has some numbers twice, and each position once. */
export type TableRow = { readonly pos: number; readonly line: string };

/** A row with what its columns repeat of its line, so that rows can be found. */
export type TableColumns = TableRow & { readonly seq: number; readonly type: string; readonly at: Date };

const PAGE_ROWS = 2000;
const CUT_ROWS = 5000;

/** The chains of all replicas in Postgres. Rows are added, and the oldest removed; none is ever changed. */
export class AuditTable {
  readonly #queries: Queries;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  /** All replicas that have rows, by name, with the position of their last. */
  replicas(): Promise<(NamedReplica & { readonly end: number })[]> {
    return this.#queries.query(
      `SELECT * FROM (
         SELECT newest.*, (SELECT max(pos) FROM audit_row WHERE replica = id) AS end FROM (
           SELECT DISTINCT ON (replica) replica AS id, name, copy_of AS "copyOf" FROM audit_replica ORDER BY replica, since DESC
         ) AS newest
       ) AS ended WHERE ended.end IS NOT NULL ORDER BY name, id`,
    );
  }

  /** Tells the name of a replica, where it is not known yet. */
  async register({ id, name, copyOf }: NamedReplica): Promise<void> {
    const [known] = await this.#queries.query(
      `SELECT 1 FROM (SELECT name FROM audit_replica WHERE replica = $1 ORDER BY since DESC LIMIT 1) AS newest WHERE name = $2`,
      [id, name],
    );
    if (known !== undefined) return;
    await this.#queries.query('INSERT INTO audit_replica (replica, name, copy_of) VALUES ($1, $2, $3)', [
      id,
      name,
      copyOf,
    ]);
  }

  /** The last rows of a chain, in order. */
  async last(replica: string, count: number): Promise<TableRow[]> {
    const rows = await this.#queries.query<TableRow>(
      'SELECT pos, line FROM audit_row WHERE replica = $1 ORDER BY pos DESC LIMIT $2',
      [replica, count],
    );
    return rows.reverse();
  }

  /** The last row of a chain of which all rows were too old, by the row that says so. */
  async lastCut(replica: string): Promise<Head | undefined> {
    const [row] = await this.#queries.query<{ line: string }>(
      `SELECT line FROM audit_row WHERE type = 'retention' AND strpos(line, $1) > 0 ORDER BY at DESC LIMIT 1`,
      [`"replica":"${replica}"`],
    );
    const { last_seq: seq, last_hash: hash } = readRow(Buffer.from(row?.line ?? ''))?.fields ?? {};
    return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined;
  }

  /** The rows of a chain after a position, in order. */
  async *rows(
    replica: string,
    { after = 0, since, until }: { after?: number; since?: number | undefined; until?: number | undefined },
  ): AsyncGenerator<TableColumns> {
    for (let pos = after; ; ) {
      const page = await this.#queries.query<TableColumns>(
        `SELECT pos, seq, type, at, line FROM audit_row
         WHERE replica = $1 AND pos > $2 AND at >= $3 AND at < $4 ORDER BY pos LIMIT ${PAGE_ROWS}`,
        [replica, pos, timestamp(since, '-infinity'), timestamp(until, 'infinity')],
      );
      yield* page;
      if (page.length < PAGE_ROWS) return;
      pos = page.at(-1)?.pos ?? pos;
    }
  }

  /**
   * Adds rows after the one at a position, or at the beginning.
   *
   * @returns false if that row is not there, and none was added
   * @throws DatabaseError 23505 if others stand there
   */
  async put(replica: string, after: number, rows: readonly RowLine[]): Promise<boolean> {
    const added = await this.#queries.query(
      `INSERT INTO audit_row (replica, pos, seq, type, at, line)
       SELECT $1, $2::bigint + n, seq, type, at, line
       FROM unnest($3::bigint[], $4::text[], $5::timestamptz[], string_to_array($6, E'\\n'))
         WITH ORDINALITY AS row (seq, type, at, line, n)
       WHERE $2::bigint = 0 OR EXISTS (SELECT 1 FROM audit_row WHERE replica = $1 AND pos = $2::bigint)
       RETURNING pos`,
      [
        replica,
        after,
        rows.map(({ seq }) => seq),
        rows.map(({ type }) => type),
        rows.map(({ at }) => at),
        rows.map(({ line }) => line).join('\n'),
      ],
      'audit put',
    );
    return added.length > 0;
  }

  /** True if this role may remove rows. */
  async mayCut(): Promise<boolean> {
    const [row] = await this.#queries.query<{ may: boolean }>(
      `SELECT has_table_privilege('audit_row', 'DELETE') AS may`,
    );
    return row?.may === true;
  }

  /** The last rows in which a replica says what was too old, newest first. */
  retentions(replica: string, count: number): Promise<TableRow[]> {
    return this.#queries.query<TableRow>(
      `SELECT pos, line FROM audit_row WHERE replica = $1 AND type = 'retention'
       ORDER BY pos DESC LIMIT $2`,
      [replica, count],
    );
  }

  /** Removes the rows of a chain up to the last of a segment, or of the chain; nothing if it is gone already. */
  async cut(replica: string, { seq, hash }: Head): Promise<void> {
    const [row] = await this.#queries.query<{ first: number; last: number }>(
      `SELECT (SELECT min(pos) FROM audit_row WHERE replica = $1) AS first, pos AS last FROM (
         SELECT pos - 1 AS pos FROM audit_row
         WHERE replica = $1 AND type = 'segment' AND seq = $2 + 1 AND strpos(line, '"prev":"' || $3 || '"') > 0
         UNION ALL
         SELECT pos FROM (
           SELECT pos, seq, line FROM audit_row WHERE replica = $1 ORDER BY pos DESC LIMIT 1
         ) AS newest WHERE seq = $2 AND right(line, 66) = $3 || '"}'
       ) AS found LIMIT 1`,
      [replica, seq, hash],
    );
    if (row === undefined) return;
    for (let from = row.first; from <= row.last; from += CUT_ROWS) {
      await this.#queries.query('DELETE FROM audit_row WHERE replica = $1 AND pos BETWEEN $2 AND $3', [
        replica,
        from,
        Math.min(row.last, from + CUT_ROWS - 1),
      ]);
    }
  }

  /**
   * The last row of those segments of a chain that are older than some days by the clock of the server, as a line; undefined if
   * there are none, or its replica wrote a row within the last `goneDays`.
   */
  async lastOlder(replica: string, days: number, goneDays: number): Promise<string | undefined> {
    const [last] = await this.#queries.query<{ line: string; old: boolean }>(
      `SELECT line, at < now() - make_interval(days => $2) AS old FROM audit_row
       WHERE replica = $1 AND pos < coalesce((
         SELECT min(pos) FROM audit_row
         WHERE replica = $1 AND type = 'segment' AND at >= now() - make_interval(days => $2)
       ), $3) AND (
         SELECT at FROM audit_row WHERE replica = $1 ORDER BY pos DESC LIMIT 1
       ) < now() - make_interval(days => $4) ORDER BY pos DESC LIMIT 1`,
      [replica, days, Number.MAX_SAFE_INTEGER, goneDays],
    );
    if (last === undefined || last.old) return last?.line;
    // Of the segment that has become too old in part, none
    const [row] = await this.#queries.query<{ line: string }>(
      `SELECT line FROM audit_row WHERE replica = $1 AND pos < (
         SELECT max(pos) FROM audit_row
         WHERE replica = $1 AND type = 'segment' AND at < now() - make_interval(days => $2)
       ) ORDER BY pos DESC LIMIT 1`,
      [replica, days],
    );
    return row?.line;
  }
}

function timestamp(ms: number | undefined, otherwise: string): string {
  return ms === undefined ? otherwise : new Date(ms).toISOString();
}
