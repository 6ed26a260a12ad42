import { passed } from './filter.ts';
import type { KeptDecision } from './row.ts';

/** A call of some team that would be blocked or redacted, if who only observes were enforced. */
export type WouldCount = {
  /** Kind of a policy, or name of a backend. */
  readonly by: string;
  readonly rule: string | null;
  readonly team: string | null;
  readonly calls: number;
};

/** Counts by who only observes, rule and team what of the calls that went on would have been blocked or redacted. */
export class WouldBlockCounts {
  readonly #counts = new Map<string, { readonly count: Omit<WouldCount, 'calls'>; calls: number }>();

  add(row: KeptDecision): void {
    if (!passed(row)) return;
    const { team } = row;
    for (const { kind, enforced, rules } of row.policies) {
      if (enforced) continue;
      for (const rule of rules.length === 0 ? [null] : rules) this.#count({ by: kind, rule, team });
    }
    for (const { backend, mode, result } of row.backends) {
      if (mode !== 'enforce' && (result === 'block' || result === 'modify'))
        this.#count({ by: backend, rule: null, team });
    }
  }

  /** The most frequent first. */
  all(): readonly WouldCount[] {
    return [...this.#counts.values()]
      .map(({ count, calls }) => ({ ...count, calls }))
      .sort((a, b) => b.calls - a.calls);
  }

  #count(count: Omit<WouldCount, 'calls'>): void {
    const name = JSON.stringify(Object.values(count));
    const known = this.#counts.get(name) ?? { count, calls: 0 };
    this.#counts.set(name, known);
    known.calls++;
  }
}
