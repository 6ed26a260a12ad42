import type { TableStep } from '../migrate.ts';

/** Audit logs: the chain of each replica, row by row as in its folder. */
export const AUDIT: TableStep = {
  version: 4,
  name: 'audit',
  sql: `
    CREATE TABLE audit_replica (
      replica uuid NOT NULL,
      name text NOT NULL,
      copy_of uuid,
      since timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (replica, since)
    );
    CREATE TABLE audit_row (
      replica uuid NOT NULL,
      pos bigint NOT NULL,
      seq bigint NOT NULL,
      type text NOT NULL,
      at timestamptz NOT NULL,
      line text NOT NULL,
      PRIMARY KEY (replica, pos)
    );
    CREATE INDEX audit_row_of_the_log ON audit_row (replica, pos) WHERE type <> 'decision';
  `,
};
