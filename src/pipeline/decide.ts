import { randomBytes } from 'node:crypto';
import type { GuardrailCall, Passage, Passages } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import { type BlockCause, categoryOfReason } from '../guardrail/category.ts';
import type { CheckResult, Decision, Outcome, PolicyResult } from '../guardrail/decision.ts';
import type { PassageEdits } from '../guardrail/edit.ts';
import { withTexts } from '../guardrail/passages.ts';
import { isOlder, REMOVED } from '../policies/turns.ts';
import { type Remainder, refusalsIn } from './blocked-history.ts';
import { withKeptJson } from './kept-json.ts';
import { type BackendRedaction, backendRedaction, mergeRedactions } from './merge.ts';

/** Makes one of the redactions of several backends; null if that cannot be done. */
type Merge = (redactions: readonly BackendRedaction[]) => BackendRedaction | null;

/** An outcome whose new texts have not been put into a reply yet. */
export type Draft = Exclude<Outcome, { kind: 'modify' }> | DraftedEdit;
type DraftedEdit = Omit<Outcome & { kind: 'modify' }, 'form'> & {
  /** Edits of what backends were shown, as far as they are known. */
  readonly edits?: PassageEdits | undefined;
};

const ALLOWED = { kind: 'allow' } as const satisfies Draft;
export const CANCELLED = { kind: 'cancelled' } as const satisfies Draft;

/** True if a result alone decides that the call is blocked. */
export function blocks(result: CheckResult): boolean {
  return 'verdict' in result ? result.verdict.kind === 'block' : result.effect === 'block';
}

export function block(
  cause: BlockCause,
  by: string,
  reason: string,
  message?: string,
): Draft & { kind: 'block' } {
  return { kind: 'block', cause, by, reason, ...(message !== undefined && { message }) };
}

/** The block of a call whose new texts no reply can carry. */
export function blockEdit(call: GuardrailCall, { by, texts }: DraftedEdit): Draft & { kind: 'block' } {
  return { ...blockRedaction(by), ...(isOlder(call, [...texts.keys()]) && { older: true }) };
}

/** The block of a call whose redaction would be lost. @param by nobody for what is removed from the history */
export function blockRedaction(by: readonly string[]): Draft & { kind: 'block' } {
  return block('redaction', by.join(',') || 'bridge', 'a redaction could not be applied');
}

/**
 * The consequence of all check results for a call: a block wins over everything, then a `defer`, then redactions, merged in
 * the order of the backends.
 *
 * @param needed how many have to block; a `defer` counts where its backend could have made up the number
 * @param merge makes one of the redactions of several
 */
export function decide(results: readonly CheckResult[], needed = 1, merge: Merge = mergeRedactions): Draft {
  const against = results.filter(blocks);
  if (against.length >= needed) return blockOf(against);
  const redacting = results.flatMap((result) => {
    const redaction = backendRedaction(result);
    return redaction === undefined ? [] : [{ backend: result.backend, redaction }];
  });
  const deferring = results.filter((result) => 'effect' in result && result.effect === 'defer');
  const deferred = against.length + deferring.length >= needed ? deferring[0] : undefined;
  if (redacting.length === 0)
    return deferred === undefined ? ALLOWED : { kind: 'defer', by: deferred.backend };
  const by = redacting.map(({ backend }) => backend);
  const known = redacting.flatMap(({ redaction }) => redaction ?? []);
  const redaction = known.length === redacting.length ? merge(known) : null;
  const merged = redaction && withKeptJson(redaction);
  // A 503 would leave the redaction to a setting that knows nothing of it
  return merged === null || deferred !== undefined ? blockRedaction(by) : { kind: 'modify', by, ...merged };
}

/** The block by some backends, with the reasons of all. */
function blockOf(against: readonly CheckResult[]): Draft {
  const by = against.map(({ backend }) => backend).join(',');
  const reasons = against.flatMap((result) =>
    'verdict' in result && result.verdict.kind === 'block' ? [result.verdict.reason] : [],
  );
  if (reasons.length === 0) return block('fail_closed', by, 'the check could not be completed');
  return block('verdict', by, [...new Set(reasons)].join('; '));
}

/** Changes of a call by its history and by policies. */
export type Edits = {
  /** Who had blocked what is removed. */
  readonly removed: readonly string[];
  readonly policyDraft: Draft;
  /** The call as backends are to see it. */
  readonly forwarded: GuardrailCall;
};

/** The edits of history and policies to a call. */
export function policyEdits(
  call: GuardrailCall,
  remainder: Remainder,
  policies: PolicyResult | undefined,
  isRefusal: (text: string) => boolean,
): Edits {
  const more = policies?.removed ?? [];
  const removed = more.length === 0 ? remainder.removed : [...new Set([...remainder.removed, ...more])];
  const edited = policies?.texts.size ?? 0;
  if (remainder.texts.size + edited === 0) return { removed, policyDraft: ALLOWED, forwarded: call };
  const texts = new Map(remainder.texts);
  for (const [{ index }, text] of policies?.texts ?? []) texts.set(call.passages.all[index]!, text);
  if (removed.length > 0) for (const passage of refusalsIn(call, isRefusal)) texts.set(passage, REMOVED);
  const { kind, verdict } = policies?.by ?? {};
  // Without a finding it is what was redacted in the request and is put back
  const by = edited === 0 || verdict === 'remove' ? [] : [kind ?? 'pii-detector'];
  const policyDraft: Draft & { kind: 'modify' } = { kind: 'modify', by, texts };
  return { removed, policyDraft, forwarded: withTexts(call, texts) };
}

/** The block by a policy, or of what a policy cannot remove. */
export function blockBy({ by, message }: PolicyResult): Draft {
  const blocked = block('verdict', by?.kind ?? 'policies', by?.reasonCode ?? 'blocked', message);
  const category = categoryOfReason(by?.reasonCode);
  const older = by?.verdict === 'remove' || by?.older === true;
  return { ...blocked, ...(category !== undefined && { category }), ...(older && { older }) };
}

/**
 * A redaction by the policies, and what the backends then decided about the redacted call.
 *
 * @param passages of the call as LiteLLM sent it: the texts of the result belong to these
 */
export function withPolicyEdits(policies: DraftedEdit, backends: Draft, passages: Passages): Draft {
  switch (backends.kind) {
    case 'allow':
      return policies;
    case 'modify': {
      const texts = new Map<Passage, string>(policies.texts);
      for (const [{ index }, text] of backends.texts) texts.set(passages.all[index]!, text);
      return { ...policies, by: [...policies.by, ...backends.by], texts };
    }
    case 'defer':
      // A 503 would leave the redaction to a setting that knows nothing of it
      return blockRedaction(policies.by);
    case 'block':
    case 'cancelled':
      return backends;
  }
}

/** A reference that leads from what a caller is shown to the log. */
export function newReference(): string {
  return randomBytes(8).toString('hex');
}

/** A decision that nobody waits for any more. */
export function cancelledDecision(decision: Decision): Decision {
  return { ...decision, outcome: CANCELLED, ref: undefined, checks: [] };
}

/** The decision about a call that a mistake of ours kept from being judged. */
export function failedDecision(call: GuardrailCall): Decision {
  return {
    call,
    caller: new Caller(call),
    outcome: block('fail_closed', 'bridge', 'internal error'),
    ref: newReference(),
    policies: undefined,
    removed: [],
    checks: [],
    forwarded: call,
    holdback: [],
    startedAt: performance.now(),
    ms: 0,
  };
}
