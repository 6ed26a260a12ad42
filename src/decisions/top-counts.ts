import { bypassedBackends, countedNames, observedVerdicts, type TopBy } from './filter.ts';
import type { KeptDecision } from './row.ts';

/** Decisions under one name, all and by what came of them. */
export type TopEntry = {
  readonly name: string | null;
  readonly decisions: number;
  readonly blocked: number;
  /** A finding, or an older turn, was removed. */
  readonly redacted: number;
  /** Went on, though one that only observes objected. */
  readonly observed: number;
  /** Went on without the verdict of a backend. */
  readonly unjudged: number;
};

type Counts = { -readonly [Count in Exclude<keyof TopEntry, 'name'>]: TopEntry[Count] };

/** Counts decisions by a name. One with several policies or rules counts for each of them. */
export class TopCounts {
  readonly #by: TopBy;
  readonly #counts = new Map<string | null, Counts>();

  constructor(by: TopBy) {
    this.#by = by;
  }

  add(row: KeptDecision): void {
    for (const name of countedNames(row, this.#by)) {
      const none = { decisions: 0, blocked: 0, redacted: 0, observed: 0, unjudged: 0 };
      const count = this.#counts.get(name) ?? none;
      this.#counts.set(name, count);
      count.decisions++;
      if (row.verdict === 'block') count.blocked++;
      if (row.verdict === 'redact' || row.verdict === 'remove') count.redacted++;
      if (observedVerdicts(row).length > 0) count.observed++;
      if (bypassedBackends(row).length > 0) count.unjudged++;
    }
  }

  /** The most frequent first. */
  all(): TopEntry[] {
    return [...this.#counts]
      .map(([name, count]) => ({ name, ...count }))
      .sort((a, b) => b.decisions - a.decisions || String(a.name).localeCompare(String(b.name)));
  }
}
