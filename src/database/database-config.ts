/** The way to the Postgres that replicas share. */
export type DatabaseConfig = Readonly<{
  /** `postgres://user@host:port/name?sslmode=…`, as libpq reads it. It can hold a password. */
  url: string;
  /** In place of one in the address. */
  password: string | undefined;
  /** Read for each new connection, so that a token of short life can stand in it. */
  passwordFile: string | undefined;
  /** Holds all tables of the bridge, and nothing else. */
  schema: string;
  /** Most connections of one process. */
  poolSize: number;
  connectTimeoutMs: number;
  statementTimeoutMs: number;
}>;

/** The parts of a process that have connections of their own; `texts` are what the records thread shares as state. */
export type DatabaseUse = 'records' | 'state' | 'texts' | 'audit' | 'decisions' | 'command';

/** How far a part goes where tables are missing or of an older release: it makes them, changes those that are there, or leaves all as it is. */
export type TablesAccess = 'make' | 'change' | 'read';

/** Divides the connections of a process: three for the parts that need one, and the rest for records and state. */
export function connectionsFor(use: DatabaseUse, poolSize: number): number {
  switch (use) {
    case 'audit':
    case 'texts':
    case 'decisions':
    case 'command':
      return 1;
    case 'state':
      return Math.max(1, Math.floor((poolSize - 3) / 2));
    case 'records':
      return Math.max(1, Math.ceil((poolSize - 3) / 2));
  }
}

/**
 * Statements that a new connection begins with: a pooler passes on what a session sets, and refuses most of what can be said while connecting.
 *
 * Thousands of rows of state come within a second, of which Postgres learns within minutes. Until then its
 * plans are those for an empty table, and would read all of it for each row: 4 ms at 12,000 rows, not 0.2. A plan for each set of names would take longer than reading them: 0.09 ms,
 * not 0.04.
 *
 * @see https://www.postgresql.org/docs/15/runtime-config-query.html
 * @see https://www.pgbouncer.org/config.html for `ignore_startup_parameters`
 */
export function sessionOf(
  use: DatabaseUse,
  { schema, statementTimeoutMs }: DatabaseConfig,
  hangMs: number,
): string {
  const settings = [
    ...[`search_path = ${schema}`, `statement_timeout = ${statementTimeoutMs}`],
    `idle_in_transaction_session_timeout = ${statementTimeoutMs + hangMs}`,
    ...(use === 'state' || use === 'texts' ? STATE_PLANS : []),
  ];
  return settings.map((setting) => `SET ${setting}`).join('; ');
}

const STATE_PLANS = [
  ...['enable_seqscan = off', 'enable_hashjoin = off', 'enable_mergejoin = off', 'jit = off'],
  'plan_cache_mode = force_generic_plan',
];

/** The server and the database on it, without a password, and the schema. */
export type DatabasePlace = { readonly name: string; readonly schema: string };

export function databasePlace({ url, schema }: Pick<DatabaseConfig, 'url' | 'schema'>): DatabasePlace {
  const { hostname, port, pathname } = new URL(url);
  return { name: `${hostname}${port && `:${port}`}${pathname}`, schema };
}
