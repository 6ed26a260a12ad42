import type { RefusalCause } from '../guardrail/category.ts';
import type { Decision } from '../guardrail/decision.ts';
import { keptRow, unreadRow } from './decision-row.ts';
import type { DecisionRow } from './row.ts';

/** Makes the row of each decision, once for all who are told of it. */
export class DecisionRows {
  readonly #listeners: readonly ((row: DecisionRow) => void)[];

  constructor(...listeners: readonly ((row: DecisionRow) => void)[]) {
    this.#listeners = listeners;
  }

  decided(decision: Decision): void {
    const row = keptRow(decision);
    if (row !== undefined) this.append(row);
  }

  /** A call that could not be read was blocked. */
  unread(ref: string, cause: RefusalCause): void {
    this.append(unreadRow(ref, cause));
  }

  /** Takes a row that was made elsewhere. */
  append(row: DecisionRow): void {
    for (const listener of this.#listeners) listener(row);
  }
}
