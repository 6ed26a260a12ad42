import type { Passage, PassageTexts } from './call.ts';
import { editedTexts, type PassageEdits } from './edit.ts';

export type { PassageEdits, TextEdit } from './edit.ts';

/**
 * The judgement of a backend. A failure is never a verdict.
 *
 * `allow` with `flagged` names a violation that the vendor only reports (Akto's `alert`).
 * With `unasked` it is none of a vendor: there was nothing in the call that this one judges.
 * `block.reason` is the vendor's text: it goes where the operator asks for it (`BLOCKED_MESSAGE`), never to logs.
 * `block.categories` are the vendor's words for the rules that were broken, for records.
 * `modify.texts` holds the new whole text of each passage that the vendor redacted; null means that the vendor redacted
 * something that cannot be mapped back onto the call. `modify.edits` says the same where the vendor tells spans.
 * `open` holds the places in texts of a response that may grow from which on the vendor wants nothing shown yet.
 */
export type Verdict =
  | {
      readonly kind: 'allow';
      readonly flagged?: string;
      readonly unasked?: true;
      readonly open?: OpenPlaces;
    }
  | { readonly kind: 'block'; readonly reason: string; readonly categories?: readonly string[] }
  | {
      readonly kind: 'modify';
      readonly texts: PassageTexts | null;
      readonly edits?: PassageEdits;
      readonly open?: OpenPlaces;
    };

/** UTF-16 places in passages. */
type OpenPlaces = ReadonlyMap<Passage, number>;

export const ALLOW: Verdict = { kind: 'allow' };

/** Where the vendor was not asked. */
export const UNASKED: Verdict = { kind: 'allow', unasked: true };

/** The verdict of a vendor that tells spans: an allow where there are none. */
export function modified(all: PassageEdits): Verdict {
  const edits = new Map([...all].filter(([, own]) => own.length > 0));
  return edits.size === 0 ? ALLOW : { kind: 'modify', texts: editedTexts(edits), edits };
}

export const VERDICT_KINDS = ['allow', 'block', 'modify', 'flagged'] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/** The verdict of one side where two are compared; `none` where it came to none. */
export const COMPARED = ['allow', 'block', 'modify', 'none'] as const;
export type Compared = (typeof COMPARED)[number];

/** The word for a verdict in metrics, logs and records: an allow that names a violation is `flagged`. */
export function kindOf(verdict: Verdict): VerdictKind {
  return verdict.kind === 'allow' && verdict.flagged !== undefined ? 'flagged' : verdict.kind;
}

/**
 * `enforce` applies verdicts; `observe` logs and counts them, and changes nothing; `shadow` compares them with the decision
 * of the others too.
 */
export const MODES = ['enforce', 'observe', 'shadow'] as const;
export type Mode = (typeof MODES)[number];
