import type { GuardrailCall } from '../guardrail/call.ts';
import type { RefusalCause } from '../guardrail/category.ts';
import type { CheckResult, Decision } from '../guardrail/decision.ts';
import { keptRow, unreadRow } from './decision-row.ts';
import { LateChecks } from './late-checks.ts';
import type { LateFinding } from './late-findings.ts';
import { packRow } from './packed-row.ts';
import type { DecisionRow } from './row.ts';

/** Packs a row, once for all who ask. */
export type LazyLine = () => string;

/** Told of rows, and of what came to be known of them later. */
export type RowListener = {
  decided(row: DecisionRow, packed: LazyLine): void;
  late(late: LateFinding): void;
};

/** Makes the row of each decision, once for all who are told of it. */
export class DecisionRows {
  readonly #listeners: readonly RowListener[];
  readonly #isWanted: () => boolean;
  readonly #checks = new LateChecks();

  /** @param isWanted false for a decision whose row nobody wants */
  constructor(listeners: readonly RowListener[], isWanted = () => true) {
    this.#listeners = listeners;
    this.#isWanted = isWanted;
  }

  /**
   * @param mayHaveLate true if checks of it may end after it
   * @returns undefined for a decision that is not told
   */
  decided(decision: Decision, mayHaveLate: boolean): LazyLine | undefined {
    const row = this.#isWanted() ? keptRow(decision) : undefined;
    if (row === undefined) return undefined;
    const packed = this.append(row);
    if (!mayHaveLate) return packed;
    for (const late of this.#checks.decided(decision.forwarded, row)) this.appendLate(late);
    return packed;
  }

  /** A check has ended that no decision waited for. @param call as backends saw it */
  checked(call: GuardrailCall, result: CheckResult): void {
    const late = this.#checks.ended(call, result);
    if (late !== undefined) this.appendLate(late);
  }

  /** A call that could not be read was blocked. */
  unread(ref: string, cause: RefusalCause): LazyLine {
    return this.append(unreadRow(ref, cause));
  }

  /** Takes a row that was made elsewhere. */
  append(row: DecisionRow): LazyLine {
    let line: string | undefined;
    const packed = () => {
      line ??= packRow(row);
      return line;
    };
    for (const listener of this.#listeners) listener.decided(row, packed);
    return packed;
  }

  /** Takes a result that was joined to its row elsewhere. */
  appendLate(late: LateFinding): void {
    for (const listener of this.#listeners) listener.late(late);
  }
}
