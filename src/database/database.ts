import { readFile } from 'node:fs/promises';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import {
  connectionsFor,
  type DatabaseConfig,
  type DatabaseUse,
  sessionOf,
  type TablesAccess,
} from './database-config.ts';
import { connectError, DatabaseError, databaseError } from './database-error.ts';
import { areTablesCurrent, areTablesThere, migrateTables } from './migrate.ts';

/** Runs statements, one after the other. */
export type Queries = {
  /**
   * @param values parameters; a list is one array parameter
   * @param name prepares the statement under it: each text has its own
   * @throws DatabaseError
   */
  query<Row extends object>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
};

/** Beyond the statement timeout, which the server keeps: one that hangs does not. */
const HANG_MARGIN_MS = 1000;
const IDLE_MS = 30_000;
const INT8 = 20;

/**
 * Connections to the Postgres that replicas share, for one part of a process. They are opened when they are needed. The first use brings the
 * tables to the version of this release. Integers of 64 bits are numbers, `bytea` is a Buffer.
 */
export class Database implements Queries {
  readonly #config: DatabaseConfig;
  readonly #use: DatabaseUse;
  readonly #access: TablesAccess;
  #pool: Promise<Pool> | undefined;
  #migrated: Promise<void> | undefined;
  #isClosed = false;

  constructor(config: DatabaseConfig, use: DatabaseUse, access: TablesAccess = 'make') {
    this.#config = config;
    this.#use = use;
    this.#access = access;
  }

  async query<Row extends object>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]> {
    await this.migrated();
    return this.#withClient((queries) => queries.query<Row>(text, values, name));
  }

  /**
   * Commits all that it runs, or nothing. `isOutcomeUnknown` of the error is true if the connection was lost while it committed.
   *
   * @throws DatabaseError, or what `run` throws
   */
  async transaction<T>(run: (queries: Queries) => Promise<T>): Promise<T> {
    await this.migrated();
    return this.#withClient((queries) => inTransaction(queries, run));
  }

  /** Looks at the server and its tables, and changes nothing. @throws DatabaseError */
  look(): Promise<{ readonly version: string; readonly isMigrated: boolean }> {
    return this.#withClient(async (queries) => {
      const [row] = await queries.query<{ version: string }>(
        `SELECT current_setting('server_version') AS version`,
      );
      return {
        version: row?.version ?? '',
        isMigrated: await areTablesCurrent(queries, this.#config.schema),
      };
    });
  }

  /** Resolves once the tables are those of this release; tried again by the next use if it fails. */
  migrated(): Promise<void> {
    this.#migrated ??= this.#withClient(
      (queries) => this.#bringUp(queries),
      this.#config.statementTimeoutMs + MIGRATION_MS,
    ).catch((error: unknown) => {
      this.#migrated = undefined;
      throw error;
    });
    return this.#migrated;
  }

  async #bringUp(queries: Queries): Promise<void> {
    const { schema } = this.#config;
    if (this.#access !== 'make' && !(await areTablesThere(queries, schema)))
      throw new DatabaseError('no_tables', `Postgres: there are no tables in schema ${schema}`);
    if (this.#access === 'read') await areTablesCurrent(queries, schema);
    else await migrateTables(queries, schema, (run) => inTransaction(queries, run));
  }

  /** Ends all connections; what runs is given a moment. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const pool = this.#pool;
    this.#pool = undefined;
    await (await pool)?.end().catch(() => {});
  }

  async #withClient<T>(run: (queries: Queries) => Promise<T>, hangMs?: number): Promise<T> {
    if (this.#isClosed) throw new DatabaseError('closed', 'Postgres: closed');
    const { pool, client } = await this.#connect();
    let broken: Error | undefined;
    const lost = (error: Error) => {
      broken = error;
    };
    client.on('error', lost);
    const limit = hangMs ?? this.#config.statementTimeoutMs + HANG_MARGIN_MS;
    try {
      return await run(new ClientQueries(client, limit, lost));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.isUnavailable) broken ??= error;
      // Dropped, or lost with a database that was restored: the next use makes them again
      if (error.isMissing) this.#migrated = undefined;
      // A standby that was the primary: its other connections lead nowhere either
      if (error.code === '25006') this.#renew(pool);
      throw error;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }

  async #connect(): Promise<{ readonly pool: Pool; readonly client: PoolClient }> {
    try {
      this.#pool ??= this.#open().catch((error: unknown) => {
        // A file that the address names is missing: it can come
        this.#pool = undefined;
        throw error;
      });
      const pool = await this.#pool;
      return { pool, client: await pool.connect() };
    } catch (error) {
      throw connectError(error);
    }
  }

  #renew(pool: Pool): void {
    this.#pool = undefined;
    pool.end().catch(() => {});
  }

  async #open(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const { parse, toClientConfig } = await import('pg-connection-string');
    const { url, password, passwordFile, poolSize, connectTimeoutMs } = this.#config;
    const session = {
      text: sessionOf(this.#use, this.#config, HANG_MARGIN_MS),
      query_timeout: connectTimeoutMs,
    };
    const parsed = toClientConfig(parse(url, { useLibpqCompat: true }));
    const own =
      passwordFile === undefined
        ? password
        : () => readFile(passwordFile, 'utf8').then((text) => text.trim());
    const options: PoolConfig = {
      ...parsed,
      ...(own !== undefined && { password: own }),
      max: connectionsFor(this.#use, poolSize),
      application_name: `guardrail-bridge ${this.#use}`,
      // It waits for what is returned, which its type does not say
      onConnect: (client) => client.query(session) as unknown as undefined,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      // Statements that nobody waits for go out together
      pipeline: true,
      allowExitOnIdle: true,
      types: {
        getTypeParser: ((oid: number, format?: 'text') =>
          oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
      },
    };
    const pool = new pg.Pool(options);
    // Of a connection that nobody uses: the next use opens another
    pool.on('error', () => {});
    return pool;
  }
}

/** Another replica can be at it. */
const MIGRATION_MS = 60_000;

class ClientQueries implements Queries {
  readonly #client: PoolClient;
  readonly #limitMs: number;
  readonly #onHang: (error: Error) => void;

  constructor(client: PoolClient, limitMs: number, onHang: (error: Error) => void) {
    this.#client = client;
    this.#limitMs = limitMs;
    this.#onHang = onHang;
  }

  async query<Row extends object>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new DatabaseError('timeout', 'Postgres: no reply in time');
      this.#onHang(error);
      reject(error);
    }, this.#limitMs);
    try {
      const config = {
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values: [...values] }),
      };
      const running = this.#client.query<Row>(config);
      // It ends when the connection is destroyed
      running.catch(() => {});
      return (await Promise.race([running, promise])).rows;
    } catch (error) {
      throw databaseError(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function inTransaction<T>(queries: Queries, run: (queries: Queries) => Promise<T>): Promise<T> {
  // Goes out with the first statement
  const begun = queries.query('BEGIN');
  begun.catch(() => {});
  let result: T;
  try {
    result = await run(queries);
    await begun;
  } catch (error) {
    if (!(error instanceof DatabaseError && error.isUnavailable))
      await queries.query('ROLLBACK').catch(() => {});
    throw error;
  }
  try {
    await queries.query('COMMIT');
  } catch (error) {
    const sorted = databaseError(error);
    throw sorted.isUnavailable ? databaseError(error, true) : sorted;
  }
  return result;
}
