const ADVICE: Readonly<Record<string, string>> = {
  LOCKED: 'another bridge writes the audit log in this DATA_DIR; give each its own',
  GONE: 'the file was deleted while it was written',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the disk is read-only',
  EACCES: 'this user may not write in DATA_DIR',
  EPERM: 'this user may not write in DATA_DIR',
  ENOTDIR: 'a part of DATA_DIR is no folder',
};

/** What an operator can do about a code that `createAuditLog` told. */
export function auditAdvice(code: string): string {
  const [, part = '', cause = code] = /^(RETENTION|SYNC)_(.*)$/.exec(code) ?? [];
  const advice = ADVICE[cause] ?? 'look at the disk of DATA_DIR';
  if (part === 'RETENTION') return `old rows could not be removed: ${advice}`;
  return part === 'SYNC' ? `rows may not outlive a power cut: ${advice}` : advice;
}
