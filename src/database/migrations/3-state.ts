import type { TableStep } from '../migrate.ts';

/**
 * What replicas share of calls under way. The values are written to no log and need not outlive a crash; a standby has none of them. They are
 * encrypted, so Postgres need not try to compress them. The one row of `state_common` has the secret that all replicas share, and the time of the last sweep.
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
  `,
};
