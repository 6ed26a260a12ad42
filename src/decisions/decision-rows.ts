import type { RefusalCause } from '../guardrail/category.ts';
import type { Decision } from '../guardrail/decision.ts';
import { keptRow, unreadRow } from './decision-row.ts';
import { packRow } from './packed-row.ts';
import type { DecisionRow } from './row.ts';

/** Packs a row, once for all who ask. */
export type LazyLine = () => string;

type RowListener = (row: DecisionRow, packed: LazyLine) => void;

/** Makes the row of each decision, once for all who are told of it. */
export class DecisionRows {
  readonly #listeners: readonly RowListener[];
  readonly #isWanted: () => boolean;

  /** @param isWanted false for a decision whose row nobody wants */
  constructor(listeners: readonly RowListener[], isWanted = () => true) {
    this.#listeners = listeners;
    this.#isWanted = isWanted;
  }

  /** @returns undefined for a decision that is not told */
  decided(decision: Decision): LazyLine | undefined {
    const row = this.#isWanted() ? keptRow(decision) : undefined;
    return row && this.append(row);
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
    for (const listener of this.#listeners) listener(row, packed);
    return packed;
  }
}
