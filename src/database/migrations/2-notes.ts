import type { TableStep } from '../migrate.ts';

/**
 * `note` holds what replicas said about calls whose log event is to come: most of it for a minute. A call goes by a hash of its id, and
 * whoever reads a note compares the id in it. `reported` tells that nobody is to wait for the event any more. `backend_stop` has a row for each
 * backend that is in trouble.
 */
export const NOTES: TableStep = {
  version: 2,
  name: 'notes and stops',
  sql: `
    CREATE TABLE note (
      call_hash bigint NOT NULL,
      digest bigint NOT NULL,
      replica bigint NOT NULL,
      noted_at timestamptz NOT NULL DEFAULT now(),
      reported boolean NOT NULL DEFAULT false,
      body bytea NOT NULL,
      PRIMARY KEY (call_hash, digest)
    ) WITH (autovacuum_vacuum_scale_factor = 0.05);
    CREATE INDEX note_age ON note (reported DESC, noted_at);
    CREATE TABLE backend_stop (
      backend text PRIMARY KEY,
      until timestamptz NOT NULL,
      failures integer NOT NULL,
      is_held boolean NOT NULL,
      prober bigint,
      probe_until timestamptz
    );`,
};
