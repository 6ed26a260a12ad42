import type { DecisionThen } from '../decisions/decision-then.ts';
import type { Fate, Unknown } from './replay-part.ts';

/** The differences that a policy file makes to a call, the gravest first. */
export const CHANGES = {
  newly_blocked: 'newly blocked',
  no_longer_blocked: 'no longer blocked',
  newly_redacted: 'newly redacted',
  no_longer_redacted: 'no longer redacted',
  redacted_otherwise: 'redacted otherwise',
} as const;
export type Change = keyof typeof CHANGES;

/** Calls that change alike. */
export type ChangedCalls = {
  readonly change: Change;
  readonly team: string;
  /** The policy that acts, or does no longer; a backend where it is one that is not asked any more. */
  readonly policy: string;
  readonly rules: readonly string[];
  calls: number;
  /** Of calls that came out blocked before, and ids of the others; a few of each. */
  readonly examples: { readonly ref?: string; readonly id?: string }[];
};

/** The fates of calls that do not change. */
export type Stays = Record<'allowed' | 'redacted' | 'blocked' | 'by_others', number>;

const MAX_EXAMPLES = 3;
/** Kinds of changes that are told apart: a client does not name teams or rules. */
const MAX_GROUPS = 10_000;
/** Rules of a call that are told. */
const MAX_RULES = 4;

/** Adds up what a policy file changes, in bounded memory. */
export class ReplayChanges {
  readonly #groups = new Map<string, ChangedCalls>();
  readonly totals: Record<Change, number> = {
    newly_blocked: 0,
    no_longer_blocked: 0,
    newly_redacted: 0,
    no_longer_redacted: 0,
    redacted_otherwise: 0,
  };
  readonly stays: Stays = { allowed: 0, redacted: 0, blocked: 0, by_others: 0 };
  readonly unknown: Partial<Record<Unknown, number>> = {};
  /** Calls by the version of the policies that decided them then. */
  readonly versions = new Map<string, number>();
  /** Calls that are no longer blocked by policies, and of which no backend was asked. */
  unasked = 0;
  /** Calls by the backends that judged them then. */
  readonly voters = new Map<string, number>();
  calls = 0;

  /** The changes, the most frequent of each kind first. */
  get groups(): readonly ChangedCalls[] {
    const order = Object.keys(CHANGES);
    return [...this.#groups.values()].sort(
      (a, b) => order.indexOf(a.change) - order.indexOf(b.change) || b.calls - a.calls,
    );
  }

  /** A call of which it is not known what becomes of it. */
  addUnknown(decision: DecisionThen, why: Unknown): void {
    this.#add(decision);
    this.unknown[why] = (this.unknown[why] ?? 0) + 1;
  }

  /** @param tellsTexts true if new texts can be compared */
  addJudged(decision: DecisionThen, before: Fate, after: Fate, tellsTexts: boolean): void {
    this.#add(decision);
    const change = changeOf(before, after, tellsTexts);
    if (change === undefined) {
      this.stays[stayOf(after)]++;
      return;
    }
    this.totals[change]++;
    if (before.verdict === 'block' && !before.isOthers && after.verdict !== 'block') this.unasked++;
    const { by, rules } = change.startsWith('no_longer') ? before : after;
    const team = decision.team[0] ?? '-';
    const told = rules.slice(0, MAX_RULES);
    const key = JSON.stringify([change, team, by, told]);
    const group = this.#groups.get(key) ?? {
      change,
      team,
      policy: by ?? '-',
      rules: told,
      calls: 0,
      examples: [],
    };
    group.calls++;
    if (group.examples.length < MAX_EXAMPLES) group.examples.push(exampleOf(decision));
    if (this.#groups.size < MAX_GROUPS) this.#groups.set(key, group);
  }

  #add({ version, votes }: DecisionThen): void {
    for (const name of Object.keys(votes)) this.voters.set(name, (this.voters.get(name) ?? 0) + 1);
    this.calls++;
    const decided = version ?? 'none';
    this.versions.set(decided, (this.versions.get(decided) ?? 0) + 1);
  }
}

const exampleOf = ({ ref, id }: DecisionThen) => ({
  ...(ref !== null && { ref }),
  ...(id !== null && { id }),
});

function changeOf(before: Fate, after: Fate, tellsTexts: boolean): Change | undefined {
  const [was, is] = [before.verdict, after.verdict];
  if (was !== 'block' && is === 'block') return 'newly_blocked';
  if (was === 'block' && is !== 'block') return 'no_longer_blocked';
  if (was !== 'redact' && is === 'redact') return 'newly_redacted';
  if (was === 'redact' && is !== 'redact') return 'no_longer_redacted';
  if (is !== 'redact' || (before.isOthers && after.isOthers)) return undefined;
  const isSame = tellsTexts
    ? before.texts === after.texts
    : before.by === after.by && before.rules.join() === after.rules.join();
  return isSame ? undefined : 'redacted_otherwise';
}

function stayOf({ verdict, isOthers }: Fate): keyof Stays {
  if (isOthers) return 'by_others';
  return verdict === 'redact' ? 'redacted' : verdict === 'block' ? 'blocked' : 'allowed';
}
