import type { DECISION_LOSSES } from '../observability/metric-labels.ts';

const FULL = /^(?:SQLITE_FULL|ENOSPC|EDQUOT|DECISIONS_MAX_MB)$/;

/** Why decisions are lost. @param trouble undefined while batches are stored, or the disk does not respond */
export function decisionLoss(trouble: string | undefined): (typeof DECISION_LOSSES)[number] {
  if (trouble === undefined) return 'slow';
  return FULL.test(trouble) ? 'full' : 'unavailable';
}

const ADVICE: Readonly<Record<string, string>> = {
  LOCKED: 'another bridge keeps decisions in this DATA_DIR; give each its own',
  SQLITE_FULL: 'the disk is full',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  DECISIONS_MAX_MB: 'somebody reads decisions.db for long, so that nothing can be removed from it',
  SQLITE_READONLY: 'this user may not write in DATA_DIR, or its disk is read-only',
  SQLITE_CANTOPEN: 'this user may not write in DATA_DIR, or its disk is read-only',
  EROFS: 'the disk is read-only',
  EACCES: 'this user may not write in DATA_DIR',
  EPERM: 'this user may not write in DATA_DIR',
  ENOTDIR: 'a part of DATA_DIR is no folder',
};

/** Tells an operator what to do about a code. */
export function decisionsAdvice(code: string): string {
  return ADVICE[code] ?? 'look at the disk of DATA_DIR; DECISIONS_DAYS=0 keeps no decisions';
}
