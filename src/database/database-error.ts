/** All else that has a code comes from the system or from TLS, and is about the way to the server. */
const SQLSTATE = /^(?!EPIPE$)[0-9A-Z]{5}$/;
/**
 * Classes of SQLSTATE that are about the server and not about a statement: connection, feature missing in recovery, privileges, resources,
 * operator, system, internal.
 *
 * @see https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const SERVER_STATES = /^(?:08|28|3D|3F|53|57|58|F0|XX)|^(?:25006|42501|42P01|42883|55P03|55006|0A000)$/;

/** A table, a schema or a function is not there. */
const MISSING = new Set(['42P01', '3F000', '42883']);

/** Two transactions were in each other's way: either can be run again. */
const CONFLICTS = new Set(['40001', '40P01']);

/**
 * A code of ours: no reply in time, a connection that was lost or refused without a code, a schema that a newer release has changed or that
 * has no tables, a use after the end.
 */
export type OwnDatabaseCode =
  | 'timeout'
  | 'connection_lost'
  | 'refused'
  | 'newer_version'
  | 'no_tables'
  | 'closed';

/** Postgres, or the way to it, failed. Its message has neither values nor the password. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  /** SQLSTATE, a code of the system or of TLS such as `ECONNREFUSED`, or one of ours. */
  readonly code: string;
  /** True if the transaction may have been committed all the same. */
  readonly isOutcomeUnknown: boolean;

  constructor(
    code: OwnDatabaseCode | (string & {}),
    message: string,
    cause?: unknown,
    isOutcomeUnknown = false,
  ) {
    super(message, { cause });
    this.code = code;
    this.isOutcomeUnknown = isOutcomeUnknown;
  }

  /** False for a statement that is wrong, or meets values that it cannot take: another try would fail as well. */
  get isUnavailable(): boolean {
    return !SQLSTATE.test(this.code) || SERVER_STATES.test(this.code);
  }

  /** True if tables of the bridge are not there, as after they were dropped. */
  get isMissing(): boolean {
    return MISSING.has(this.code);
  }

  /** True if the transaction was undone for the sake of another, and can be run again at once. */
  get isConflict(): boolean {
    return CONFLICTS.has(this.code);
  }
}

/** Of a statement that took too long for the server. */
const CANCELLED = '57014';

/**
 * Sorts an error of the driver, whose messages can quote values: only its code is kept.
 *
 * @throws an error that has nothing to do with Postgres
 */
export function databaseError(error: unknown, isOutcomeUnknown = false): DatabaseError {
  const of = (code: string, message: string) =>
    new DatabaseError(code, `Postgres: ${message}`, undefined, isOutcomeUnknown);
  if (error instanceof DatabaseError)
    return isOutcomeUnknown ? new DatabaseError(error.code, error.message, undefined, true) : error;
  const { code, message = '', severity = 'error', errors = [] } = error as Partial<AggregateError & Sent>;
  if (code === CANCELLED) return of('timeout', 'no reply in time');
  if (code !== undefined) return of(code, `${severity} ${code}`);
  // Of several addresses that were tried
  if (errors.length > 0) return databaseError(errors[0], isOutcomeUnknown);
  if (/timeout/i.test(message)) return of('timeout', 'no reply in time');
  if (LOST.test(message)) return of('connection_lost', 'the connection was lost');
  throw error;
}

/** The same for what kept a connection from being made: whatever it is, others may find the server well. */
export function connectError(error: unknown): DatabaseError {
  const { code } = error as Partial<Sent>;
  const refused = new DatabaseError('refused', `Postgres: cannot connect (${code ?? 'no code'})`);
  try {
    const sorted = databaseError(error);
    return sorted.isUnavailable ? sorted : refused;
  } catch {
    return refused;
  }
}

/** Fields of an error that the server sent, or the system. */
type Sent = { readonly code: string; readonly severity: string };

/** Messages of the driver without a code, about a connection. */
const LOST = /terminated|connection (?:ended|closed|error)|not queryable/i;
