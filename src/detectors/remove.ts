import { editedText } from '../guardrail/edit.ts';
import { lazily } from './lazily.ts';
import { encodedRuns } from './normalize/encoded-runs.ts';
import { PLAIN, viewOf } from './normalize/view.ts';
import { PERSONAL_DATA } from './personal/index.ts';
import type { AnchoredRule, Span } from './rule.ts';
import { ofBothTexts } from './scan/both-texts.ts';
import { Scanner } from './scan/scanner.ts';
import { TOKENS, VIRTUAL_KEY } from './secrets/index.ts';

/** Replaces everything that is removed. */
export const REDACTED = '[REDACTED]';

const MEDIA = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

/**
 * The text with `[REDACTED]` for each credential, however it is escaped, and for each run of base64 or hex that stands for
 * one; a private key with all that belongs to it. The same string if there is none. JSON stays JSON.
 */
export const removeCredentials = remover(() => [...TOKENS, VIRTUAL_KEY], true);

const removeAllPersonalData = remover(() => PERSONAL_DATA, false);

/**
 * The text with `[REDACTED]` for all personal data that can be told by its shape: e-mail addresses, payment cards, telephone
 * numbers and more. The same string if there is none, and for base64 media.
 */
export function removePersonalData(text: string): string {
  return text.length > 512 && MEDIA.test(text) ? text : removeAllPersonalData(text);
}

const tokens = lazily(() => new Scanner(TOKENS));

/** True if a text carries a credential that is told by its own shape. */
export function hasCredential(text: string): boolean {
  return tokens().scan(viewOf(text, PLAIN).text).findings.length > 0;
}

/** @param inRuns true if base64 and hex that stand for something to remove go as a whole */
function remover(rules: () => readonly AnchoredRule[], inRuns: boolean): (text: string) => string {
  const scanner = lazily(() => new Scanner(rules()));
  return (text) => {
    const view = viewOf(text, PLAIN);
    const own = scanner()
      .scan(view.text)
      .findings.map((finding) => ({ ...finding, ...view.original(finding) }));
    const spans: Span[] =
      view.text === text ? own : ofBothTexts(own, scanner().scan(text).findings, text, view);
    if (inRuns) {
      for (const run of encodedRuns(view.text)) {
        if (scanner().scan(viewOf(run.text, PLAIN).text).findings.length > 0)
          spans.push(view.original(run.span));
      }
    }
    if (spans.length === 0) return text;
    const edits = spans.map((span) => ({ ...span, text: REDACTED }));
    return editedText(
      text,
      edits.sort((a, b) => a.start - b.start),
    );
  };
}
