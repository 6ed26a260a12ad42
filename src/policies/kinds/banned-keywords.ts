import * as v from 'valibot';
import { literalRule } from '../../detectors/scan/literals.ts';
import { defineKind } from '../policy.ts';
import { encodingOption } from './encoding.ts';
import { ActionOption, linesOf, madeOr, textPolicy } from './patterns.ts';

/** Each costs about two kilobytes of memory. */
const MAX_KEYWORDS = 10_000;

const options = v.strictObject({
  keywords: v.pipe(
    v.optional(v.array(v.pipe(v.string(), v.metadata({ minLength: 1 }))), []),
    v.description('Words and phrases, found within words too.'),
  ),
  keywords_file: v.pipe(
    v.optional(v.pipe(v.string(), v.nonEmpty())),
    v.description(
      "Text file with one keyword per line, as LiteLLM's `banned_keywords_list`; read when the policy file is.",
    ),
  ),
  action: v.pipe(
    v.optional(ActionOption, 'block'),
    v.description('`block` refuses the call, `redact` puts [REDACTED] in its place.'),
  ),
  encoding: encodingOption(true),
});

/**
 * Blocks or redacts words in requests and responses. Capitals do not matter; in LiteLLM's own, a keyword with capitals is
 * never found.
 *
 * @see LiteLLM 1.106.2, `banned_keywords` in enterprise/enterprise_hooks/banned_keywords.py
 */
export const bannedKeywords = defineKind({
  kind: 'banned-keywords',
  judges: 'requests, responses',
  about: 'blocks or redacts words',
  example: `
keywords: [project nightfall]
action: block            # or redact
`,
  options,
  create({ keywords, keywords_file, action, encoding }, context) {
    const fromFile = linesOf(keywords_file, 'keywords_file', context);
    const written = [
      ...keywords.map((word, index) => ({ word, key: `keywords[${index}]` })),
      ...fromFile.map((word) => ({ word, key: 'keywords_file' })),
    ];
    if (written.length > MAX_KEYWORDS) {
      context.fail(written.at(-1)?.key ?? 'keywords', `are more than ${MAX_KEYWORDS} keywords in all`);
    }
    const rules = written
      .slice(0, MAX_KEYWORDS)
      .flatMap(({ word, key }, index) =>
        madeOr(context, key, () => literalRule(`keyword-${index + 1}`, word)),
      );
    if (written.length === 0) context.warn('keywords', 'nothing is banned');
    return { texts: textPolicy('banned_keyword', action, rules, encoding) };
  },
});
