import { passed } from './filter.ts';
import type { KeptDecision } from './row.ts';

/** Calls of some team that would be blocked, or redacted, if who only observes were enforced. */
export type WouldCount = {
  /** Kind of a policy, or name of a backend. */
  readonly by: string;
  readonly team: string | null;
  readonly would: 'block' | 'redact';
  readonly calls: number;
  /** Findings in them, the most frequent first; a call can have several. */
  readonly rules: readonly { readonly rule: string; readonly calls: number }[];
};

type Counted = Omit<WouldCount, 'calls' | 'rules'> & { calls: number; readonly rules: Map<string, number> };

/** Counts by who only observes, and team, what of the calls that went on would have been blocked or redacted. */
export class WouldBlockCounts {
  readonly #counts = new Map<string, Counted>();

  add(row: KeptDecision): void {
    if (!passed(row)) return;
    for (const { kind, enforced, verdict, rules } of row.policies)
      if (!enforced) this.#count(kind, row.team, verdict === 'block' ? 'block' : 'redact', rules);
    for (const { backend, mode, result } of row.backends) {
      if (mode !== 'enforce' && (result === 'block' || result === 'modify'))
        this.#count(backend, row.team, result === 'block' ? 'block' : 'redact', []);
    }
  }

  /** The most frequent first. */
  all(): readonly WouldCount[] {
    return [...this.#counts.values()]
      .map(({ rules, ...count }) => ({
        ...count,
        rules: [...rules].map(([rule, calls]) => ({ rule, calls })).sort((a, b) => b.calls - a.calls),
      }))
      .sort((a, b) => b.calls - a.calls);
  }

  #count(by: string, team: string | null, would: WouldCount['would'], rules: readonly string[]): void {
    const name = JSON.stringify([by, team, would]);
    const known = this.#counts.get(name) ?? { by, team, would, calls: 0, rules: new Map<string, number>() };
    this.#counts.set(name, known);
    known.calls++;
    for (const rule of new Set(rules)) known.rules.set(rule, (known.rules.get(rule) ?? 0) + 1);
  }
}
