import type { TableStep } from '../migrate.ts';

/**
 * What replicas share of calls under way. The values are written to no log and need not outlive a crash; a standby has none of them. They are
 * encrypted, so Postgres need not try to compress them. `state_swap` writes all or nothing, and waits for nobody but those who change the
 * same values. The one row of `state_common` has the secret that all replicas share, and the time of the last sweep.
 */
export const STATE: TableStep = {
  version: 3,
  name: 'state',
  sql: `
    CREATE UNLOGGED TABLE state (
      name text COLLATE "C" NOT NULL,
      part text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      expires_at timestamptz NOT NULL,
      value bytea NOT NULL,
      PRIMARY KEY (name, part)
    ) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
    ALTER TABLE state ALTER COLUMN value SET STORAGE EXTERNAL;
    CREATE INDEX state_expires_at ON state (expires_at);

    CREATE TABLE state_common (
      is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
      secret bytea,
      swept_at timestamptz NOT NULL DEFAULT now()
    );
    INSERT INTO state_common DEFAULT VALUES;

    CREATE FUNCTION state_swap(
      read_names text[], read_versions bigint[],
      names text[], versions bigint[], ttls float8[], new_values bytea[]
    ) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended(n, 3))
        FROM (SELECT n FROM unnest(read_names) AS n ORDER BY hashtextextended(n, 3)) AS ordered;
      IF EXISTS (
        SELECT FROM unnest(read_names, read_versions) AS r (name, version)
          LEFT JOIN state AS s ON s.name = r.name AND s.part = '' AND s.expires_at > clock_timestamp()
        WHERE coalesce(s.version, 0) <> r.version
      ) THEN
        RETURN false;
      END IF;
      INSERT INTO state (name, part, version, expires_at, value)
        SELECT w.name, '', w.version, clock_timestamp() + w.ttl * interval '1 ms', w.value
        FROM unnest(names, versions, ttls, new_values) AS w (name, version, ttl, value)
        ORDER BY w.name
        ON CONFLICT (name, part) DO UPDATE
          SET version = excluded.version, expires_at = excluded.expires_at, value = excluded.value;
      RETURN true;
    END
    $$;
  `,
};
