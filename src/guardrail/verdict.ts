import type { PassageTexts } from './call.ts';

/**
 * The judgement of a backend. A failure is never a verdict.
 *
 * `allow` with `flagged` names a violation that the vendor only reports (Akto's `alert`).
 * `block.reason` is the vendor's text: it goes where the operator asks for it (`BLOCKED_MESSAGE`), never to logs.
 * `modify.texts` holds the new whole text of each passage that the vendor redacted; null means that the vendor redacted
 * something that cannot be mapped back onto the call.
 */
export type Verdict =
  | { readonly kind: 'allow'; readonly flagged?: string }
  | { readonly kind: 'block'; readonly reason: string }
  | { readonly kind: 'modify'; readonly texts: PassageTexts | null };

export const ALLOW: Verdict = { kind: 'allow' };

export const VERDICT_KINDS = ['allow', 'block', 'modify', 'flagged'] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/** The word for a verdict in metrics, logs and records: an allow that names a violation is `flagged`. */
export function kindOf(verdict: Verdict): VerdictKind {
  return verdict.kind === 'allow' && verdict.flagged !== undefined ? 'flagged' : verdict.kind;
}

/** `enforce` applies verdicts; `observe` decides, logs and counts, and changes nothing. */
export type Mode = 'enforce' | 'observe';
