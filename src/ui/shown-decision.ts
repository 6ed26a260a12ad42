import { namesIn } from '../decisions/explanation.ts';
import { bypassedBackends, observedVerdicts } from '../decisions/filter.ts';
import type { DecisionRow } from '../decisions/row.ts';
import type { LiveDecision } from './page-source.ts';

/** A decision as the page lists it, be it live or kept. */
export type ShownDecision = Omit<LiveDecision, 'seq'>;

/** A decision in the form in which the page lists it. */
export function shownDecision(row: DecisionRow): ShownDecision {
  const { at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms } = row;
  const deciding = namesIn(by);
  const rules = row.policies.filter(({ kind, enforced }) => enforced && deciding.includes(kind));
  const categories = row.backends.filter(
    ({ backend, mode }) => mode === 'enforce' && deciding.includes(backend),
  );
  return {
    ...{ at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms },
    rules: [
      ...new Set([
        ...rules.flatMap((one) => one.rules),
        ...categories.flatMap((one) => one.categories ?? []),
      ]),
    ],
    bypassed: bypassedBackends(row),
    observed: observedVerdicts(row),
  };
}

/** True for a decision of which nothing is to be told: runs of them are one row. */
export function isPlain({ verdict, bypassed, observed }: ShownDecision): boolean {
  return verdict === 'allow' && bypassed.length === 0 && observed.length === 0;
}

/** A row of the list: a decision, or a run of plain ones, of which it is the newest. */
export type FoldedRow = {
  readonly decision: ShownDecision;
  readonly count: number;
  /** When the oldest of them was decided. */
  readonly since: number;
  /** The team of all of them; undefined if they have several. */
  readonly team: string | null | undefined;
};

/** Folds runs of plain decisions. @param decisions the newest first */
export function foldedRows(decisions: readonly ShownDecision[]): readonly FoldedRow[] {
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
