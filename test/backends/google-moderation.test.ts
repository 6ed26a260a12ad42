import { verify } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { fakeBackend } from '../support/closing.ts';
import { entryBridge, RESPONSE } from '../support/entry-bridge.ts';
import { json, type Reply, silence, startFakeBackend, text } from '../support/fake-backend.ts';
import { GOOGLE_PUBLIC_KEY, givesToken, moderation, serviceAccount } from '../support/google.ts';

const TEXT = 'That was a dreadful match';
const CLEAN = moderation({
  Toxic: 0.31,
  Insult: 0.22,
  'Death, Harm & Tragedy': 0.04,
  'Firearms & Weapons': 0,
});

/** A bridge that asks a vendor, with tokens from a server of its own. */
async function moderated(
  reply: Reply,
  entry: object = {},
  tokens: Reply = givesToken('token-1'),
  options: Parameters<typeof entryBridge>[1] = { files: { 'key.json': serviceAccount() } },
) {
  const vendor = await fakeBackend(reply);
  const tokenServer = await fakeBackend(tokens);
  const house = { kind: 'google-moderation', url: vendor.url, token_url: `${tokenServer.url}/token` };
  const secret = options?.files && { secret: { file: 'key.json' } };
  return { vendor, tokenServer, ...entryBridge({ ...house, ...secret, ...entry }, options) };
}

test.each([
  {
    version: undefined,
    path: '/v1/documents:moderateText',
    body: { document: { type: 'PLAIN_TEXT', language: 'en', content: TEXT } },
  },
  {
    version: 'v2',
    path: '/v2/documents:moderateText',
    body: {
      document: { type: 'PLAIN_TEXT', languageCode: 'en', content: TEXT },
      modelVersion: 'MODEL_VERSION_2',
    },
  },
])('version $version is asked in its own words', async ({ version, path, body }) => {
  const more = version && { version, model_version: 'MODEL_VERSION_2' };
  const { vendor, judge } = await moderated(CLEAN, { language: 'en', ...more });
  expect(await judge([TEXT])).toMatchObject({ action: 'NONE' });
  expect(vendor.seen).toMatchObject([{ path, body, headers: { authorization: 'Bearer token-1' } }]);
});

test('the texts of a call are one document', async () => {
  const { vendor, judge } = await moderated(CLEAN);
  await judge(['Be kind.', TEXT]);
  expect(vendor.seen.map(({ body }) => body)).toMatchObject([{ document: { content: `Be kind.\n${TEXT}` } }]);
});

test('a long text is asked in pieces, and the worst of them counts', async () => {
  const { vendor, judge } = await moderated((request, response) => {
    const { document } = request.body as { document: { content: string } };
    return moderation({ Toxic: document.content.includes('dreadful') ? 0.9 : 0.1 })(request, response);
  });
  const long = `${'plums and pears '.repeat(4000)}dreadful`;
  expect(await judge([long])).toMatchObject({ action: 'BLOCKED' });
  const pieces = vendor.seen.map(({ body }) => (body as { document: { content: string } }).document.content);
  expect(pieces.every((piece) => piece.length <= 20_000)).toBe(true);
  expect(pieces.length).toBe(Math.ceil(long.length / 20_000));
});

const V2 = json({
  moderationCategories: [
    { name: 'Toxic', confidence: 0.93, severity: 0.7 },
    { name: 'Violent', confidence: 0.88, severity: 0.6 },
    { name: 'Finance', confidence: 0.02 },
  ],
  languageCode: 'en',
  languageSupported: true,
});

test.each([
  { name: 'below the default of 0.8', reply: CLEAN, action: 'NONE' },
  { name: 'above it', reply: V2, action: 'BLOCKED' },
  { name: 'equal to it', reply: moderation({ Toxic: 0.8 }), action: 'NONE' },
  { name: 'of a category that is not known', reply: moderation({ Novel: 0.81 }), action: 'BLOCKED' },
  { name: 'with no category', reply: moderation({}), action: 'NONE' },
  {
    name: 'above a threshold for all',
    reply: CLEAN,
    options: { google_moderation_confidence_threshold: 0.3 },
    action: 'BLOCKED',
  },
  {
    name: 'above its own threshold',
    reply: CLEAN,
    options: { insult_confidence_threshold: 0.2 },
    action: 'BLOCKED',
  },
  {
    name: 'below its own threshold',
    reply: V2,
    options: { toxic_confidence_threshold: 0.95, violent_threshold: 0.9 },
    action: 'NONE',
  },
  {
    name: "by the documentation's name",
    reply: CLEAN,
    options: { death_harm_and_tragedy_threshold: 0.03 },
    action: 'BLOCKED',
  },
  {
    name: "by the code's name",
    reply: CLEAN,
    options: { death_harm_and_tragedy_confidence_threshold: 0.03 },
    action: 'BLOCKED',
  },
  {
    name: 'with & in its name',
    reply: moderation({ 'Firearms & Weapons': 0.5, 'Religion & Belief': 0.5 }),
    options: { firearms_and_weapons_threshold: 0.5, religion_and_belief_threshold: 0.5 },
    action: 'NONE',
  },
  {
    name: 'zero as a threshold',
    reply: moderation({ Legal: 0.01 }),
    options: { legal_threshold: 0 },
    action: 'BLOCKED',
  },
])('a confidence $name: $action', async ({ reply, options, action }) => {
  const { judge } = await moderated(reply, options);
  expect(await judge([TEXT])).toMatchObject({ action, failure: undefined });
  expect(await judge([TEXT], RESPONSE)).toMatchObject({ action, failure: undefined });
});

test('a 400 of Google is a failure', async () => {
  const error = { code: 400, message: 'The document type is not set.', status: 'INVALID_ARGUMENT' };
  const { judge } = await moderated(json({ error }, 400));
  expect(await judge([TEXT])).toMatchObject({
    action: 'BLOCKED',
    failure: { kind: 'http_status', status: 400 },
  });
});

test.each([
  { entry: { toxic_treshold: 0.5 }, message: /toxic_treshold.*toxic_threshold/ },
  { entry: { toxic_threshold: 1.2 }, message: /toxic_threshold/ },
  {
    entry: { violent_threshold: 0.5, violent_confidence_threshold: 0.6 },
    message: /violent_threshold: is 0.5, and 0.6 in the other spelling/,
  },
  { entry: { model_version: 'MODEL_VERSION_2' }, message: /model_version: needs version: v2/ },
  { entry: { version: 'v3' }, message: /version/ },
  { entry: { secret: { file: 'none.json' } }, message: /none.json cannot be read/ },
  {
    entry: { secret: { file: 'other.json' } },
    message: /secret: is no JSON key of a service account \(see its "type"\)/,
  },
  { entry: { secret: { file: 'broken.json' } }, message: /secret: is no JSON key .*"private_key"/ },
])('a mistake in the entry is told: $message', async ({ entry, message }) => {
  const files = {
    'key.json': serviceAccount(),
    'other.json': serviceAccount({ type: 'authorized_user' }),
    'broken.json': serviceAccount({ private_key: 'PEM of somebody' }),
  };
  await expect(moderated(CLEAN, entry, undefined, { files })).rejects.toThrow(message);
});

// Tokens

test('a service account asks for a token with a claim that it signs, once for many calls', async () => {
  const { tokenServer, judge } = await moderated(CLEAN);
  await Promise.all([judge([TEXT]), judge(['Another']), judge(['A third'])]);
  await judge(['A fourth']);
  expect(tokenServer.seen).toHaveLength(1);
  const form = new URLSearchParams(tokenServer.seen[0]?.text);
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [header, claims, signature] = (form.get('assertion') ?? '').split('.') as [string, string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(read(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-id-1' });
  const now = Date.now() / 1000;
  const { iat, exp, ...rest } = read(claims);
  expect(rest).toEqual({
    iss: 'bridge@house.iam.gserviceaccount.example',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    // Of the account, wherever the request goes
    aud: 'https://oauth2.google.example/token',
  });
  expect(iat).toBeLessThanOrEqual(now);
  expect(exp).toBeGreaterThan(now + 3000);
  expect(exp - iat).toBeLessThanOrEqual(3600);
  const signed = Buffer.from(`${header}.${claims}`);
  expect(verify('sha256', signed, GOOGLE_PUBLIC_KEY, Buffer.from(signature, 'base64url'))).toBe(true);
});

test('the key of the service account can come from the file that GOOGLE_APPLICATION_CREDENTIALS names', async () => {
  const files = { 'key.json': serviceAccount() };
  const env = { GOOGLE_APPLICATION_CREDENTIALS: 'key.json' };
  const { tokenServer, judge } = await moderated(CLEAN, { secret: undefined }, undefined, { files, env });
  expect(await judge([TEXT])).toMatchObject({ action: 'NONE' });
  expect(tokenServer.seen).toMatchObject([{ method: 'POST' }]);
});

test('without a key the machine is asked who it is', async () => {
  const { tokenServer, vendor, judge } = await moderated(CLEAN, {}, givesToken('of-the-machine'), {});
  expect(await judge([TEXT])).toMatchObject({ action: 'NONE' });
  expect(tokenServer.seen).toMatchObject([{ method: 'GET', headers: { 'metadata-flavor': 'Google' } }]);
  expect(vendor.seen).toMatchObject([{ headers: { authorization: 'Bearer of-the-machine' } }]);
});

test('the metadata server has its usual place, or that of GCE_METADATA_HOST', async () => {
  const metadata = await fakeBackend(givesToken('of-the-machine'));
  const env = { GCE_METADATA_HOST: new URL(metadata.url).host };
  const { judge } = await moderated(CLEAN, { token_url: undefined }, undefined, { env });
  expect(await judge([TEXT])).toMatchObject({ action: 'NONE' });
  expect(metadata.seen).toMatchObject([
    { path: '/computeMetadata/v1/instance/service-accounts/default/token' },
  ]);
});

test.each<{ name: string; tokens: Reply; failure: object }>([
  {
    name: 'refuses the account',
    tokens: json({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, 400),
    failure: { kind: 'unauthorized', status: 401 },
  },
  { name: 'says 401', tokens: text('no', 401), failure: { kind: 'unauthorized', status: 401 } },
  { name: 'says 403', tokens: text('no', 403), failure: { kind: 'unauthorized', status: 403 } },
  {
    name: 'says 400 for another reason',
    tokens: text('what?', 400),
    failure: { kind: 'http_status', status: 400 },
  },
  { name: 'says 500', tokens: text('oops', 500), failure: { kind: 'http_status', status: 500 } },
  { name: 'says no JSON', tokens: text('<html>'), failure: { kind: 'not_json' } },
  {
    name: 'gives no token',
    tokens: json({ expires_in: 3600 }),
    failure: { kind: 'wrong_shape', field: 'access_token' },
  },
  {
    name: 'gives one that no header can carry',
    tokens: json({ access_token: 'a\r\nx-admin: 1', expires_in: 3600 }),
    failure: { kind: 'wrong_shape', field: 'access_token' },
  },
  {
    name: 'gives one that has expired',
    tokens: givesToken('old', 0),
    failure: { kind: 'wrong_shape', field: 'expires_in' },
  },
  {
    name: 'does not say how long one is good',
    tokens: json({ access_token: 'x' }),
    failure: { kind: 'wrong_shape', field: 'expires_in' },
  },
  {
    name: 'redirects',
    tokens: (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
    failure: { kind: 'http_status', status: 302 },
  },
  {
    name: 'breaks off',
    tokens: (_, response) => void response.socket?.destroy(),
    failure: { kind: 'unreachable' },
  },
  { name: 'says nothing', tokens: silence, failure: { kind: 'timeout', afterMs: 300 } },
])('a token server that $name is a failure of the check', async ({ tokens, failure }) => {
  const entry = tokens === silence ? { timeout: 0.3 } : {};
  const { vendor, tokenServer, judge, lines } = await moderated(CLEAN, entry, tokens);
  expect(await judge([TEXT])).toMatchObject({ action: 'BLOCKED', failure });
  expect(vendor.seen).toEqual([]);
  expect(JSON.stringify(lines)).not.toMatch(/assertion|PRIVATE|gserviceaccount|x-admin/);
  tokenServer.reply = givesToken('token-2');
  if (failure !== undefined && !JSON.stringify(failure).includes('timeout'))
    expect(await judge([TEXT])).toMatchObject({ action: 'NONE' });
});

test('a token server that is down is a failure of the check', async () => {
  const gone = await startFakeBackend();
  await gone.close();
  const { judge } = await moderated(CLEAN, { token_url: `${gone.url}/token` });
  expect(await judge([TEXT])).toMatchObject({ failure: { kind: 'unreachable', code: 'ECONNREFUSED' } });
});

test('a slow token serves the calls that come after those it was too late for', async () => {
  let release = () => {};
  const slow: Reply = (request, response) => {
    release = () => void givesToken('late')(request, response);
  };
  const { judge, tokenServer, vendor } = await moderated(CLEAN, { timeout: 1 }, slow);
  expect(await judge([TEXT])).toMatchObject({ failure: { kind: 'timeout' } });
  release();
  await sleep(50);
  expect(await judge(['Next'])).toMatchObject({ action: 'NONE' });
  expect(tokenServer.seen).toHaveLength(1);
  expect(vendor.seen).toMatchObject([{ headers: { authorization: 'Bearer late' } }]);
});

test('a token that Google does not take any more is replaced, and the check goes on', async () => {
  let tokens = 0;
  const { judge, tokenServer } = await moderated(
    (request, response) =>
      (request.headers.authorization === 'Bearer token-2' ? CLEAN : text('expired', 401))(request, response),
    {},
    (request, response) => givesToken(`token-${++tokens}`)(request, response),
  );
  expect(await judge([TEXT])).toMatchObject({ action: 'NONE', failure: undefined });
  expect(tokenServer.seen).toHaveLength(2);
});

test('an account that Google refuses is a failure, and asks for two tokens and no more', async () => {
  const { judge, metric, tokenServer, vendor } = await moderated(text('no', 401));
  expect(await judge([TEXT])).toMatchObject({ failure: { kind: 'unauthorized', status: 401 } });
  for (const again of ['Again', 'And again'])
    expect(await judge([again])).toMatchObject({ action: 'BLOCKED' });
  const sample = 'failures_total{backend="house",mode="enforce",input_type="request",kind="unauthorized"}';
  expect(await metric(sample)).toBe(3);
  expect([tokenServer.seen.length, vendor.seen.length]).toEqual([2, 4]);
});

test('a large call is asked from its own thread, with a token of that thread', async () => {
  const { judge, tokenServer, vendor } = await moderated(CLEAN);
  await judge([TEXT]);
  expect(await judge(['plums and pears '.repeat(70_000)])).toMatchObject({ action: 'NONE' });
  expect(vendor.seen.length).toBe(1 + Math.ceil((16 * 70_000) / 20_000));
  expect(tokenServer.seen).toHaveLength(2);
});

test('every category has a setting in both spellings', () => {
  const { options } = backends.find(({ kind }) => kind === 'google-moderation') ?? { options: {} };
  const names = Object.keys(options).filter((name) => name.endsWith('threshold'));
  expect(names).toHaveLength(33);
  expect(names.every((name) => /^[a-z_]+$/.test(name))).toBe(true);
});
