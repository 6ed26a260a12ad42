import { randomBytes } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { GroupedStatements } from './grouped-statements.ts';
import type {
  HeldValues,
  ReadValues,
  StateStore,
  StoredEntry,
  StoredQuery,
  StoredValue,
} from './state-store.ts';
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

/** In one order for all. A replica that stands still meanwhile does not keep them. */
const LOCK = `
  SELECT pg_advisory_xact_lock(hash), set_config('idle_in_transaction_session_timeout', $2, true)
  FROM (SELECT DISTINCT hashtextextended(n, 3) AS hash FROM unnest($1::text[]) AS n ORDER BY 1) AS ordered`;
const MAX_HOLD_MS = 250;

const WRITE_HELD = `
  INSERT INTO state (name, part, version, expires_at, value)
    SELECT name, '', version, clock_timestamp() + ttl * interval '1 ms', value
    FROM unnest($1::text[], $2::bigint[], $3::float8[], $4::bytea[]) AS w (name, version, ttl, value)
    ORDER BY name
    ON CONFLICT (name, part) DO UPDATE
      SET version = excluded.version, expires_at = excluded.expires_at, value = excluded.value`;

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
  readonly #sweeps: Sweeps | undefined;
  readonly #holds = new Map<number, Hold>();
  #lastHold = 0;

  /**
   * @param maxBytes of all values; the oldest of single calls go first. Undefined where another store of the process sweeps
   * @param waitMs milliseconds after which nobody waits for an operation any more
   */
  constructor(database: Database, maxBytes: number | undefined, waitMs: number) {
    this.#database = database;
    this.#reads = new GroupedStatements((queries) => this.#readAll(queries), { ...READS, waitMs });
    const writeAll = (entries: readonly StoredEntry[]) => this.#writeAll(entries);
    this.#writes = new GroupedStatements(writeAll, { ...WRITES, waitMs });
    this.#bulkyWrites = new GroupedStatements(writeAll, { ...WRITES, waitMs });
    this.#sweeps = maxBytes === undefined ? undefined : new Sweeps(database, maxBytes);
  }

  read(queries: readonly StoredQuery[]): Promise<ReadValues> {
    return this.#reads.add(queries);
  }

  async write(entries: readonly StoredEntry[]): Promise<void> {
    await Promise.all(entries.map((entry) => (entry.isBulky ? this.#bulkyWrites : this.#writes).add(entry)));
  }

  hold(names: readonly string[]): Promise<HeldValues> {
    const hold = ++this.#lastHold;
    const held = Promise.withResolvers<HeldValues>();
    const given = Promise.withResolvers<readonly StoredEntry[]>();
    const ended = this.#database.transaction(async (queries) => {
      // They go out together, each of them sees what was committed before it
      const locking = queries.query(LOCK, [names, String(2 * MAX_HOLD_MS)], 'state_lock');
      locking.catch(() => {});
      const rows = await queries.query<Row>(READ, [names, []], 'state_read');
      await locking;
      const timer = setTimeout(() => {
        this.#holds.delete(hold);
        given.reject(new Error('held too long'));
      }, MAX_HOLD_MS);
      held.resolve({ now: nowIn(rows), values: rows.flatMap(valueIn), hold });
      const entries = await given.promise.finally(() => clearTimeout(timer));
      const writing =
        entries.length > 0 ? queries.query(WRITE_HELD, columnsOf(entries), 'state_write_held') : undefined;
      writing?.catch(() => {});
      return { writing };
    });
    this.#holds.set(hold, { give: given.resolve, ended });
    ended.catch(held.reject).finally(() => this.#holds.delete(hold));
    return held.promise;
  }

  async swap(...[, entries, hold]: Parameters<StateStore['swap']>): Promise<boolean> {
    const held = this.#holds.get(hold);
    if (held === undefined) return false;
    this.#holds.delete(hold);
    held.give(entries);
    await (await held.ended).writing;
    return true;
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
    this.#sweeps?.start();
  }

  async close(): Promise<void> {
    this.#sweeps?.stop();
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
    const now = nowIn(rows);
    const byName = new Map<string, StoredValue[]>(names.map((name) => [name, []]));
    for (const value of rows.flatMap(valueIn)) byName.get(value.name)?.push(value);
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

/** A transaction that has locks and waits for what to write. */
type Hold = {
  readonly give: (entries: readonly StoredEntry[]) => void;
  readonly ended: Promise<{ readonly writing: Promise<unknown> | undefined }>;
};

const nowIn = (rows: readonly Row[]): number => rows[0]?.now ?? Date.now();

const valueIn = ({ name, part, version, value }: Row): StoredValue | [] =>
  part === null ? [] : { name, part, version, value: value ?? undefined };

const columnsOf = (entries: readonly StoredEntry[]) => [
  entries.map(({ name }) => name),
  entries.map(({ version }) => version),
  entries.map(({ ttlMs }) => ttlMs),
  entries.map(({ value }) => value),
];

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
