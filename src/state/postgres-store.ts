import { randomBytes } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { GroupedStatements } from './grouped-statements.ts';
import type { ReadValues, StateStore, StoredEntry, StoredQuery, StoredValue } from './state-store.ts';
import { Sweeps } from './sweeps.ts';

type Row = {
  readonly name: string;
  readonly part: string | null;
  readonly version: number;
  readonly value: Buffer | null;
  readonly now: number;
};

const READ = `
  SELECT q.name, s.part, s.version, CASE WHEN s.version = ANY ($2::bigint[]) THEN NULL ELSE s.value END AS value,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
  FROM unnest($1::text[]) AS q (name)
    LEFT JOIN state AS s ON s.name = q.name AND s.expires_at > clock_timestamp()
  ORDER BY s.expires_at`;

const SWAP = 'SELECT state_swap($1, $2, $3, $4, $5, $6) AS done';

/** Reads at once, and names in one of them. */
const READS = { running: 2, inputs: 64 };
/** One after the other, so that of two writes of a value the later one stays. */
const WRITES = {
  ...{ running: 1, inputs: 16 },
  bytes: { of: ({ value }: StoredEntry) => value.length, most: 1024 * 1024 },
};

/** Keeps values in a table without a log, in which one replica at a time sweeps up what has expired. */
export class PostgresStore implements StateStore {
  readonly #database: Database;
  readonly #reads: GroupedStatements<readonly StoredQuery[], ReadValues>;
  readonly #writes: GroupedStatements<StoredEntry, undefined>;
  /** Beside the others, which are small and wait for none of these. */
  readonly #bulkyWrites: GroupedStatements<StoredEntry, undefined>;
  readonly #sweeps: Sweeps;

  /**
   * @param maxBytes of all values; the oldest of single calls go first
   * @param waitMs milliseconds after which nobody waits for an operation any more
   */
  constructor(database: Database, maxBytes: number, waitMs: number) {
    this.#database = database;
    this.#reads = new GroupedStatements((queries) => this.#readAll(queries), { ...READS, waitMs });
    const writeAll = (entries: readonly StoredEntry[]) => this.#writeAll(entries);
    this.#writes = new GroupedStatements(writeAll, { ...WRITES, waitMs });
    this.#bulkyWrites = new GroupedStatements(writeAll, { ...WRITES, waitMs });
    this.#sweeps = new Sweeps(database, maxBytes);
  }

  read(queries: readonly StoredQuery[]): Promise<ReadValues> {
    return this.#reads.add(queries);
  }

  async write(entries: readonly StoredEntry[]): Promise<void> {
    await Promise.all(entries.map((entry) => (entry.isBulky ? this.#bulkyWrites : this.#writes).add(entry)));
  }

  async swap(...[read, entries]: Parameters<StateStore['swap']>): Promise<boolean> {
    const [row] = await this.#database.query<{ done: boolean }>(
      SWAP,
      [
        read.map(({ name }) => name),
        read.map(({ version }) => version),
        entries.map(({ name }) => name),
        entries.map(({ version }) => version),
        entries.map(({ ttlMs }) => ttlMs),
        entries.map(({ value }) => value),
      ],
      'state_swap',
    );
    return row?.done === true;
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#database.query('DELETE FROM state WHERE name = ANY ($1)', [names], 'state_delete');
  }

  async secret(): Promise<Uint8Array> {
    const read = 'SELECT secret FROM state_common WHERE secret IS NOT NULL';
    const [found] = await this.#database.query<{ secret: Buffer }>(read);
    if (found !== undefined) return found.secret;
    await this.#database.query('UPDATE state_common SET secret = $1 WHERE secret IS NULL', [randomBytes(32)]);
    const [row] = await this.#database.query<{ secret: Buffer }>(read);
    if (row === undefined) throw new Error('state_common has no row');
    return row.secret;
  }

  async ping(): Promise<void> {
    // A standby refuses it
    await this.#database.query('DELETE FROM state WHERE false');
    this.#sweeps.start();
  }

  async close(): Promise<void> {
    this.#sweeps.stop();
    await this.#database.close();
  }

  async #readAll(all: readonly (readonly StoredQuery[])[]): Promise<ReadValues[]> {
    const queries = all.flat();
    // What one of several readers knows may be new to another, in another thread
    const known = new Map<string, readonly number[]>();
    for (const { name, known: own } of queries) {
      known.set(name, known.get(name)?.filter((version) => own.includes(version)) ?? own);
    }
    const names = [...known.keys()];
    const rows = await this.#database.query<Row>(READ, [names, [...known.values()].flat()], 'state_read');
    const now = rows[0]?.now ?? Date.now();
    const byName = new Map<string, StoredValue[]>(names.map((name) => [name, []]));
    for (const { name, part, version, value } of rows) {
      if (part !== null) byName.get(name)?.push({ name, part, version, value: value ?? undefined });
    }
    return all.map((own) => ({ now, values: own.flatMap(({ name }) => byName.get(name) ?? []) }));
  }

  async #writeAll(entries: readonly StoredEntry[]): Promise<undefined[]> {
    // A statement cannot write a row twice, and those who write several rows do it in one order
    const last = new Map(entries.map((entry) => [`${entry.name} ${entry.part}`, entry]));
    const rows = [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    await this.#database.query(
      writeOf(rows.length),
      rows.flatMap(({ name, part, version, ttlMs, value }) => [name, part, version, ttlMs, value]),
      `state_write_${rows.length}`,
    );
    return entries.map(() => undefined);
  }
}

/** A statement for each number of rows: bytes in a list would be sent as text. */
function writeOf(rows: number): string {
  const values = Array.from({ length: rows }, (_, row) => {
    const [name, part, version, ttl, value] = [1, 2, 3, 4, 5].map((column) => `$${row * 5 + column}`);
    return `(${name}, ${part}, ${version}::bigint, clock_timestamp() + ${ttl}::float8 * interval '1 ms', ${value}::bytea)`;
  });
  return `
    INSERT INTO state (name, part, version, expires_at, value) VALUES ${values.join(', ')}
    ON CONFLICT (name, part) DO UPDATE
      SET version = excluded.version, expires_at = excluded.expires_at, value = excluded.value`;
}
