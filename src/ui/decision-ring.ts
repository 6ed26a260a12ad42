import { bypassedBackends, observedVerdicts } from '../decisions/filter.ts';
import type { DecisionRow } from '../decisions/row.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import type { LiveDecision, LiveDecisions } from './page-source.ts';

/** A decision before it has its number. */
export type LiveRow = Omit<LiveDecision, 'seq'>;

/** Decisions that one process hands to another: the newest, and the number of those before them that are not among them. */
export type HandedRows = { readonly missed: number; readonly rows: readonly LiveRow[] };

/** Decisions that are kept to be shown. */
const SHOWN = 200;

const NONE: readonly never[] = [];
const ROUND = { isRound: true } as const;

/** A row as it is shown. It holds nothing of the call that is long. */
export function liveRowOf(row: DecisionRow): LiveRow {
  const { at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms } = row;
  const { policies, backends } = row;
  const isPlain = policies.length === 0;
  const isRound = row.streamed === true && input_type === 'response' && litellm_call_id !== null;
  return {
    ...{ at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms },
    rules: isPlain ? NONE : rulesOf(row),
    bypassed: backends.length === 0 ? NONE : bypassedBackends(row),
    observed: isPlain && backends.length === 0 ? NONE : observedVerdicts(row),
    ...(isRound && ROUND),
  };
}

/** Of those who decided; where nobody did, of those who would have. */
function rulesOf({ policies }: DecisionRow): readonly string[] {
  const isEnforced = policies.some(({ enforced }) => enforced);
  return policies.filter(({ enforced }) => enforced === isEnforced).flatMap(({ rules }) => rules);
}

/**
 * The last decisions, each with a number that grows. Of a streamed response the newest takes the place of those before. Calls of the doctor
 * are left out.
 */
export class DecisionRing {
  #last = 0;
  /** The number of the newest that is no longer kept for its age. */
  #gone = 0;
  /** The number of the newest that another process has. */
  #handed = 0;
  /** By number, the oldest first. */
  readonly #rows = new Map<number, LiveRow>();
  /** Numbers of streamed responses, by call id. */
  readonly #streams = new Map<string, number>();

  /** Adds a row that is kept or would be. */
  decided(row: DecisionRow): void {
    if (isCanaryId(row.litellm_call_id)) return;
    this.#add(liveRowOf(row));
  }

  /** Adds those of another process. */
  add({ missed, rows }: HandedRows): void {
    this.#last += missed;
    if (missed > 0) this.#gone = Math.max(this.#gone, this.#last);
    for (const row of rows) this.#add(row);
  }

  /** Takes those that came since the last time, for {@link add}. */
  take(): HandedRows | undefined {
    const after = this.#handed;
    if (this.#last === after) return undefined;
    this.#handed = this.#last;
    const rows = [...this.#rows].flatMap(([n, row]) => (n > after ? [row] : []));
    return { missed: Math.max(0, this.#gone - after), rows };
  }

  /** @param known the number of the newest that is known; that of another start of the bridge counts for none */
  after(known: number): LiveDecisions {
    const after = known > this.#last ? 0 : known;
    const decisions = [...this.#rows].flatMap(([seq, row]) => (seq > after ? [{ seq, ...row }] : []));
    return { last: this.#last, missed: Math.max(0, this.#gone - after), decisions };
  }

  #add(row: LiveRow): void {
    const n = ++this.#last;
    const { litellm_call_id: id } = row;
    if (row.isRound && id !== null) {
      const before = this.#streams.get(id);
      if (before !== undefined) this.#rows.delete(before);
      // A client was told the reference of a block
      if (row.verdict === 'block') this.#streams.delete(id);
      else this.#streams.set(id, n);
    }
    this.#rows.set(n, row);
    if (this.#rows.size > SHOWN) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [n, { litellm_call_id: id }] of this.#rows) {
      this.#rows.delete(n);
      this.#gone = Math.max(this.#gone, n);
      if (id !== null && this.#streams.get(id) === n) this.#streams.delete(id);
      return;
    }
  }
}
