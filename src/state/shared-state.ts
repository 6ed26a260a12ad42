/** Parts of judging that share state: the first word of their keys, and a label of metrics. */
export const CALL_STATE_FEATURES = [
  'requests',
  'markers',
  'calls',
  'blocked_history',
  'agent_sessions',
  'learned_models',
  'late_verdicts',
  'canaries',
] as const;
/** Those of the records thread. */
export const RECORD_STATE_FEATURES = ['streamed_texts', 'blocked_results'] as const;
export type StateFeature = (typeof CALL_STATE_FEATURES | typeof RECORD_STATE_FEATURES)[number];

/** A name for a value, such as `calls:` and a state key. Nobody who reads the store can read it there. */
export type SharedKey = `${StateFeature}:${string}`;

/** Bytes of the longest value. What is longer is not shared, and counted. */
export const MAX_VALUE_BYTES = 1024 * 1024;

/** A value that is kept for a time. */
export type StateEntry = {
  readonly key: SharedKey;
  readonly value: Uint8Array;
  /** Milliseconds from now. */
  readonly ttlMs: number;
};

/** Why shared state is not known: no reply in time, nobody to ask, more than one value may hold, or a key that this replica does not have. */
export const STATE_FAILURES = ['timeout', 'unavailable', 'too_large', 'unreadable'] as const;
export type StateFailure = (typeof STATE_FAILURES)[number];

/** Shared state could not be read or written in time. It was counted and logged: the caller goes on without. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly reason: StateFailure;

  constructor(reason: StateFailure) {
    super(`shared state: ${reason}`);
    this.reason = reason;
  }
}

/** Undefined where state cannot be shared now: that was counted. */
export async function orNothing<T>(sharing: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await sharing;
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    return undefined;
  }
}

/** What one of several writers wrote of a value; null for what was written here, and for a request that was read before. */
export type SharedPart = Buffer | null;

/** What is to be written instead of values that were read. Keys that are left out stay as they are. */
export type StateChange<T> = { readonly writes: readonly StateEntry[]; readonly result: T };

/**
 * Values that all replicas and workers know, each under a key, encrypted where they are kept. Undefined where nobody shares any.
 *
 * No method hangs, and none is tried again: each ends within `STATE_TIMEOUT`, or at once while the store is known to be down. A missing
 * value has expired, was dropped for want of room, or cannot be decrypted; which is counted.
 */
export type SharedState = {
  /**
   * Reads values at once.
   *
   * @returns those that are there
   * @throws StateError
   */
  read(keys: readonly SharedKey[]): Promise<ReadonlyMap<SharedKey, Buffer>>;
  /**
   * Writes values in place of those before; resolves when others can read them.
   *
   * @throws StateError
   */
  write(entries: readonly StateEntry[]): Promise<void>;
  /**
   * Changes values that others change too. `change` runs again if somebody else was faster, so it must only depend on what it is given.
   *
   * @param keys all that are read or written
   * @param change throws nothing; `now` is the time of the store in Unix milliseconds, as clocks of replicas differ
   * @throws StateError
   */
  update<T>(
    keys: readonly SharedKey[],
    change: (before: ReadonlyMap<SharedKey, Buffer>, now: number) => StateChange<T>,
  ): Promise<T>;
  /**
   * Reads the shares of all in values that nobody writes as a whole, oldest first. Null stands for the share that was written here. One that
   * was read before is the same buffer again; a request is null then, as its reader keeps it.
   *
   * @throws StateError
   */
  readShares(keys: readonly SharedKey[]): Promise<ReadonlyMap<SharedKey, readonly SharedPart[]>>;
  /**
   * Writes this one's share of values, in place of its share before: no writer overwrites another's.
   *
   * @throws StateError
   */
  writeShares(entries: readonly StateEntry[]): Promise<void>;
  /** @throws StateError */
  delete(keys: readonly SharedKey[]): Promise<void>;
  /**
   * A secret of 32 bytes that all have, to make keyed hashes that mean the same everywhere.
   *
   * @throws StateError
   */
  secret(purpose: string): Promise<Buffer>;
  close(): Promise<void>;
};
