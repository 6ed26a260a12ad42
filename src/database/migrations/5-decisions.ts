import type { TableStep } from '../migrate.ts';

/** Decisions of all replicas, each as it is in the file of its replica. */
export const DECISIONS: TableStep = {
  version: 5,
  name: 'decisions',
  sql: `
    CREATE TABLE decision (
      origin uuid NOT NULL,
      id bigint NOT NULL,
      at bigint NOT NULL,
      verdict text NOT NULL,
      call bigint,
      ref text,
      rounds integer,
      ended text,
      packed text NOT NULL,
      PRIMARY KEY (origin, id)
    );
    CREATE INDEX decision_at ON decision (at, origin, id);
    CREATE INDEX decision_call ON decision (call) WHERE call IS NOT NULL;
    CREATE INDEX decision_ref ON decision (ref) WHERE ref IS NOT NULL;
  `,
};
