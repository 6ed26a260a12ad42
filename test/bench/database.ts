/** A Postgres of its own for a measurement, with what it costs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../postgres/server.ts';

/** All so far. */
export type DatabaseFigures = {
  readonly at: number;
  /** CPU of all its processes. */
  readonly cpuMs: number;
  readonly walBytes: number;
  readonly commits: number;
  /** Now. */
  readonly connections: number;
};

export type MeasuredDatabase = {
  readonly url: string;
  figures(): Promise<DatabaseFigures>;
  /** Bytes of the tables in a schema, indexes included. */
  bytes(schema: string): Promise<number>;
  query(text: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
};

/** As it comes, durable: `fsync` and `synchronous_commit` are on. The rest is for a machine of this size. */
const SETTINGS = ['shared_buffers = 1GB', 'max_wal_size = 4GB', 'wal_compression = off'];

export async function startDatabase(): Promise<MeasuredDatabase> {
  const postgres = await startPostgres({ settings: SETTINGS });
  const { url } = postgres;
  const pool = new pg.Pool({ connectionString: url, max: 1, application_name: 'bench' });
  pool.on('error', () => {});
  const query = async (text: string) => (await pool.query(text)).rows as Record<string, unknown>[];
  return {
    url,
    query,
    async figures() {
      const [row] = await query(`
        SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal, pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS commits,
          (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'bench') AS connections
      `);
      return {
        at: performance.now(),
        cpuMs: treeCpuMs(postgres.dir),
        walBytes: Number(row?.wal),
        commits: Number(row?.commits),
        connections: Number(row?.connections),
      };
    },
    async bytes(schema) {
      const [row] = await query(
        `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '${schema}' AND c.relkind = 'r'`,
      );
      return Number(row?.bytes);
    },
    stop: () => postgres.stop('immediate'),
    start: () => postgres.start(),
    async remove() {
      await pool.end().catch(() => {});
      await postgres.remove();
    },
  };
}

/** CPU of the processes that run, and of those that have ended, in ticks of 10 ms. */
function treeCpuMs(dir: string): number {
  const main = Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const children = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ').map(Number);
  const ticks = [main, ...children].map((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      const own = Number(fields[11]) + Number(fields[12]);
      return pid === main ? own + Number(fields[13]) + Number(fields[14]) : own;
    } catch {
      return 0; // it has ended meanwhile
    }
  });
  return ticks.reduce((sum, some) => sum + some, 0) * 10;
}
