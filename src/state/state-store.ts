/** A value as it is kept. */
export type StoredEntry = {
  /** A hash. */
  readonly name: string;
  /** Whose share of the value it is; empty for the whole of one. */
  readonly part: string;
  /** Another one for each that is written. */
  readonly version: number;
  readonly value: Uint8Array;
  readonly ttlMs: number;
  /** True if values under this name can be long. */
  readonly isBulky?: boolean;
};

/** One of the values under a name; its bytes are left out where the version is known. */
export type StoredValue = Pick<StoredEntry, 'name' | 'part' | 'version'> & {
  readonly value: Uint8Array | undefined;
};

/** Values, and the time of the store in Unix milliseconds. */
export type ReadValues = { readonly now: number; readonly values: readonly StoredValue[] };

/** Values that are about to be changed. `hold` names that for the swap; 0 where nobody else is kept from them */
export type HeldValues = ReadValues & { readonly hold: number };

/** A value of which only others than the known versions are wanted. */
export type StoredQuery = { readonly name: string; readonly known: readonly number[] };

/** The version of a whole value that was read; 0 for one that was not there. */
export type ReadVersion = { readonly name: string; readonly version: number };

/**
 * Keeps sealed values by hashed names, for a time and within a bound. All it takes and returns is plain data, so that another thread or
 * process can be asked. It rejects with whatever went wrong.
 */
export type StateStore = {
  /** All shares of these values that have not expired, those that were written first at the front. */
  read(queries: readonly StoredQuery[]): Promise<ReadValues>;
  /** Writes in this order. */
  write(entries: readonly StoredEntry[]): Promise<void>;
  /** Reads values that are about to be changed. The store may keep others from them until the swap, which must follow, or for a moment. */
  hold(names: readonly string[]): Promise<HeldValues>;
  /** Writes whole values if all that were read still have their versions, and none otherwise. Perhaps there are none to write. */
  swap(read: readonly ReadVersion[], entries: readonly StoredEntry[], hold: number): Promise<boolean>;
  delete(names: readonly string[]): Promise<void>;
  /** 32 random bytes, drawn once for all who use the store. */
  secret(): Promise<Uint8Array>;
  /** Resolves if values can be read and written. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** Bytes of an entry beside its value, index included. */
export const ENTRY_OVERHEAD = 200;
