import { isFailure } from './explanation.ts';
import { wouldAct, wouldText } from './late-findings.ts';
import type { DecisionRow, KeptDecision } from './row.ts';

/** Decisions that somebody asks for. */
export type DecisionFilter = {
  /** Unix milliseconds, inclusive. */
  readonly since?: number | undefined;
  /** Unix milliseconds, exclusive. */
  readonly until?: number | undefined;
  readonly verdict?: KeptDecision['verdict'] | 'unjudged' | 'observed' | undefined;
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

/** Names by which decisions can be counted. */
export const TOP_BY = ['team', 'key', 'user', 'model', 'policy', 'backend', 'rule', 'category'] as const;
export type TopBy = (typeof TOP_BY)[number];

const PASSED = new Set<DecisionRow['verdict']>(['allow', 'redact', 'remove']);

/** True for a call that went on. */
export const passed = ({ verdict }: Pick<DecisionRow, 'verdict'>): boolean => PASSED.has(verdict);

/** Enforcing backends that gave no verdict on a call that went on. */
export const bypassedBackends = ({ verdict, backends }: DecisionRow): readonly string[] =>
  PASSED.has(verdict)
    ? backends
        .filter((one) => one.mode === 'enforce' && !one.late && isFailure(one))
        .map(({ backend }) => backend)
    : [];

/** `secrets would redact`: what policies and backends that only observe, or were too late, would have done to a call that went on. */
export function observedVerdicts({ verdict, policies, backends }: DecisionRow): readonly string[] {
  if (!PASSED.has(verdict)) return [];
  return [
    ...policies.filter(({ enforced }) => !enforced).map((one) => `${one.kind} would ${one.verdict}`),
    ...backends.filter(wouldAct).map(wouldText),
  ];
}

/** True for a decision that is asked for; times are not looked at, and of verdicts only those that no row has. */
export function isAskedFor(row: KeptDecision, filter: DecisionFilter): boolean {
  const { verdict, team, key, user, model, policy, backend } = filter;
  return (
    (verdict !== 'unjudged' || bypassedBackends(row).length > 0) &&
    (verdict !== 'observed' || observedVerdicts(row).length > 0) &&
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
