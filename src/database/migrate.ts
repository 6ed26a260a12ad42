import type { Queries } from './database.ts';
import { DatabaseError } from './database-error.ts';
import { TABLE_STEPS } from './migrations/index.ts';

/** One step of the schema. Once released it stays as it is. */
export type TableStep = {
  readonly version: number;
  readonly name: string;
  /** Statements; their names mean tables of the bridge's own schema. */
  readonly sql: string;
  /**
   * The version that a bridge has to know to work beside this one; by default any. Steps only add, so that two releases can run side by
   * side during a rollout.
   */
  readonly needs?: number;
};

/** The version of the tables that this release writes. */
const LATEST = TABLE_STEPS.reduce((latest, { version }) => Math.max(latest, version), 0);

/** Time that replicas which start together wait for the one that changes the tables. */
const WAIT = "SET LOCAL statement_timeout = '60s'";

/**
 * Brings the tables to the version of this release: in one transaction, and by one replica of those that start together. Where nothing is to
 * be done it takes no more than the right to read.
 *
 * @throws DatabaseError `newer_version` if the tables are those of a release that this one cannot work beside
 */
export async function migrateTables(
  queries: Queries,
  schema: string,
  transaction: (run: (queries: Queries) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (await areTablesCurrent(queries, schema)) return;
  await transaction(async (tx) => {
    await tx.query(WAIT);
    await tx.query('SELECT pg_advisory_xact_lock(hashtext($1), 1)', [`guardrail-bridge ${schema}`]);
    // Only now, as another replica may have done it; a role that may not create schemas can be given one
    const [found] = await tx.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    if (found === undefined) await tx.query(`CREATE SCHEMA "${schema}"`);
    await tx.query(`
      CREATE TABLE IF NOT EXISTS migration (
        version integer PRIMARY KEY,
        name text NOT NULL,
        needs integer NOT NULL DEFAULT 0,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`);
    const applied = new Set(
      (await tx.query<{ version: number }>('SELECT version FROM migration')).map(({ version }) => version),
    );
    for (const { version, name, sql, needs = 0 } of TABLE_STEPS) {
      if (applied.has(version)) continue;
      await tx.query(sql);
      await tx.query('INSERT INTO migration (version, name, needs) VALUES ($1, $2, $3)', [
        version,
        name,
        needs,
      ]);
    }
  });
}

/** True if there are tables of any release. */
export async function areTablesThere(queries: Queries, schema: string): Promise<boolean> {
  const [table] = await queries.query<{ found: boolean }>(
    `SELECT to_regclass(format('%I.migration', $1::text)) IS NOT NULL AS found`,
    [schema],
  );
  return table?.found === true;
}

/** True if the tables are there and are those of this release. @throws DatabaseError `newer_version` */
export async function areTablesCurrent(queries: Queries, schema: string): Promise<boolean> {
  if (!(await areTablesThere(queries, schema))) return false;
  const [row] = await queries.query<{ known: number; needs: number }>(
    'SELECT count(*) FILTER (WHERE version = ANY ($1))::int AS known, coalesce(max(needs), 0) AS needs FROM migration',
    [TABLE_STEPS.map(({ version }) => version)],
  );
  const { known = 0, needs = 0 } = row ?? {};
  if (needs > LATEST) {
    throw new DatabaseError(
      'newer_version',
      `the tables in ${schema} are those of a newer release, which needs version ${needs} of them, and this release knows ${LATEST}: start the newer release`,
    );
  }
  return known === TABLE_STEPS.length;
}
