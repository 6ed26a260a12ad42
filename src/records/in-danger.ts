import type { OutboxStats } from '../outbox/contract.ts';

/** Part of a bound of the outbox from which on it is in danger. */
const DANGER = 0.8;

/** True while an outbox nears its size, or the age at which it gives records up. */
export function isInDanger(stats: OutboxStats, maxAgeMs: number): boolean {
  const { usedBytes, maxBytes, backends, fallback } = stats;
  const tooOld = Date.now() - maxAgeMs * DANGER;
  const backlogs = [...Object.values(backends), ...(fallback ? [fallback] : [])];
  const isOld = backlogs.some(({ oldestAt }) => oldestAt !== undefined && oldestAt < tooOld);
  const fullest = Math.max(usedBytes / maxBytes, fallback ? fallback.usedBytes / fallback.maxBytes : 0);
  return isOld || fullest > DANGER;
}
