import type { Head, SealedRow } from './chain.ts';
import type { ChainCheck } from './chain-check.ts';

/** Unix milliseconds; without bounds by default. */
export type TimeRange = { readonly since?: number | undefined; readonly until?: number | undefined };

/** A chain that can be read, from files or from the table of all replicas. */
export type ChainSource = {
  /** Name of the replica for people, or the folder. */
  readonly name: string;
  /** Id of the replica; null for a folder that is in no table. */
  readonly replica: string | null;
  /** The replica whose chain this one went on from, in a copy of its folder. */
  readonly copyOf: string | null;
  /** Number of rows that are in the folder alone; undefined where there is no table, once all is read. */
  readonly unshipped: number | undefined;
  /** Hands all rows to a check, and what is none. @throws Error with a code, DatabaseError */
  read(check: ChainCheck): Promise<void>;
  /** To be called when all chains were read. @param missing heads that this chain should have */
  end(check: ChainCheck, missing: readonly Head[]): void;
  rows(range: TimeRange): AsyncIterable<SealedRow>;
  /** The last rows; to be called before {@link next}. */
  last(count: number): Promise<readonly SealedRow[]>;
  /** Rows that came since the last time. */
  next(): AsyncIterable<SealedRow>;
};
