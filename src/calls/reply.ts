import { type BlockCategory, categoryOf, type RefusalCause } from '../guardrail/category.ts';
import type { Decision } from '../guardrail/decision.ts';
import { type Reply, rewriteReply } from '../litellm/reply.ts';

const SENTENCES: Record<RefusalCause, string> = {
  verdict: 'Blocked by security policy.',
  redaction: 'Blocked by security policy.',
  fail_closed: 'Not allowed: the security check could not be completed.',
  hidden_content: 'Not allowed: the security check is not shown all of this call.',
  several_models: 'Not allowed: the security check needs a call of its own for each model.',
  refused: 'Not allowed: the security check cannot be made for a call of this size.',
  unreadable: 'Not allowed: the security check cannot read this call.',
};

const OLDER = 'An older message of this conversation is the cause.';

/** The values of a `blocked_reason`. */
export type BlockedText = {
  readonly cause: RefusalCause;
  /** Replaces `{category}`, if it is another than that of the cause. */
  readonly category?: BlockCategory;
  /** Has `{older}` replaced by a sentence, and not by nothing. */
  readonly older?: true;
  /** The first of these replaces `{backend}` in an operator's template: nobody else is to learn who agreed. */
  readonly by: string;
  /** Replaces `{reason}`. */
  readonly reason: string;
  /** Replaces `{ref}`. */
  readonly ref: string;
  /** The message of the policy that blocked, in place of ours. */
  readonly message?: string | undefined;
};

/**
 * The `blocked_reason`: it reaches end users, spend logs, traces and alerts, so it is a sentence about policy, a category for
 * applications and a reference that finds the decision in the log, and nothing else unless the operator asks for it.
 *
 * @param template `BLOCKED_MESSAGE`, with `{category}`, `{older}`, `{backend}`, `{reason}` and `{ref}`
 */
export function blockedReason(template: string | undefined, blocked: BlockedText): string {
  const { cause, by, reason, ref, message } = blocked;
  const category = categoryOf(blocked);
  const older = blocked.older ? OLDER : '';
  const words = [message?.trim() || SENTENCES[cause], older, `[${category}]`, `Reference: ${ref}`];
  const sentence = words.filter((word) => word !== '').join(' ');
  if (template === undefined) return sentence;
  const [backend = ''] = by.split(',');
  const values: Record<string, string> = { category, older, backend, reason: reason.slice(0, 1000), ref };
  const said = blocked.older ? template : template.replaceAll(/\{older\} ?/g, '');
  const text = said.replace(PLACEHOLDERS, (_, name: string) => values[name] ?? '');
  return text.trim() === '' ? sentence : text;
}

/**
 * Tells texts that hold a `blocked_reason`, as agents quote it: by its reference, or by the longest words of the template between
 * its values.
 */
export function refusalTest(template: string | undefined): (text: string) => boolean {
  const words = (template ?? '').split(BETWEEN_WORDS).map((part) => part.trim());
  const longest = words.reduce((a, b) => (b.length > a.length ? b : a));
  return (text) =>
    /\bReference: [0-9a-f]{16}\b/.test(text) || (longest.length >= MIN_TOLD_CHARS && text.includes(longest));
}

const PLACEHOLDERS = /\{(category|older|backend|reason|ref)\}/g;
const BETWEEN_WORDS = /\{(?:category|older|backend|reason|ref)\}/;

/** Fewer characters of a template could be anybody's words. */
const MIN_TOLD_CHARS = 12;

/** The reply to LiteLLM that carries a decision; undefined where LiteLLM is told nothing (deferred, cancelled). */
export function replyOf(
  { call, outcome, ref = '', holdback: chars }: Pick<Decision, 'call' | 'outcome' | 'ref' | 'holdback'>,
  template: string | undefined,
): Reply | undefined {
  const holdback = chars.some((count) => count > 0) ? chars : undefined;
  switch (outcome.kind) {
    case 'allow':
      return { action: 'NONE', ...(holdback !== undefined && { stream_holdback_chars: holdback }) };
    case 'block':
      return { action: 'BLOCKED', blocked_reason: blockedReason(template, { ...outcome, ref }) };
    case 'modify':
      return rewriteReply(call, outcome.texts, outcome.form, holdback);
    case 'defer':
    case 'cancelled':
      return undefined;
  }
}
