import { type Asking, askingOf, laxityOf } from './orchestration.ts';
import type { CallerRule, RuleMatch } from './policy-file.ts';
import type { Path } from './problems.ts';
import type { FileReport } from './report.ts';

/** Criteria that a client can choose to meet, as the file and as a rule name them, and who chooses them. */
const CHOSEN: readonly (readonly [key: string, field: keyof RuleMatch, said: string])[] = [
  ['header', 'headers', 'is what the client sends'],
  ['end_user', 'endUser', 'is what the client says of itself'],
  ['key_alias', 'keyAlias', 'is chosen by whoever makes the key'],
];
const REMEDY =
  'match by team, key or user alone, or add trusted: true to the rule if no client can choose it';

/**
 * Holds a rule to this: nothing that a client chooses gives a right, though it may take one away. Without its header a client
 * is judged by the common chain or by any later rule, so the rule may judge less than none of them, nor record less.
 */
export function checkChosen(
  rule: CallerRule,
  later: readonly CallerRule[],
  path: Path,
  report: FileReport,
  common: { readonly commonChain: readonly string[]; readonly commonAsking: Asking },
): void {
  const chosen = CHOSEN.find(([, field]) => rule.match[field] !== undefined);
  if (chosen === undefined) return;
  const [key, , said] = chosen;
  const at: Path = [...path, 'match', key];
  if (rule.callerMaySkip.length > 0) {
    report.fail(at, `${said}, and caller_may_skip gives a right for it; ${REMEDY}`);
    return;
  }
  const looser = looserBy(rule, later, common);
  if (looser === undefined) return;
  const less = looser === 'records' ? 'record' : 'judge';
  const message = `${said}, and by its ${looser} the rule can ${less} less than others would; ${REMEDY}`;
  if (key === 'header') report.fail(at, message);
  else report.warn(at, message);
}

/** The key by which a rule may judge less than a later one or none. */
function looserBy(
  rule: CallerRule,
  later: readonly CallerRule[],
  { commonChain, commonAsking }: { readonly commonChain: readonly string[]; readonly commonAsking: Asking },
): string | undefined {
  const chain = rule.chain ?? commonChain;
  const judged = new Set([...commonChain, ...later.flatMap((other) => other.chain ?? [])]);
  if ([...judged].some((kind) => !chain.includes(kind))) return 'chain';
  const acts = rule.enforcement?.mode;
  if (
    acts !== 'enforce' &&
    (acts !== undefined || later.some((other) => other.enforcement?.mode === 'enforce'))
  )
    return 'mode';
  if (rule.backends !== undefined) return 'backends';
  if (rule.records !== undefined) return 'records';
  const fallback = rule.unreachableFallback;
  const isClosed = later.some((other) => other.unreachableFallback === 'fail_closed');
  if (fallback !== 'fail_closed' && (fallback !== undefined || isClosed)) return 'unreachable_fallback';
  const own = askingOf(rule, commonAsking);
  const others = [commonAsking, ...later.map((other) => askingOf(other, commonAsking))];
  if (others.some(({ orchestration }) => laxityOf(orchestration) < laxityOf(own.orchestration)))
    return 'orchestration';
  if (own.onError === 'next' && others.some(({ onError }) => onError !== 'next')) return 'on_error';
  return undefined;
}
