import type { KeptDecision } from './row.ts';

/** Decisions that somebody asks for. */
export type DecisionFilter = {
  /** Unix milliseconds, inclusive. */
  readonly since?: number | undefined;
  /** Unix milliseconds, exclusive. */
  readonly until?: number | undefined;
  readonly verdict?: KeptDecision['verdict'] | undefined;
  readonly team?: string | undefined;
  /** Name of a virtual key, as rows have it. */
  readonly key?: string | undefined;
  /** User or end user. */
  readonly user?: string | undefined;
  readonly model?: string | undefined;
  /** Kind of a policy that objected, or would have. */
  readonly policy?: string | undefined;
  /** A backend that objected, failed, or decided. */
  readonly backend?: string | undefined;
};

/** What decisions can be counted by. */
export const TOP_BY = ['team', 'key', 'user', 'model', 'policy', 'backend', 'rule', 'category'] as const;
export type TopBy = (typeof TOP_BY)[number];

/** True for a decision that is asked for; times and verdict are not looked at. */
export function isAskedFor(row: KeptDecision, filter: DecisionFilter): boolean {
  const { team, key, user, model, policy, backend } = filter;
  return (
    (team === undefined || row.team === team) &&
    (key === undefined || row.key === key) &&
    (user === undefined || row.user === user || row.end_user === user) &&
    (model === undefined || row.model === model) &&
    (policy === undefined || row.policies.some(({ kind }) => kind === policy)) &&
    (backend === undefined || objectingBackends(row).includes(backend))
  );
}

/** The names under which a decision is counted; null where it has none. */
export function countedNames(row: KeptDecision, by: TopBy): readonly (string | null)[] {
  switch (by) {
    case 'team':
    case 'key':
    case 'model':
    case 'category':
      return [row[by]];
    case 'user':
      return [row.user ?? row.end_user];
    case 'policy':
      return unique(row.policies.map(({ kind }) => kind));
    case 'rule':
      return unique(row.policies.flatMap(({ rules }) => rules));
    case 'backend':
      return objectingBackends(row);
  }
}

function objectingBackends({ backends }: KeptDecision): readonly string[] {
  return unique(backends.filter(({ result }) => result !== 'allow').map(({ backend }) => backend));
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
