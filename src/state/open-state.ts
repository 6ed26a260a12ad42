import { Database } from '../database/database.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import { PostgresStore } from './postgres-store.ts';
import { SharedValues } from './shared-values.ts';
import type { StateObserver } from './state-observer.ts';
import type { StateStore } from './state-store.ts';

/** How state is shared. */
export type StateConfig = {
  /** 64 hexadecimal digits each. */
  readonly keys: readonly string[];
  readonly timeoutMs: number;
  readonly maxBytes: number;
};

/** A statement that takes longer is ended, so that its connection can be used again; nobody waits so long. */
const STATEMENT_MS = 1000;

/**
 * The store that all replicas share; undefined for a bridge that is alone.
 *
 * @param use `texts` leaves it to others to sweep up what has expired
 */
export function openStore(
  database: DatabaseConfig | undefined,
  { timeoutMs, maxBytes }: StateConfig,
  use: 'state' | 'texts' = 'state',
): StateStore | undefined {
  if (database === undefined) return undefined;
  const statementTimeoutMs = Math.min(database.statementTimeoutMs, Math.max(STATEMENT_MS, timeoutMs));
  const own = new Database({ ...database, statementTimeoutMs }, use);
  return new PostgresStore(own, use === 'state' ? maxBytes : undefined, timeoutMs);
}

/** Shared state in a store, by a configuration. */
export function sharedIn(
  store: StateStore,
  { keys, timeoutMs }: StateConfig,
  observer: StateObserver,
): SharedValues {
  return new SharedValues({ store, timeoutMs, observer, keys: keys.map((key) => Buffer.from(key, 'hex')) });
}
