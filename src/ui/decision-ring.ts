import { bypassedBackends, observedVerdicts, passed } from '../decisions/filter.ts';
import { type LateFinding, wouldAct, wouldText } from '../decisions/late-findings.ts';
import type { DecisionRow } from '../decisions/row.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import type { LiveDecision, LiveDecisions } from './page-source.ts';

/** A decision before it has its number. */
export type LiveRow = Omit<LiveDecision, 'seq'>;

/** Decisions that one process hands to another: the newest, and the number of those before them that are not among them. */
export type HandedRows = { readonly missed: number; readonly rows: readonly LiveRow[] };

/** Decisions that are told at once. */
const TOLD = 200;
/** Those that are kept to be told: of a stream all rounds but the last leave their places empty. */
const KEPT = 1024;
/** Time in which no more are told to anybody, who is told four times a second. */
const TOLD_MS = 250;

type PlacedRow = Pick<LiveRow, 'at' | 'ms' | 'litellm_call_id' | 'input_type'>;

/** More than are decided in a second. */
const NUMBERS_A_SECOND = 1_000_000;

const NONE: readonly never[] = [];
const ROUND = { isRound: true } as const;

/** A row as it is shown. */
export function liveRowOf(row: DecisionRow): LiveRow {
  const { at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms } = row;
  const { policies, backends } = row;
  const isPlain = policies.length === 0;
  return {
    ...{ at, ref, litellm_call_id, input_type, model, team, key, verdict, category, by, ms },
    rules: isPlain ? NONE : rulesOf(row),
    bypassed: backends.length === 0 ? NONE : bypassedBackends(row),
    observed: isPlain && backends.length === 0 ? NONE : observedVerdicts(row),
    ...(isRound(row) && ROUND),
  };
}

/** True for one of several decisions on a response. */
const isRound = ({ streamed, input_type, litellm_call_id }: DecisionRow): boolean =>
  streamed === true && input_type === 'response' && litellm_call_id !== null;

/** A row with what came to be known of it later. */
function withObserved(row: LiveRow, observed: readonly string[]): LiveRow {
  return { ...row, observed: [...new Set([...row.observed, ...observed])], isUpdate: true };
}

/** Of those who decided; where nobody did, of those who would have. */
function rulesOf({ policies }: DecisionRow): readonly string[] {
  const isEnforced = policies.some(({ enforced }) => enforced);
  return policies.filter(({ enforced }) => enforced === isEnforced).flatMap(({ rules }) => rules);
}

/**
 * The last decisions, each with a number that grows. Of a streamed response the newest takes the place of those before. Calls of the doctor
 * are left out. Rows are made into what is shown when somebody looks, and not when they come.
 */
export class DecisionRing {
  /** Numbers of this start are above it, and those of earlier starts below. */
  readonly #start: number;
  #last: number;
  /** The number of the newest that another process has. */
  #handed: number;
  /** By number, which goes round. */
  readonly #rows: (DecisionRow | LiveRow | undefined)[] = [];
  /** Numbers of streamed responses, by call id. */
  readonly #rounds = new Map<string, number>();
  /** Rows of this quarter of a second, and when it began. */
  #made = 0;
  #madeSince = 0;

  /** @param startedAt Unix milliseconds */
  constructor(startedAt = 0) {
    this.#start = Math.floor(startedAt / 1000) * NUMBERS_A_SECOND;
    this.#last = this.#start;
    this.#handed = this.#start;
  }

  /** False where a row that is made for this ring alone would not be told to anybody: so many have come at once. It is counted. */
  hasRoom(): boolean {
    if (this.#made >= TOLD) {
      if (performance.now() - this.#madeSince < TOLD_MS) {
        this.#put(undefined);
        return false;
      }
      this.#made = 0;
    }
    if (this.#made++ === 0) this.#madeSince = performance.now();
    return true;
  }

  /** Adds a row that is kept or would be. */
  decided(row: DecisionRow): void {
    if (isCanaryId(row.litellm_call_id)) return;
    const n = this.#put(row);
    if (isRound(row)) this.#replaceRound(n, row);
  }

  /** A result came after its decision, whose row takes a new number. Most tell nothing, and those that do are few: its place is looked for. */
  late({ of, finding }: LateFinding): void {
    if (!wouldAct(finding)) return;
    const place = this.#placeOf(of) ?? this.#rounds.get(of.litellm_call_id ?? '');
    const row = place === undefined ? undefined : this.#rows[place % KEPT];
    if (row === undefined || !passed(row)) return;
    const shown = 'shape' in row ? liveRowOf(row) : row;
    this.#update(withObserved(shown, [wouldText(finding)]));
  }

  /** Adds those of another process. */
  add({ missed, rows }: HandedRows): void {
    for (let i = Math.min(missed, KEPT); i > 0; i--) this.#put(undefined);
    this.#last += Math.max(0, missed - KEPT);
    for (const row of rows) {
      if (row.isUpdate) this.#update(row);
      else if (row.isRound) this.#replaceRound(this.#put(row), row);
      else this.#put(row);
    }
  }

  /** Takes those that came since the last time, for {@link add}. */
  take(): HandedRows | undefined {
    if (this.#last === this.#handed) return undefined;
    const { missed, decisions } = this.after(this.#handed);
    this.#handed = this.#last;
    return { missed, rows: decisions.map(({ seq: _, ...row }) => row) };
  }

  /** @param known the number of the newest that is known; that of another start of the bridge counts for none */
  after(known: number): LiveDecisions {
    const after = known > this.#last || known < this.#start ? this.#start : known;
    const decisions: LiveDecision[] = [];
    let seq = this.#last;
    for (const oldest = Math.max(after, seq - KEPT); seq > oldest && decisions.length < TOLD; seq--) {
      const row = this.#rows[seq % KEPT];
      if (row !== undefined) decisions.push({ seq, ...('shape' in row ? liveRowOf(row) : row) });
    }
    return { last: this.#last, missed: seq - after, decisions: decisions.reverse() };
  }

  #put(row: DecisionRow | LiveRow | undefined): number {
    const n = ++this.#last;
    const place = n % KEPT;
    const gone = this.#rows[place];
    if (gone !== undefined && this.#rounds.size > 0) this.#forgetRound(n - KEPT, gone);
    this.#rows[place] = row;
    return n;
  }

  /** Puts a row in place of the one that is of the same decision. */
  #update(row: LiveRow): void {
    const before = row.isRound ? undefined : this.#placeOf(row);
    if (before !== undefined) this.#rows[before % KEPT] = undefined;
    const n = this.#put(row);
    if (row.isRound) this.#replaceRound(n, row);
  }

  #placeOf({ at, ms, litellm_call_id, input_type }: PlacedRow): number | undefined {
    for (let n = this.#last; n > Math.max(0, this.#last - KEPT); n--) {
      const row = this.#rows[n % KEPT];
      const isSame = row?.at === at && row.ms === ms && row.input_type === input_type;
      if (isSame && row.litellm_call_id === litellm_call_id) return n;
    }
    return undefined;
  }

  #replaceRound(n: number, row: DecisionRow | LiveRow): void {
    const { litellm_call_id: id, verdict } = row;
    if (id === null) return;
    const before = this.#rounds.get(id);
    if (before !== undefined) {
      const gone = this.#rows[before % KEPT];
      this.#rows[before % KEPT] = undefined;
      // Results of a round count for all of the response
      if (gone !== undefined && 'isUpdate' in gone && passed(row))
        this.#rows[n % KEPT] = withObserved('shape' in row ? liveRowOf(row) : row, gone.observed);
    }
    // A client was told the reference of a block
    if (verdict === 'block') this.#rounds.delete(id);
    else this.#rounds.set(id, n);
  }

  #forgetRound(n: number, { litellm_call_id: id }: DecisionRow | LiveRow): void {
    if (id !== null && this.#rounds.get(id) === n) this.#rounds.delete(id);
  }
}
