import { type AnchoredRule, anchoredRule, type RuleSource, type TextRule } from '../rule.ts';
import { AI_SECRETS } from './ai.ts';
import { BUSINESS_SECRETS } from './business.ts';
import { CLOUD_SECRETS } from './cloud.ts';
import { CODE_SECRETS } from './code.ts';
import { SECRET_KEYWORD } from './keyword.ts';
import { LOGIN_SECRETS } from './login.ts';
import { PRIVATE_KEYS } from './private-key.ts';
import { SERVICE_SECRETS } from './services.ts';
import { RANDOM_STRINGS, SHAPED_SECRETS } from './shapes.ts';
import { TOKEN_EDGE, tokenLength } from './token.ts';

/** Secrets told by their own shape, wherever they stand. */
export const TOKENS: readonly AnchoredRule[] = [
  ...PRIVATE_KEYS,
  ...[AI_SECRETS, CLOUD_SECRETS, CODE_SECRETS, BUSINESS_SECRETS, SHAPED_SECRETS].flat().map(shaped),
];

function shaped(source: RuleSource): AnchoredRule {
  return anchoredRule({ judge: tokenLength, isRun: true, ...source });
}

/** Their beginning is so short that one of 20,000 random ids has it. */
const SHORT: ReadonlySet<string> = new Set(['artifactory-token', 'artifactory-password']);

/** Those of {@link TOKENS} that are no chance even in an id that is drawn at random: one in a million, at most. */
export const UNMISTAKABLE: ReadonlySet<TextRule> = new Set(TOKENS.filter(({ id }) => !SHORT.has(id)));

/** {@link TOKENS}, and credentials that only a name beside them tells. */
export const SECRETS: readonly AnchoredRule[] = [
  ...TOKENS,
  ...[...SERVICE_SECRETS, ...LOGIN_SECRETS].map(shaped),
  SECRET_KEYWORD,
];

/** Quoted strings that look random, as many harmless hashes do too; only for who asks for them. */
export const HIGH_ENTROPY: readonly AnchoredRule[] = RANDOM_STRINGS.map(anchoredRule);

/**
 * LiteLLM's own virtual keys. Too short to block a call for it, so with a digit and a capital only, and only where
 * records are cleaned.
 */
export const VIRTUAL_KEY: AnchoredRule = anchoredRule({
  id: 'litellm-virtual-key',
  anchors: ['sk-'],
  pattern: `${TOKEN_EDGE}sk-(?=[A-Za-z_-]{0,21}\\d)(?=[a-z0-9_-]{0,21}[A-Z])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])`,
});
