import type { LiveRow } from './decision-ring.ts';

/** True for a decision of which nothing is to be told: runs of them are one row. */
export function isPlain({ verdict, bypassed, observed }: LiveRow): boolean {
  return verdict === 'allow' && bypassed.length === 0 && observed.length === 0;
}

/** A row of the list: a decision, or a run of plain ones, of which it is the newest. */
export type FoldedRow = {
  readonly decision: LiveRow;
  readonly count: number;
  /** When the oldest of them was decided. */
  readonly since: number;
  /** The team of all of them; undefined if they have several. */
  readonly team: string | null | undefined;
};

/** Folds runs of plain decisions. @param decisions the newest first */
export function foldedRows(decisions: readonly LiveRow[]): readonly FoldedRow[] {
  const rows: FoldedRow[] = [];
  for (const decision of decisions) {
    const last = rows.at(-1);
    if (last !== undefined && isPlain(decision) && isPlain(last.decision)) {
      const team = last.team === decision.team ? last.team : undefined;
      rows[rows.length - 1] = { ...last, count: last.count + 1, since: decision.at, team };
    } else rows.push({ decision, count: 1, since: decision.at, team: decision.team });
  }
  return rows;
}
