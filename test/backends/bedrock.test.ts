import { afterEach, describe, expect, test, vi } from 'vitest';
import { readPolicy } from '../../src/answers/policy-engine.ts';
import { signedHeaders } from '../../src/backends/bedrock/signed-headers.ts';
import { fakeBackend } from '../support/closing.ts';
import { entryBridge, RESPONSE } from '../support/entry-bridge.ts';
import { json, type Reply, type SeenRequest, silence, text } from '../support/fake-backend.ts';
import { policyFile } from '../support/policy-file.ts';

const ENTRY = { kind: 'bedrock', guardrail_id: 'gr7house1', guardrail_version: 2, region: 'eu-west-1' };
const TEXTS = ['You help the billing team.', 'Mail the bill to mara@example.org'];
const NONE = json({ action: 'NONE', outputs: [], assessments: [{}], usage: { topicPolicyUnits: 1 } });
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDHOUSE0001', AWS_SECRET_ACCESS_KEY: 'plum/pear+Quince=7' };

type Options = Parameters<typeof entryBridge>[1];

/** A bridge that asks a Bedrock, by default with a key of Bedrock. */
async function guarded(
  reply: Reply,
  entry: object = {},
  { env = { AWS_BEARER_TOKEN_BEDROCK: 'key-of-bedrock' }, ...options }: Options = {},
) {
  const vendor = await fakeBackend(reply);
  return { vendor, ...entryBridge({ ...ENTRY, url: vendor.url, ...entry }, { env, ...options }) };
}

type Body = {
  source: string;
  content: { text?: { text: string }; image?: { format: string; source: { bytes: string } } }[];
};

const bodyOf = ({ body }: SeenRequest) => body as Body;
const textsOf = (request: SeenRequest) => bodyOf(request).content.flatMap(({ text }) => text?.text ?? []);

/** Masks each text by a function. */
const masks =
  (mask: (text: string) => string): Reply =>
  (request, response) => {
    const texts = textsOf(request);
    const masked = texts.map(mask);
    const isChanged = masked.some((text, i) => text !== texts[i]);
    return (isChanged ? intervened(masked, [ANONYMIZED]) : NONE)(request, response);
  };

const ANONYMIZED = {
  sensitiveInformationPolicy: {
    piiEntities: [{ type: 'EMAIL', match: 'mara@example.org', action: 'ANONYMIZED' }],
    regexes: [],
  },
};
const BLOCKED = {
  contentPolicy: {
    filters: [{ type: 'PROMPT_ATTACK', confidence: 'HIGH', filterStrength: 'HIGH', action: 'BLOCKED' }],
  },
  sensitiveInformationPolicy: null,
};
const intervened = (outputs: readonly string[] | null, assessments: unknown) =>
  json({ action: 'GUARDRAIL_INTERVENED', outputs: outputs?.map((text) => ({ text })) ?? null, assessments });

const blocked = intervened(['Sorry, this assistant cannot help with that.'], [BLOCKED]);

const TOO_LARGE =
  'Input text size (31 text units) exceeds the maximum allowed (25 text units) for the content filter policy (Classic tier)';

test('each text is a content item, and the version may be a number', async () => {
  const { vendor, judge } = await guarded(NONE);
  expect(await judge(TEXTS)).toMatchObject({ action: 'NONE' });
  expect(vendor.seen).toMatchObject([
    {
      method: 'POST',
      path: '/guardrail/gr7house1/version/2/apply',
      headers: { authorization: 'Bearer key-of-bedrock', 'content-type': 'application/json' },
      body: {
        source: 'INPUT',
        content: TEXTS.map((text) => ({ text: { text } })),
        outputScope: 'INTERVENTIONS',
      },
    },
  ]);
  await judge(['The answer'], RESPONSE);
  expect(vendor.seen[1]?.body).toMatchObject({
    source: 'OUTPUT',
    content: [{ text: { text: 'The answer' } }],
  });
});

test.each<{ name: string; reply: Reply; expected: object }>([
  { name: 'nothing', reply: NONE, expected: { action: 'NONE' } },
  {
    name: 'nothing, with null for lists',
    reply: json({ action: 'NONE', outputs: null, assessments: null }),
    expected: { action: 'NONE' },
  },
  {
    name: 'nothing in the words of another API',
    reply: json({ action: 'NONE' }),
    expected: { action: 'BLOCKED', failure: { kind: 'wrong_shape' } },
  },
  {
    name: 'that it intervened, and the texts as they were',
    reply: intervened(TEXTS, []),
    expected: { action: 'BLOCKED', failure: undefined },
  },
  {
    name: 'masked texts',
    reply: intervened([TEXTS[0]!, 'Mail the bill to {EMAIL}'], [ANONYMIZED]),
    expected: { action: 'GUARDRAIL_INTERVENED', texts: [TEXTS[0], 'Mail the bill to {EMAIL}'] },
  },
  {
    name: 'masked texts without assessments',
    reply: intervened([TEXTS[0]!, 'Mail the bill to {EMAIL}'], null),
    expected: { action: 'GUARDRAIL_INTERVENED', texts: [TEXTS[0], 'Mail the bill to {EMAIL}'] },
  },
  {
    name: 'one masked text for two',
    reply: intervened(['You help {NAME} to {EMAIL}'], [ANONYMIZED]),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'a refusal of a policy without actions',
    reply: intervened(
      ['Sorry.', 'Sorry.'],
      [{ automatedReasoningPolicy: { findings: [{ invalid: { translation: {} } }] } }],
    ),
    expected: { action: 'BLOCKED', failure: undefined },
  },
  {
    name: 'a block, in small letters',
    reply: intervened(
      ['Sorry.', 'Sorry.'],
      [{ topicPolicy: { topics: [{ name: 'Law', action: 'blocked' }] } }],
    ),
    expected: { action: 'BLOCKED', failure: undefined },
  },
  { name: 'masks and no texts', reply: intervened(null, [ANONYMIZED]), expected: { action: 'BLOCKED' } },
  { name: 'its refusal', reply: blocked, expected: { action: 'BLOCKED' } },
  {
    name: 'its refusal for each text',
    reply: intervened(['Sorry.', 'Sorry.'], [{}, BLOCKED]),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'a word that is blocked, with null policies',
    reply: intervened(
      ['Sorry.', 'Sorry.'],
      [{ topicPolicy: null, wordPolicy: { customWords: [{ match: 'x', action: 'BLOCKED' }] } }],
    ),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'an exception under 200',
    reply: json({ Output: { __type: 'com.amazon.coral.service#InternalServerException' }, Version: '1.0' }),
    expected: { action: 'BLOCKED', failure: { kind: 'no_verdict' } },
  },
  {
    name: 'too many requests',
    reply: json({ message: 'Too many requests, please wait before trying again.' }, 429),
    expected: { action: 'BLOCKED', failure: { kind: 'http_status', status: 429 } },
  },
  {
    name: 'a refusal of the key',
    reply: json({ message: 'The security token included in the request is invalid.' }, 403),
    expected: { action: 'BLOCKED', failure: { kind: 'unauthorized', status: 403 } },
  },
  {
    name: 'that a short text is too long',
    reply: json({ message: TOO_LARGE }, 429),
    expected: { action: 'BLOCKED', failure: { kind: 'http_status', status: 429 } },
  },
])('Bedrock says $name', async ({ reply, expected }) => {
  const { judge, lines } = await guarded(reply);
  expect(await judge(TEXTS)).toMatchObject(expected);
  expect(JSON.stringify(lines)).not.toMatch(/mara@example|Sorry/);
});

describe('long texts', () => {
  const LONG = 'plums and pears '.repeat(4000);

  test('are asked in requests of 25 units, cut at white space', async () => {
    const { vendor, judge } = await guarded(NONE);
    expect(await judge([LONG, 'short', 'shorter'])).toMatchObject({ action: 'NONE' });
    expect(vendor.seen.length).toBe(3);
    const asked = vendor.seen.map(textsOf).toSorted((a, b) => b.length - a.length);
    expect(asked.flat().every((text) => text.length <= 25_000)).toBe(true);
    expect(asked.flat().join('').length).toBe(LONG.length + 'shortshorter'.length);
    expect(asked[0]?.slice(1)).toEqual(['short', 'shorter']);
  });

  test('have no piece of blanks alone', async () => {
    const { vendor, judge } = await guarded(NONE);
    await judge([`plums${' '.repeat(60_000)}pears`]);
    expect(vendor.seen.flatMap(textsOf).map((text) => text.trim())).toEqual(['plums', 'pears']);
  });

  test('in a language without spaces lose no character', async () => {
    const emojis = '😀'.repeat(15_000);
    const { vendor, judge } = await guarded(NONE);
    await judge([`x${emojis}`]);
    expect(vendor.seen.flatMap(textsOf).every((text) => text.isWellFormed())).toBe(true);
  });

  test('come back masked as a whole', async () => {
    const { judge } = await guarded(masks((text) => text.replaceAll('pears', '{FRUIT}')));
    expect(await judge([TEXTS[0]!, LONG])).toMatchObject({
      action: 'GUARDRAIL_INTERVENED',
      texts: [TEXTS[0], LONG.replaceAll('pears', '{FRUIT}')],
    });
  });

  test.each([
    { status: 429, message: TOO_LARGE },
    { status: 400, message: 'Content size exceeds the limit' },
    { status: 400, error: { message: 'The input is too long' } },
  ])('are halved while Bedrock says $status: $message', async ({ status, ...body }) => {
    const { vendor, judge } = await guarded(NONE);
    vendor.reply = (request, response) => {
      const isLong = textsOf(request).join('').length > 9000;
      return (isLong ? json(body, status) : masks((text) => text.replaceAll('pears', '-')))(
        request,
        response,
      );
    };
    expect(await judge([TEXTS[0]!, LONG])).toMatchObject({
      texts: [TEXTS[0], LONG.replaceAll('pears', '-')],
    });
  });

  test('of an account with a lower limit can be told so', async () => {
    const { vendor, judge } = await guarded(NONE, { max_text_units: 8 });
    await judge([LONG]);
    expect(vendor.seen.length).toBe(Math.ceil(LONG.length / 8000));
  });

  test.each(['begins', 'ends'])(
    'are blocked where one piece is that another one %s with a failure',
    async (where) => {
      const { judge } = await guarded(
        (request, response) => {
          const [piece = ''] = textsOf(request);
          const isBad = where === 'first' ? piece.startsWith('plums at first') : piece.endsWith('bad');
          return (isBad ? blocked : text('down', 503))(request, response);
        },
        { unreachable_fallback: 'fail_open' },
      );
      expect(await judge([`plums at first ${LONG}bad`])).toMatchObject({
        action: 'BLOCKED',
        failure: undefined,
      });
    },
  );
});

describe('images', () => {
  const PNG = `iVBORw0KGgo${'A'.repeat(600)}`;
  const JPEG = `/9j/${'A'.repeat(600)}`;
  const withImages = (...parts: object[]) => ({
    structured_messages: [{ role: 'user', content: [{ type: 'text', text: 'Look' }, ...parts] }],
  });
  const image = (url: string) => ({ type: 'image_url', image_url: { url } });

  test('are asked in requests of their own', async () => {
    const { vendor, judge } = await guarded(NONE);
    const parts = [
      image(`data:image/png;base64,${PNG}`),
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: JPEG } },
    ];
    const images = [`data:image/png;base64,${PNG}`, JPEG];
    expect(await judge(['Look'], { ...withImages(...parts), images })).toMatchObject({ action: 'NONE' });
    const contents = vendor.seen.map((request) => bodyOf(request).content);
    expect(contents).toContainEqual([{ text: { text: 'Look' } }]);
    expect(contents).toContainEqual([
      { image: { format: 'png', source: { bytes: PNG } } },
      { image: { format: 'jpeg', source: { bytes: JPEG } } },
    ]);
  });

  test('are asked alone where only they are new, and once', async () => {
    const { vendor, judge } = await guarded(NONE);
    await judge(['Look']);
    const part = image(`data:image/png;base64,${PNG}`);
    await judge(['Look'], withImages(part));
    await judge(['Look'], withImages(part));
    const contents = vendor.seen.map((request) =>
      bodyOf(request).content.map((item) => Object.keys(item)[0]),
    );
    expect(contents).toEqual([['text'], ['image']]);
  });

  test('are at most 20 in a request', async () => {
    const { vendor, judge } = await guarded(NONE);
    const parts = Array.from({ length: 45 }, (_, i) => image(`data:image/png;base64,${PNG}${i}`));
    await judge(['Look'], withImages(...parts));
    const counts = vendor.seen.map((request) => bodyOf(request).content.filter(({ image }) => image).length);
    expect(counts.toSorted((a, b) => b - a)).toEqual([20, 20, 5, 0]);
  });

  test('that are blocked block', async () => {
    const { judge } = await guarded((request, response) =>
      (bodyOf(request).content[0]?.image ? blocked : NONE)(request, response),
    );
    expect(await judge(['Look'], withImages(image(`data:image/png;base64,${PNG}`)))).toMatchObject({
      action: 'BLOCKED',
      failure: undefined,
    });
  });

  test.each([
    { name: 'an address', part: image('https://house.example/a.png') },
    { name: 'another format', part: image('data:image/webp;base64,UklGRg') },
    { name: 'a file', part: { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0' } } },
    { name: 'audio', part: { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } } },
  ])('$name is no verdict, beside text that is allowed', async ({ part }) => {
    const { judge } = await guarded(NONE);
    const expected = { action: 'BLOCKED', failure: { kind: 'no_verdict' } };
    expect(await judge(['Look'], withImages(part))).toMatchObject(expected);
  });

  test('are left out with media: false, and counted', async () => {
    const { vendor, judge, metric } = await guarded(NONE, { media: false });
    expect(await judge(['Look'], withImages(image(`data:image/png;base64,${PNG}`)))).toMatchObject({
      action: 'NONE',
    });
    expect(vendor.seen).toHaveLength(1);
    expect(await metric('unjudged_total{backend="house",content="media"}')).toBe(1);
  });
});

describe('Signature Version 4', () => {
  afterEach(() => void vi.useRealTimers());

  // Signed by botocore 1.44.8
  test.each([
    {
      host: 'bedrock-runtime.eu-west-1.amazonaws.com',
      path: '/guardrail/gr7house1/version/2/apply',
      region: 'eu-west-1',
      body: '{"source":"INPUT"}',
      keys: { accessKeyId: 'AKIDHOUSE0001', secretAccessKey: 'plum/pear+Quince=7' },
      date: '2026-11-27T10:15:00Z',
      scope: 'AKIDHOUSE0001/20261127/eu-west-1/bedrock/aws4_request',
      signed: 'content-type;host;x-amz-date',
      signature: '29c1371778be3100238a878db9aa62fb670341b29d23b5e03503fc47ade5cfe8',
    },
    {
      host: 'bedrock-runtime.us-east-1.amazonaws.com',
      path: '/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aguardrail%2Fgr7house1/version/DRAFT/apply',
      region: 'us-east-1',
      body: '{"text":"Grüße 😀"}',
      keys: {
        accessKeyId: 'ASIAHOUSE0002',
        secretAccessKey: 'plum/pear+Quince=8',
        sessionToken: 'Lent/token+for==awhile',
      },
      date: '2026-12-31T23:59:59Z',
      scope: 'ASIAHOUSE0002/20261231/us-east-1/bedrock/aws4_request',
      signed: 'content-type;host;x-amz-date;x-amz-security-token',
      signature: 'd2fdee221af3043c8dd39daf60e538a7cadfe926e5875187340bbe238d458139',
    },
    {
      host: '127.0.0.1:8080',
      path: '/tenant/guardrail/gr7house1/version/2/apply',
      region: 'eu-central-1',
      body: '{}',
      keys: { accessKeyId: 'AKIDHOUSE0001', secretAccessKey: 'plum/pear+Quince=7' },
      date: '2026-11-27T10:15:00Z',
      scope: 'AKIDHOUSE0001/20261127/eu-central-1/bedrock/aws4_request',
      signed: 'content-type;host;x-amz-date',
      signature: '4d620c6c0ab0181d03b680540134a8fd27a4ebb2ad0337f02891664b362922de',
    },
  ])(
    'signs for $host$path as botocore does',
    ({ host, path, region, body, keys, date, scope, signed, signature }) => {
      vi.useFakeTimers({ toFake: ['Date'], now: new Date(date) });
      expect(signedHeaders({ host, path, region }, body, keys)).toEqual({
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signed}, Signature=${signature}`,
        'x-amz-date': date.replaceAll(/[-:]/g, ''),
        ...('sessionToken' in keys && { 'x-amz-security-token': keys.sessionToken }),
      });
    },
  );

  test('is over the request as it arrives', async () => {
    const { vendor, judge } = await guarded(NONE, {}, { env: { ...KEYS, AWS_SESSION_TOKEN: 'lent' } });
    await judge(['Grüße 😀 \ud800 "quoted"']);
    const [seen] = vendor.seen as [SeenRequest];
    const date = String(seen.headers['x-amz-date']);
    const at = date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(at) });
    const target = { host: seen.headers.host ?? '', path: seen.path, region: 'eu-west-1' };
    const keys = {
      accessKeyId: KEYS.AWS_ACCESS_KEY_ID,
      secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY,
      sessionToken: 'lent',
    };
    expect(seen.headers).toMatchObject(signedHeaders(target, seen.text, keys));
    expect(seen.headers['content-type']).toBe('application/json');
  });
});

describe('credentials', () => {
  const PROFILES = [
    '; of the house',
    '[default]',
    'aws_access_key_id = AKIDDEFAULT',
    'aws_secret_access_key=d/e+f=',
    '',
    '[house.prod]',
    'AWS_ACCESS_KEY_ID=AKIDPROD # of the robot',
    'aws_secret_access_key = p/r+o=d',
    'aws_session_token = lent/for+a==while',
    '[role]',
    'role_arn = arn:aws:iam::111122223333:role/house',
  ].join('\n');
  const files = { credentials: PROFILES };
  const profiles = { AWS_SHARED_CREDENTIALS_FILE: 'credentials' };

  test.each([
    { name: 'keys of the environment', env: KEYS, expected: /Credential=AKIDHOUSE0001\// },
    {
      name: 'the key of Bedrock before them',
      env: { ...KEYS, AWS_BEARER_TOKEN_BEDROCK: 'bedrock-key' },
      expected: /^Bearer bedrock-key$/,
    },
    {
      name: 'the secret of the entry before that',
      entry: { secret: { env: 'OWN' } },
      env: { OWN: 'own-key', AWS_BEARER_TOKEN_BEDROCK: 'x' },
      expected: /^Bearer own-key$/,
    },
    {
      name: 'a profile of the entry before keys',
      entry: { profile: 'house.prod' },
      env: { ...KEYS, ...profiles },
      expected: /Credential=AKIDPROD\//,
    },
    {
      name: 'a profile of the entry before the key of Bedrock in the environment',
      entry: { profile: 'house.prod' },
      env: { AWS_BEARER_TOKEN_BEDROCK: 'bedrock-key', ...profiles },
      expected: /Credential=AKIDPROD\//,
    },
    {
      name: 'keys before the profile of the environment',
      env: { ...KEYS, ...profiles, AWS_PROFILE: 'house.prod' },
      expected: /Credential=AKIDHOUSE0001\//,
    },
    {
      name: 'the profile of the environment',
      env: { ...profiles, AWS_PROFILE: 'house.prod' },
      expected: /Credential=AKIDPROD\//,
    },
    { name: 'the default profile', env: profiles, expected: /Credential=AKIDDEFAULT\// },
  ])('are $name', async ({ entry, env, expected }) => {
    const { vendor, judge } = await guarded(NONE, entry, { env, files });
    expect(await judge(['Hello'])).toMatchObject({ action: 'NONE' });
    expect(vendor.seen[0]?.headers.authorization).toMatch(expected);
    const isLent = String(expected).includes('PROD');
    expect(vendor.seen[0]?.headers['x-amz-security-token']).toBe(isLent ? 'lent/for+a==while' : undefined);
  });

  test.each([
    { name: 'none', env: {}, message: /secret: is missing: write secret/ },
    { name: 'half a pair', env: { AWS_ACCESS_KEY_ID: 'A' }, message: /secret: is missing/ },
    {
      name: 'a profile that is not there',
      env: { ...profiles, AWS_PROFILE: 'hous' },
      message: /profile: "hous" has no aws_access_key_id/,
    },
    {
      name: 'a profile of a role',
      entry: { profile: 'role' },
      env: profiles,
      message: /profile: "role" has no .* roles and SSO are not read/,
    },
    {
      name: 'a file that is not there',
      env: { AWS_SHARED_CREDENTIALS_FILE: 'gone' },
      message: /the file gone cannot be read/,
    },
    {
      name: 'no region',
      entry: { region: undefined },
      env: KEYS,
      message: /region: is missing; set it, or AWS_REGION/,
    },
    {
      name: 'no region and no address',
      entry: { region: undefined, url: undefined },
      env: KEYS,
      message: /region: is missing/,
    },
    {
      name: 'a region that is none',
      entry: { region: 'Ireland' },
      env: KEYS,
      message: /region: must be a region, such as eu-west-1/,
    },
    {
      name: 'a version that is none',
      entry: { guardrail_version: 'latest' },
      env: KEYS,
      message: /guardrail_version: must be a number or DRAFT/,
    },
    {
      name: 'an id that is none',
      entry: { guardrail_id: 'a/../b' },
      env: KEYS,
      message: /guardrail_id: must be an id or an ARN/,
    },
  ])('that are wrong stop the start: $name', async ({ entry, env, message }) => {
    await expect(guarded(NONE, entry, { env, files })).rejects.toThrow(message);
  });

  test('that only the machine of the bridge has are a warning of lint', () => {
    const houses = [
      { name: 'no-credentials', ...ENTRY },
      { name: 'no-region', ...ENTRY, region: undefined },
      { name: 'no-file', ...ENTRY, profile: 'house' },
    ];
    const env = { AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials' };
    const { backends, warnings } = readPolicy(policyFile({ backends: houses }), env);
    expect(backends.map(({ name }) => name)).toEqual(houses.map(({ name }) => name));
    expect(warnings.join('\n')).toMatch(/region: is missing/);
    expect(warnings.join('\n')).toMatch(/\/nowhere\/credentials cannot be read/);
    expect(() => readPolicy(policyFile({ backends: [{ name: 'a', ...ENTRY, region: 'Ireland' }] }))).toThrow(
      /region/,
    );
  });

  test.each(['AWS_REGION', 'AWS_REGION_NAME', 'AWS_DEFAULT_REGION'])(
    'the region can come from %s',
    async (name) => {
      const env = { ...KEYS, [name]: 'ap-southeast-2' };
      const { vendor, judge } = await guarded(NONE, { region: undefined }, { env });
      await judge(['Hello']);
      expect(vendor.seen[0]?.headers.authorization).toContain('/ap-southeast-2/bedrock/');
    },
  );
});

describe('a web identity', () => {
  const iso = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const lends =
    (key: string, seconds = 3600, headers: Record<string, string> = {}): Reply =>
    (_, response) => {
      const xml = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
        <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/house/x</Arn></AssumedRoleUser>
        <Credentials><SessionToken>lent/${key}==</SessionToken><SecretAccessKey>s/${key}+</SecretAccessKey>
        <Expiration>${iso(seconds)}</Expiration><AccessKeyId>ASIA${key}</AccessKeyId></Credentials>
        </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
      response.writeHead(200, { 'content-type': 'text/xml', ...headers }).end(xml);
    };
  const refusal = (code: string, status: number) =>
    text(
      `<ErrorResponse><Error><Code>${code}</Code><Message>said</Message></Error></ErrorResponse>`,
      status,
      'text/xml',
    );

  async function lent(reply: Reply, sts: Reply, entry: object = {}) {
    const server = await fakeBackend(sts);
    const bridge = await guarded(reply, { token_url: server.url, ...entry }, { env: ENV });
    return { sts: server, ...bridge };
  }
  const ENV = {
    AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/house',
    // A file that is always there: the token itself is not looked at
    AWS_WEB_IDENTITY_TOKEN_FILE: import.meta.filename,
  };

  test('borrows the keys of its role, once for many calls', async () => {
    const { sts, vendor, judge } = await lent(NONE, lends('ONE'));
    await Promise.all([judge(['a']), judge(['b'])]);
    await judge(['c']);
    expect(sts.seen).toHaveLength(1);
    const form = Object.fromEntries(new URLSearchParams(sts.seen[0]?.text));
    expect(form).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ENV.AWS_ROLE_ARN,
      RoleSessionName: 'guardrail-bridge',
      WebIdentityToken: expect.stringMatching(/^import/),
    });
    expect(vendor.seen[0]?.headers).toMatchObject({
      authorization: expect.stringContaining('Credential=ASIAONE/'),
      'x-amz-security-token': 'lent/ONE==',
    });
  });

  test('measures the life of keys by the clock of who lends them', async () => {
    const date = new Date(Date.now() - 7_200_000).toUTCString();
    const { sts, judge } = await lent(NONE, lends('ONE', -3600, { date }));
    expect(await judge(['a'])).toMatchObject({ action: 'NONE' });
    expect(await judge(['b'])).toMatchObject({ action: 'NONE' });
    expect(sts.seen).toHaveLength(1);
  });

  test('borrows others when they are refused', async () => {
    let count = 0;
    const { sts, judge } = await lent(
      (request, response) =>
        (String(request.headers.authorization).includes('ASIAK2/')
          ? NONE
          : json({ message: 'expired' }, 403))(request, response),
      (request, response) => lends(`K${++count}`)(request, response),
    );
    expect(await judge(['a'])).toMatchObject({ action: 'NONE', failure: undefined });
    expect(sts.seen).toHaveLength(2);
  });

  test.each<{ name: string; sts: Reply; failure: object }>([
    {
      name: 'an identity that is refused',
      sts: refusal('InvalidIdentityToken', 400),
      failure: { kind: 'unauthorized', status: 401 },
    },
    {
      name: 'an identity that has expired',
      sts: refusal('ExpiredTokenException', 400),
      failure: { kind: 'unauthorized', status: 401 },
    },
    {
      name: 'a role that is refused',
      sts: refusal('AccessDenied', 403),
      failure: { kind: 'unauthorized', status: 403 },
    },
    {
      name: 'a request that is refused',
      sts: refusal('ValidationError', 400),
      failure: { kind: 'http_status', status: 400 },
    },
    { name: 'a 503', sts: text('busy', 503), failure: { kind: 'http_status', status: 503 } },
    { name: 'garbage', sts: text('<html>'), failure: { kind: 'wrong_shape', field: 'AccessKeyId' } },
    { name: 'an empty reply', sts: text(''), failure: { kind: 'wrong_shape' } },
    {
      name: 'keys that have expired',
      sts: lends('OLD', -5),
      failure: { kind: 'wrong_shape', field: 'Expiration' },
    },
    { name: 'silence', sts: silence, failure: { kind: 'timeout' } },
  ])('$name of STS is a failure of the check', async ({ sts, failure }) => {
    const { vendor, judge, lines } = await lent(NONE, sts, { timeout: 0.3 });
    expect(await judge(['a'])).toMatchObject({ action: 'BLOCKED', failure });
    expect(vendor.seen).toEqual([]);
    expect(JSON.stringify(lines)).not.toMatch(/111122223333|RoleArn|said/);
  });

  test('whose file is gone is a failure of the check', async () => {
    const env = { ...ENV, AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere/token' };
    const { judge } = await guarded(NONE, {}, { env });
    expect(await judge(['a'])).toMatchObject({ failure: { kind: 'unreachable', code: 'ENOENT' } });
  });
});
