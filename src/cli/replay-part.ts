import type { DecisionThen, Lack } from '../decisions/decision-then.ts';
import { type PolicyPart, policyPartOf } from '../decisions/policy-part.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';

/**
 * Why it is not known what a policy file says of a call. `failed`: its policies gave up. `failed_then`: those of then did. `media`: it wants
 * media judged by a backend, and nobody knows what that would say.
 */
export type Unknown = Lack | 'media' | 'failed' | 'failed_then';

/** Kinds that look for what is erased of a call. */
const LOOKING: Partial<Record<Lack, ReadonlySet<string>>> = {
  erased: new Set(['secrets', 'dlp-filter']),
  redacted: new Set(['secrets', 'dlp-filter', 'pii-detector']),
};

/**
 * The part that the policies of a file have in the decision about a kept call. Where something was erased of it, a policy that looks for such
 * things is taken to say what it said then, if it is the same; if not, nobody knows.
 */
export function partBy(
  file: PolicyFile,
  decision: Decision,
  then: DecisionThen,
  lack: Lack | undefined,
): PolicyPart | Unknown {
  const part = policyPartOf(decision);
  if (part.why === 'failed') return 'failed';
  if (part.why === 'media') return then.part.why === 'media' ? part : 'media';
  const looking = lack && LOOKING[lack];
  return looking === undefined || lack === undefined || part.verdict === 'block'
    ? part
    : carriedOver(file, { decision, part, then, looking, lack });
}

function carriedOver(
  file: PolicyFile,
  {
    decision,
    part,
    then,
    looking,
    lack,
  }: {
    readonly decision: Decision;
    readonly part: PolicyPart;
    readonly then: DecisionThen;
    readonly looking: ReadonlySet<string>;
    readonly lack: Lack;
  },
): PolicyPart | Unknown {
  let carried = part;
  for (const { kind, enforced, verdict } of decision.policies?.notes ?? []) {
    if (!enforced || !looking.has(kind) || verdict !== 'allow') continue;
    const note = then.notes.find(([name]) => name === kind);
    if (note === undefined || then.prints[kind] !== file.policies.get(kind)?.fingerprint) return lack;
    const [, wasEnforced, said, rules] = note;
    // What was blocked in an older turn is erased too
    if (wasEnforced && then.part.by === kind) return then.part;
    if (said === 'block') return { verdict: 'block', by: kind, rules };
    if (said !== 'allow' && carried.verdict === 'allow') carried = { verdict: 'redact', by: kind, rules };
  }
  return carried;
}

/** The fate of a call by its policies and its backends. */
export type Fate = Pick<PolicyPart, 'by' | 'rules' | 'texts'> & {
  readonly verdict: 'allow' | 'redact' | 'block' | 'defer';
  /** True if it is not the verdict of policies. */
  readonly isOthers: boolean;
};

const others = (verdict: Fate['verdict'], by: string | null): Fate => ({
  verdict,
  by,
  rules: [],
  isOthers: true,
});

/** The fate that a call had. */
export function fateThen({ part, outcome, by, votes }: DecisionThen): Fate {
  const own = { ...part, isOthers: false };
  if (part.verdict === 'block') return own;
  if (outcome === 'block' || outcome === 'defer') return others(outcome, by);
  return part.verdict === 'redact' ? own : (redactionOf(votes, Object.keys(votes)) ?? own);
}

/** The fate that it has by the policies of a file, whose part is known, with backends that say what they said. */
export function fateNow(part: PolicyPart, { outcome, checks }: Decision, then: DecisionThen): Fate {
  const own = { ...part, isOthers: false };
  if (part.verdict === 'block') return own;
  if (outcome.kind === 'block' && checks.length > 0) return others('block', outcome.by);
  const asked = checks.map(({ backend }) => backend);
  const wasOthers = then.part.verdict !== 'block' && then.outcome !== 'allow';
  // Hidden content, a redaction of theirs that could not be applied, or a failure that was left to LiteLLM
  const isLike = (then.by ?? '').split(',').some((name) => name === 'bridge' || asked.includes(name));
  if (wasOthers && isLike && (then.outcome === 'block' || then.outcome === 'defer'))
    return others(then.outcome, then.by);
  return part.verdict === 'redact' ? own : (redactionOf(then.votes, asked) ?? own);
}

/** The redaction by the backends among those that were asked. */
function redactionOf(votes: DecisionThen['votes'], asked: readonly string[]): Fate | undefined {
  const names = asked.filter((name) => votes[name] === 'modify');
  return names.length === 0 ? undefined : others('redact', names.join(','));
}
