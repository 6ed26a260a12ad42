import type { DecisionThen, KeptNote, Lack } from '../decisions/decision-then.ts';
import { type PolicyPart, policyPartOf } from '../decisions/policy-part.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';

/**
 * Why it is not known what a policy file says of a call. `failed`: its policies gave up. `failed_then`: those of then did. `media`: it wants
 * media judged by a backend, and nobody knows what that would say.
 */
export type Unknown = Lack | 'media' | 'failed' | 'failed_then';

/** Kinds that look for what is erased of a call. */
const LOOKING: Record<'erased' | 'redacted', ReadonlySet<string>> = {
  erased: new Set(['secrets', 'dlp-filter']),
  redacted: new Set(['secrets', 'dlp-filter', 'pii-detector']),
};

/**
 * The part that the policies of a file have in the decision about a kept call. Where something was erased of it, a policy that is the same as
 * then is taken to say what it said; of another one that then objected, or that looks for such things, nobody knows if it still would.
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
  if (lack !== 'erased' && lack !== 'redacted') return part;
  return then.version === file.version ? then.part : carriedOver(file, { decision, part, then, lack });
}

function carriedOver(
  file: PolicyFile,
  {
    decision,
    part,
    then,
    lack,
  }: {
    readonly decision: Decision;
    readonly part: PolicyPart;
    readonly then: DecisionThen;
    readonly lack: keyof typeof LOOKING;
  },
): PolicyPart | Unknown {
  let isCarried = false;
  let isUnknown = false;
  const said: PolicyPart[] = [];
  for (const { kind, enforced, verdict, rules } of decision.policies?.notes ?? []) {
    if (!enforced) continue;
    const note = then.notes.find(([name]) => name === kind);
    const [, wasEnforced, saidThen = 'allow', rulesThen = []] = note ?? [];
    if (note === undefined || then.prints[kind] !== file.policies.get(kind)?.fingerprint) {
      isUnknown ||= GRAVITY[verdict] < GRAVITY[saidThen] || (verdict === 'allow' && LOOKING[lack].has(kind));
      said.push(partOf(kind, verdict, rules));
      continue;
    }
    // It objects to what was put in the place of something, and nobody asked those after it
    isUnknown ||= verdict === 'block' && saidThen !== 'block';
    // A text that was blocked in an older turn is erased too
    const isBy = wasEnforced && then.part.by === kind;
    isCarried ||= isBy || saidThen !== verdict;
    said.push(isBy ? then.part : partOf(kind, saidThen, rulesThen));
  }
  const find = (wanted: PolicyPart['verdict']) => said.find(({ verdict }) => verdict === wanted);
  const block = find('block');
  if (isUnknown && block === undefined) return lack;
  if (!isCarried || (part.verdict === 'block' && block === undefined)) return part;
  return block ?? find('redact') ?? (part.why === 'history' ? part : NOTHING);
}

const NOTHING: PolicyPart = { verdict: 'allow', by: null, rules: [] };

const GRAVITY: Record<KeptNote[2], number> = { allow: 0, remove: 1, redact: 1, block: 2 };

const partOf = (by: string, verdict: KeptNote[2], rules: readonly string[]): PolicyPart =>
  verdict === 'allow' || verdict === 'remove' ? NOTHING : { verdict, by, rules };

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
