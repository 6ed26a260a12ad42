import type { OutboxError } from './contract.ts';

/** Why the database could not be used. `slow`: the record of a blocked call was stored beside it meanwhile, or what it was to tell was done without. */
export const DATABASE_TROUBLES = [
  ...['unreachable', 'timeout', 'slow', 'terminated', 'starting', 'read_only', 'disk_full', 'full'],
  ...['too_many_connections', 'refused', 'newer_version', 'other'],
] as const;
export type DatabaseTrouble = (typeof DATABASE_TROUBLES)[number];

/** @see https://www.postgresql.org/docs/15/errcodes-appendix.html */
const TROUBLES: readonly (readonly [RegExp, DatabaseTrouble])[] = [
  [/^timeout$/, 'timeout'],
  [/^newer_version$/, 'newer_version'],
  [/^(?:connection_lost|57P01|57P02|57P05|08...)$/, 'terminated'],
  [/^57P03$/, 'starting'],
  [/^25006$/, 'read_only'],
  [/^53100$/, 'disk_full'],
  [/^53300$/, 'too_many_connections'],
  [/^(?:28...|3D000|3F000|42501)$/, 'refused'],
  [/^E[A-Z]+$/, 'unreachable'],
];

/** The code of what Postgres, or the way to it, failed with: a SQLSTATE, one of the system, or `full`. */
export function databaseCode({ kind, cause }: OutboxError): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : kind;
}

export function databaseTrouble(error: OutboxError): DatabaseTrouble {
  const code = databaseCode(error);
  if (code === 'full') return 'full';
  return TROUBLES.find(([codes]) => codes.test(code))?.[1] ?? 'other';
}
