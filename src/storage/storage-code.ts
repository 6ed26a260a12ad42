/** Names an error of SQLite, Postgres or the system for logs, as in `SQLITE_FULL`, `25006` or `EACCES`; never a path. */
export function storageCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('errcode' in error && typeof error.errcode === 'number') {
    return SQLITE_CODES[error.errcode & 0xff] ?? `SQLITE_${error.errcode & 0xff}`;
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

const SQLITE_CODES: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  26: 'SQLITE_NOTADB',
};

/** True if the file is damaged, or is no database. */
export function isDamage(error: unknown): boolean {
  return /^SQLITE_(?:CORRUPT|NOTADB)$/.test(storageCode(error));
}

/** True if another connection holds the file. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)$/.test(storageCode(error));
}

/** True if the values to be stored or read are to blame, and not the file. */
export function isAboutValues(error: unknown): boolean {
  return /^(?:SQLITE_TOOBIG|SQLITE_CONSTRAINT|SQLITE_MISMATCH|ERR_OUT_OF_RANGE)$/.test(storageCode(error));
}
