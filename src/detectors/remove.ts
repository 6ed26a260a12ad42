import { editedText } from './edit.ts';
import { lazily } from './lazily.ts';
import { withPlainSigns } from './normalize/plain-signs.ts';
import { PERSONAL_DATA } from './personal/index.ts';
import type { AnchoredRule } from './rule.ts';
import { Scanner } from './scan/scanner.ts';
import { TOKENS, VIRTUAL_KEY } from './secrets/index.ts';

/** Replaces everything that is removed. */
export const REDACTED = '[REDACTED]';

const MEDIA = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

/**
 * The text with `[REDACTED]` for each credential; a private key with all that follows, up to its end mark. The same string if
 * there is none. JSON stays JSON.
 */
export const removeCredentials = remover(() => [...TOKENS, VIRTUAL_KEY]);

const removeAllPersonalData = remover(() => PERSONAL_DATA);

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
  return tokens().scan(text).findings.length > 0;
}

function remover(rules: () => readonly AnchoredRule[]): (text: string) => string {
  const scanner = lazily(() => new Scanner(rules()));
  return (text) => {
    const { findings } = scanner().scan(withPlainSigns(text));
    if (findings.length === 0) return text;
    return editedText(
      text,
      findings.map(({ start, end }) => ({ start, end, text: REDACTED })),
    );
  };
}
