import type { Entry } from './contract.ts';

/**
 * An entry that is not delivered for a time, so that what other replicas know of its call can take its place. That of a blocked call
 * gives way to nothing.
 */
export function settling(entry: Entry, ms: number): Entry {
  return entry.outcome === 'blocked' || entry.holdMs >= ms ? entry : { ...entry, holdMs: ms };
}
