import { randomInt } from 'node:crypto';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { PostgresOutbox, type PostgresOutboxOptions } from '../../src/outbox/postgres-outbox.ts';
import { DAY_MS, MB, type Told, told } from '../support/store.ts';
import { databaseConfig } from './server.ts';

export type SharedPlace = {
  /** Opens it as a replica does; it is closed after the test. */
  open(options?: Partial<PostgresOutboxOptions>): Told<PostgresOutbox>;
};

/** A schema for an outbox that replicas share. */
export function sharedPlace(config: DatabaseConfig = databaseConfig()): SharedPlace {
  return {
    open: (options) =>
      told(
        (set) =>
          new PostgresOutbox({
            database: new Database(config, 'records'),
            replica: randomInt(2 ** 47),
            name: 'a test',
            backends: ['akto', 'capsule'],
            ...{ maxBytes: 100 * MB, maxAgeMs: 7 * DAY_MS },
            ...set,
            ...options,
          }),
      ),
  };
}
