/** Error codes of the system for a server that cannot be reached, or is lost. */
const NETWORK = /^E(?:CONN|HOST|NET|PIPE|TIMEDOUT|AI_|NOTFOUND|ADDR|MFILE|NFILE|ACCES|NOENT|PROTO)/;
/**
 * Classes of SQLSTATE that are about the server and not about a statement: connection, feature missing in recovery, privileges, resources,
 * operator, system, internal.
 *
 * @see https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const SERVER_STATES = /^(?:08|28|3D|3F|53|57|58|F0|XX)|^(?:25006|42501|42P01|55P03|55006|0A000)$/;

/** Two transactions were in each other's way: either can be run again. */
const CONFLICTS = new Set(['40001', '40P01']);

/** A code of ours: no reply in time, a connection that was lost without one, a schema that a newer release has changed. */
export type OwnDatabaseCode = 'timeout' | 'connection_lost' | 'newer_version' | 'closed';

/**
 * Postgres, or the way to it, failed. Its message has neither values nor the password.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  /** SQLSTATE, a code of the system such as `ECONNREFUSED`, or one of ours. */
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
    return isOwn(this.code) || NETWORK.test(this.code) || SERVER_STATES.test(this.code);
  }

  /** True if the transaction was undone for the sake of another, and can be run again at once. */
  get isConflict(): boolean {
    return CONFLICTS.has(this.code);
  }
}

const OWN: readonly string[] = [
  'timeout',
  'connection_lost',
  'newer_version',
  'closed',
] satisfies OwnDatabaseCode[];
const isOwn = (code: string) => OWN.includes(code);

/** Sorts an error of the driver, whose messages can quote values: only its code is kept. */
export function databaseError(error: unknown, isOutcomeUnknown = false): DatabaseError {
  if (error instanceof DatabaseError) {
    return error.isOutcomeUnknown === isOutcomeUnknown || !isOutcomeUnknown
      ? error
      : new DatabaseError(error.code, error.message, error.cause, true);
  }
  const {
    code,
    message = '',
    severity,
    errors,
  } = error as {
    code?: unknown;
    message?: string;
    severity?: string;
    errors?: unknown[];
  };
  // Of several addresses that were tried
  if (Array.isArray(errors) && errors.length > 0 && code === undefined)
    return databaseError(errors[0], isOutcomeUnknown);
  if (typeof code === 'string') {
    // Statement timeout
    if (code === '57014')
      return new DatabaseError('timeout', 'Postgres: statement timeout', undefined, isOutcomeUnknown);
    return new DatabaseError(code, `Postgres: ${severity ?? 'error'} ${code}`, undefined, isOutcomeUnknown);
  }
  if (/timeout/i.test(message))
    return new DatabaseError('timeout', 'Postgres: no reply in time', undefined, isOutcomeUnknown);
  if (/terminated|connection (?:ended|closed|error)|not queryable|SSL|SASL|password/i.test(message)) {
    return new DatabaseError(
      'connection_lost',
      'Postgres: the connection was lost or refused',
      undefined,
      isOutcomeUnknown,
    );
  }
  throw error;
}
