import * as v from 'valibot';
import { askEach } from '../ask-each.ts';
import { type CheckContext, defineBackend, NotHereError, type UnplacedEntry } from '../backend.ts';
import { cutTexts, packed, rewritten } from '../pieces.ts';
import { askWith, type Renewed } from '../renewed.ts';
import { askAbout, UNIT } from './apply.ts';
import { type Credentials, credentialsOf, type Keys } from './credentials.ts';
import { pictureAsks } from './pictures.ts';
import { type BedrockReply, readReply, readTooLarge, type TooLarge } from './reply.ts';
import { type SignedPath, signedHeaders } from './signed-headers.ts';
import { lentKeys } from './web-identity.ts';

const VERSION = /^(?:[1-9]\d{0,7}|DRAFT)$/;

type Config = SignedPath & {
  readonly url: string;
  readonly credentials: Credentials;
  /** True if images are shown to it. */
  readonly media: boolean;
  /** Of one request. */
  readonly maxChars: number;
};

/** Undefined where the credentials do not expire. */
type State = Renewed<Keys> | undefined;

/**
 * Guardrails of AWS Bedrock, by `ApplyGuardrail`. Each text is a content item of its own, so that what is masked of it can be put back.
 * A call that is more than a request may hold is asked about in several.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
 */
export const bedrock = defineBackend({
  kind: 'bedrock',
  judges: ({ media }: Config) => ({ request: true, response: true, media }),
  reads: 'texts',
  isIdempotent: true,
  options: {
    guardrail_id: v.pipe(
      v.string(),
      v.regex(/^(?:[a-z0-9]{1,64}|arn:[\w:/-]{1,2000})$/, 'must be an id or an ARN'),
      v.description('Id or ARN of the guardrail.'),
    ),
    guardrail_version: v.pipe(
      v.union([v.string(), v.number()]),
      v.metadata({ pattern: VERSION.source, multipleOf: 1, minimum: 1, maximum: 99_999_999 }),
      v.transform(String),
      v.regex(VERSION, 'must be a number or DRAFT'),
      v.description('A number, or DRAFT.'),
    ),
    region: v.pipe(
      v.optional(
        v.pipe(
          v.string(),
          v.regex(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'must be a region, such as eu-west-1'),
        ),
      ),
      v.description("Region of AWS; without it that of AWS's variables."),
    ),
    profile: v.pipe(
      v.optional(v.pipe(v.string(), v.minLength(1))),
      v.description('Profile of the files of AWS.'),
    ),
    media: v.pipe(v.optional(v.boolean(), true), v.description('Images are judged too.')),
    max_text_units: v.pipe(
      v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 25),
      v.description('Most text units of 1000 characters in one call of ApplyGuardrail.'),
    ),
  },
  variables: { secret: ['AWS_BEARER_TOKEN_BEDROCK'] },
  defaultUrl: (entry) => `https://bedrock-runtime.${regionOf(entry)}.amazonaws.com`,
  setup(entry): Config {
    const { guardrail_id: id, guardrail_version: version, max_text_units: units, media } = entry.options;
    const region = regionOf(entry);
    const url = `${entry.url}/guardrail/${encodeURIComponent(id)}/version/${version}/apply`;
    const { host, pathname: path } = new URL(url);
    return {
      url,
      host,
      path,
      region,
      media,
      credentials: credentialsOf(entry, region),
      maxChars: units * UNIT,
    };
  },
  open({ credentials }, http): State {
    return credentials.kind === 'web_identity' ? lentKeys(credentials, http) : undefined;
  },
  async check(call, context) {
    const { maxChars } = context.config;
    const source = call.input_type === 'request' ? 'INPUT' : 'OUTPUT';
    const texts = cutTexts(context.texts, maxChars);
    const post = (json: string) => send(json, context);
    const asks = packed(texts, maxChars).map((pieces) => () => askAbout(pieces, source, post));
    const pictures = context.config.media ? pictureAsks(call, source, post) : [];
    const verdict = await askEach([...asks, ...pictures], (ask) => ask());
    return verdict.kind === 'block' ? verdict : rewritten(texts);
  },
});

function regionOf({ options, variable }: UnplacedEntry<{ readonly region?: string | undefined }>): string {
  const names = ['AWS_REGION', 'AWS_REGION_NAME', 'AWS_DEFAULT_REGION'];
  const region = options.region ?? names.map(variable).find(Boolean);
  if (region === undefined)
    throw new NotHereError('region', 'is missing; set it, or AWS_REGION in the environment');
  return region;
}

function send(
  json: string,
  { config, state, http, deadline }: CheckContext<Config, State>,
): Promise<BedrockReply | TooLarge> {
  const { url, credentials } = config;
  const post = (headers: Record<string, string>) =>
    http.post<BedrockReply | TooLarge>(url, json, {
      headers,
      read: readReply,
      readRefusal: readTooLarge,
      deadline,
    });
  switch (credentials.kind) {
    case 'bearer':
      return post({ authorization: `Bearer ${credentials.token}` });
    case 'keys':
      return post(signedHeaders(config, json, credentials.keys));
    case 'web_identity':
      return askWith(state as Renewed<Keys>, (keys) => post(signedHeaders(config, json, keys)));
  }
}
