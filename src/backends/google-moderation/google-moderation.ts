import * as v from 'valibot';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { defineBackend, SetupError } from '../backend.ts';
import { type GoogleAccount, googleAccount, googleToken } from '../google-account.ts';
import { cutTexts, packed } from '../pieces.ts';
import { askWith } from '../renewed.ts';
import { type Thresholds, thresholdOptions, thresholdsOf } from './thresholds.ts';

/** In one request: in a long document what is bad in a few words sinks in the rest. */
const MAX_CHARS = 20_000;

const Reply = v.object({
  moderationCategories: v.array(v.object({ name: v.string(), confidence: v.optional(v.number(), 0) })),
});

type Config = {
  readonly url: string;
  readonly account: GoogleAccount;
  /** Of every request, beside its document. */
  readonly document: Readonly<Record<string, string>>;
  readonly modelVersion: string | undefined;
  readonly thresholds: Thresholds;
};

/**
 * Google Cloud Natural Language, `moderateText`: confidences of categories, and thresholds of our own. It knows no redaction.
 *
 * @see https://cloud.google.com/natural-language/docs/reference/rest/v2/documents/moderateText
 */
export const googleModeration = defineBackend({
  kind: 'google-moderation',
  judges: { request: true, response: true, media: false },
  reads: 'texts',
  isIdempotent: true,
  options: {
    ...thresholdOptions,
    version: v.pipe(v.optional(v.picklist(['v1', 'v2']), 'v1'), v.description('Version of moderateText.')),
    language: v.pipe(
      v.optional(
        v.pipe(v.string(), v.regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/, 'must be a code, such as en')),
      ),
      v.description('Language of the texts, such as en.'),
    ),
    model_version: v.pipe(
      v.optional(v.picklist(['MODEL_VERSION_1', 'MODEL_VERSION_2'])),
      v.description('Model of version v2.'),
    ),
  },
  secret: 'document',
  defaultUrl: 'https://language.googleapis.com',
  setup(entry): Config {
    const { version, language, model_version: modelVersion, ...thresholds } = entry.options;
    if (modelVersion !== undefined && version === 'v1')
      throw new SetupError('model_version', 'needs version: v2');
    const field = version === 'v1' ? 'language' : 'languageCode';
    return {
      url: `${entry.url}/${version}/documents:moderateText`,
      account: googleAccount(entry),
      document: { type: 'PLAIN_TEXT', ...(language && { [field]: language }) },
      modelVersion,
      thresholds: thresholdsOf(thresholds),
    };
  },
  open: ({ account }, http) => googleToken(account, http),
  check(_, { config, state, http, texts, deadline }) {
    const { url, document, modelVersion, thresholds } = config;
    return askEach(packed(cutTexts(texts, MAX_CHARS), MAX_CHARS), async (pieces) => {
      const content = pieces.map(({ text }) => text).join('\n');
      const json = JSON.stringify({ document: { ...document, content }, modelVersion });
      const read = (reply: unknown) => v.parse(Reply, reply);
      const reply = await askWith(state, (authorization) =>
        http.post(url, json, { headers: { authorization }, read, deadline }),
      );
      return verdictOf(reply, thresholds);
    });
  },
});

function verdictOf(
  { moderationCategories }: v.InferOutput<typeof Reply>,
  { forAll, own }: Thresholds,
): Verdict {
  const categories = moderationCategories
    .filter(({ name, confidence }) => confidence > (own.get(name) ?? forAll))
    .map(({ name }) => name);
  return categories.length === 0 ? ALLOW : { kind: 'block', reason: categories.join('; '), categories };
}
