import { expect, test } from 'vitest';
import { fakeBackend } from '../support/closing.ts';
import { entryBridge, RESPONSE } from '../support/entry-bridge.ts';
import { json, type Reply, type SeenRequest } from '../support/fake-backend.ts';
import {
  deidentified,
  givesToken,
  JAILBREAK,
  MATCHED,
  sanitized,
  serviceAccount,
} from '../support/google.ts';

const TEXT = 'Mail the bill to mara@example.org';
const PATH = '/v1/projects/house/locations/europe-west4/templates/front-door';
const CLEAN = json(sanitized());

/** A bridge that asks a Model Armor, with tokens from a server of its own. */
async function armored(reply: Reply, entry: object = {}) {
  const vendor = await fakeBackend(reply);
  const tokens = await fakeBackend(givesToken('token-1'));
  const house = { kind: 'model-armor', project: 'house', location: 'europe-west4', template: 'front-door' };
  const places = { url: vendor.url, token_url: tokens.url, secret: { file: 'key.json' } };
  return {
    vendor,
    tokens,
    ...entryBridge({ ...house, ...places, ...entry }, { files: { 'key.json': serviceAccount() } }),
  };
}

type Data = { text?: string; byteItem?: { byteDataType: string; byteData: string } };

const dataOf = ({ body }: SeenRequest): Data => {
  const { userPromptData, modelResponseData } = body as Record<string, Data>;
  return userPromptData ?? modelResponseData ?? {};
};

/** Removes addresses, and finds nothing else. */
const removesAddresses: Reply = (request, response) => {
  const { text = '' } = dataOf(request);
  const rest = text.replaceAll('mara@example.org', '[EMAIL_ADDRESS]');
  return json(sanitized(rest === text ? {} : deidentified(rest)))(request, response);
};

test('requests and responses are asked in their own words, a response with its question', async () => {
  const { vendor, ask } = await armored(CLEAN);
  const request = {
    ...{
      input_type: 'request',
      litellm_call_id: 'call-1',
      texts: ['Be kind.', 'Where did the bill go?'],
      model: 'm',
    },
    structured_messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Where did the bill go?' },
    ],
  };
  await ask(request);
  await ask({
    input_type: 'response',
    litellm_call_id: 'call-1',
    texts: ['To the billing team'],
    model: 'm',
  });
  expect(vendor.seen).toMatchObject([
    {
      path: `${PATH}:sanitizeUserPrompt`,
      headers: { authorization: 'Bearer token-1' },
      body: { userPromptData: { text: 'Be kind.\nWhere did the bill go?' } },
    },
    {
      path: `${PATH}:sanitizeModelResponse`,
      body: { modelResponseData: { text: 'To the billing team' }, userPrompt: 'Where did the bill go?' },
    },
  ]);
});

test('a response whose request nobody remembers is asked without it', async () => {
  const { vendor, judge } = await armored(CLEAN);
  await judge(['The answer'], RESPONSE);
  expect(vendor.seen[0]?.body).toEqual({ modelResponseData: { text: 'The answer' } });
});

const PARTIAL = { invocationResult: 'PARTIAL' };
const inspected = {
  sdp: { sdpFilterResult: { inspectResult: { ...MATCHED, findings: [{ infoType: 'EMAIL_ADDRESS' }] } } },
};

test.each<{ name: string; reply: object; expected: object }>([
  { name: 'nothing', reply: sanitized(), expected: { action: 'NONE' } },
  { name: 'a jailbreak', reply: sanitized(JAILBREAK), expected: { action: 'BLOCKED' } },
  {
    name: 'an abuse, under the doubled word',
    reply: sanitized({ csam: { csamFilterFilterResult: MATCHED } }),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'data that it removes',
    reply: sanitized(deidentified('Mail the bill to [EMAIL_ADDRESS]')),
    expected: { action: 'GUARDRAIL_INTERVENED', texts: ['Mail the bill to [EMAIL_ADDRESS]'] },
  },
  {
    name: 'data that it removes, in a list of results',
    reply: sanitized({}, { filterMatchState: 'MATCH_FOUND', filterResults: [deidentified('[ALL]').sdp] }),
    expected: { action: 'GUARDRAIL_INTERVENED', texts: ['[ALL]'] },
  },
  {
    name: 'a jailbreak, in a list of results by name',
    reply: sanitized({}, { filterMatchState: 'MATCH_FOUND', filterResults: [{}, JAILBREAK] }),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'data that it removes, and a jailbreak',
    reply: sanitized({ ...deidentified('[ALL]'), ...JAILBREAK }),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'data that it removes without saying what is left',
    reply: sanitized({ sdp: { sdpFilterResult: { deidentifyResult: MATCHED } } }),
    expected: { action: 'BLOCKED' },
  },
  { name: 'data that it only sees', reply: sanitized(inspected), expected: { action: 'BLOCKED' } },
  {
    name: 'something that no filter tells of',
    reply: sanitized({}, { filterMatchState: 'MATCH_FOUND', filterResults: {} }),
    expected: { action: 'BLOCKED' },
  },
  {
    name: 'something, without a word about the filters',
    reply: { sanitizationResult: { filterMatchState: 'MATCH_FOUND', filterResults: JAILBREAK } },
    expected: { action: 'BLOCKED', failure: undefined },
  },
  {
    name: 'something under a name that is new, beside data that it removes',
    reply: sanitized({ ...deidentified('[ALL]'), novel: { novelResult: MATCHED } }),
    expected: { action: 'BLOCKED', failure: undefined },
  },
  {
    name: 'nothing, with filters that did not run',
    reply: sanitized({}, PARTIAL),
    expected: { action: 'BLOCKED', failure: { kind: 'no_verdict' } },
  },
  {
    name: 'nothing, with no filter that ran',
    reply: sanitized({}, { invocationResult: 'FAILURE' }),
    expected: { action: 'BLOCKED', failure: { kind: 'no_verdict' } },
  },
  {
    name: 'nothing, without results of filters',
    reply: sanitized({}, { filterResults: {} }),
    expected: { action: 'BLOCKED', failure: { kind: 'no_verdict' } },
  },
  {
    name: 'nothing, with filters that may fail',
    reply: sanitized({}, { ...PARTIAL, sanitizationMetadata: { ignorePartialInvocationFailures: true } }),
    expected: { action: 'NONE', failure: undefined },
  },
  {
    name: 'nothing, with filters of which some may fail and all did',
    reply: sanitized(
      {},
      {
        invocationResult: 'FAILURE',
        sanitizationMetadata: { ignorePartialInvocationFailures: true },
      },
    ),
    expected: { failure: { kind: 'no_verdict' } },
  },
  {
    name: 'a jailbreak, with other filters that did not run',
    reply: sanitized(JAILBREAK, PARTIAL),
    expected: { action: 'BLOCKED', failure: undefined },
  },
  {
    name: 'data that it removes, with other filters that did not run',
    reply: sanitized(deidentified('[ALL]'), PARTIAL),
    expected: { failure: { kind: 'no_verdict' } },
  },
  {
    name: 'no word about the filters',
    reply: { sanitizationResult: { filterMatchState: 'NO_MATCH_FOUND' } },
    expected: { failure: { kind: 'wrong_shape', field: 'sanitizationResult.invocationResult' } },
  },
])('Model Armor finds $name', async ({ reply, expected }) => {
  for (const more of [{}, RESPONSE]) {
    // A bridge each: a failure that is repeated within a minute has no line of its own
    const { judge, lines } = await armored(json(reply));
    expect(await judge([TEXT], more)).toMatchObject(expected);
    expect(JSON.stringify(lines)).not.toContain('mara@example');
  }
});

test('a 403 of Google is a failure', async () => {
  const error = { code: 403, message: 'Permission denied', status: 'PERMISSION_DENIED' };
  const { judge } = await armored(json({ error }, 403));
  expect(await judge([TEXT])).toMatchObject({ failure: { kind: 'unauthorized', status: 403 } });
});

test('the texts of a call are asked together, and apart once something is removed', async () => {
  const { vendor, judge } = await armored(removesAddresses);
  expect(await judge(['Be kind.', 'Be brief.', TEXT])).toMatchObject({
    action: 'GUARDRAIL_INTERVENED',
    texts: ['Be kind.', 'Be brief.', 'Mail the bill to [EMAIL_ADDRESS]'],
  });
  expect(vendor.seen.map((request) => dataOf(request).text).toSorted()).toEqual(
    [`Be kind.\nBe brief.\n${TEXT}`, 'Be kind.', 'Be brief.', TEXT].toSorted(),
  );
});

test.each([
  {
    name: 'stays blocked where they stand together',
    texts: ['My card is', '4111111111111111'],
    action: 'BLOCKED',
  },
  {
    name: 'stays blocked beside what it removes from one',
    texts: ['Mail mara@example.org', 'my card is', '4111111111111111'],
    action: 'BLOCKED',
  },
  {
    name: 'is gone with what it removes from one',
    texts: ['My card is at mara@example.org', '4111111111111111'],
    action: 'GUARDRAIL_INTERVENED',
  },
])('what Model Armor finds in several texts alone $name', async ({ texts, action }) => {
  const { judge } = await armored((request, response) => {
    const text = String(dataOf(request).text);
    const left = text
      .replace(/(?<=card is[\s\S]*)\d{16}/i, '[CARD]')
      .replace(/(?:card is at )?mara@example\.org/, '[EMAIL_ADDRESS]');
    return json(sanitized(left === text ? {} : deidentified(left)))(request, response);
  });
  expect(await judge(texts)).toMatchObject({ action, failure: undefined });
});

test('a long text is asked in pieces, and comes back whole', async () => {
  const long = `${'plums and pears '.repeat(1500)}mara@example.org`;
  const { vendor, judge } = await armored(removesAddresses);
  expect(await judge([long])).toMatchObject({ texts: [long.replace('mara@example.org', '[EMAIL_ADDRESS]')] });
  expect(vendor.seen.length).toBe(Math.ceil(long.length / 8000));
});

const IMAGE = `data:image/png;base64,${'A'.repeat(600)}`;
const withPart = (part: object) => ({
  structured_messages: [{ role: 'user', content: [{ type: 'text', text: 'Look' }, part] }],
});
const file = (type: string, size = 600) => ({
  type: 'file',
  file: { file_data: `data:${type};base64,${'A'.repeat(size)}` },
});

test.each([
  { type: 'IMAGE', part: { type: 'image_url', image_url: { url: IMAGE } } },
  { type: 'PDF', part: file('application/pdf') },
  { type: 'CSV', part: file('text/csv') },
  {
    type: 'WORD_DOCUMENT',
    part: file('application/vnd.openxmlformats-officedocument.wordprocessingml.document'),
  },
])('a file of type $type is shown', async ({ type, part }) => {
  const { vendor, judge } = await armored((request, response) =>
    json(sanitized(dataOf(request).byteItem ? JAILBREAK : {}))(request, response),
  );
  expect(await judge(['Look'], withPart(part))).toMatchObject({ action: 'BLOCKED', failure: undefined });
  expect(vendor.seen.map(dataOf)).toContainEqual({
    byteItem: { byteDataType: type, byteData: 'A'.repeat(600) },
  });
});

test.each([
  { name: 'of more than 4 MiB', part: file('application/pdf', 5.7e6) },
  { name: 'of an unknown type', part: file('application/zip') },
  {
    name: 'behind an address',
    part: { type: 'image_url', image_url: { url: 'https://house.example/a.png' } },
  },
])('a file $name is no verdict', async ({ part }) => {
  const { judge } = await armored(CLEAN);
  expect(await judge(['Look'], withPart(part))).toMatchObject({ failure: { kind: 'no_verdict' } });
});

test('a file with data that is removed from texts is blocked', async () => {
  const { judge } = await armored((request, response) =>
    json(sanitized(dataOf(request).byteItem ? deidentified('') : {}))(request, response),
  );
  expect(await judge(['Look'], withPart(file('application/pdf')))).toMatchObject({
    action: 'BLOCKED',
    failure: undefined,
  });
});

test('files are left out with media: false, and counted', async () => {
  const { vendor, judge, metric } = await armored(CLEAN, { media: false });
  expect(await judge(['Look'], withPart(file('application/pdf')))).toMatchObject({ action: 'NONE' });
  expect(vendor.seen).toHaveLength(1);
  expect(await metric('unjudged_total{backend="house",content="media"}')).toBe(1);
});

test.each([
  { entry: { project: undefined }, message: /project/ },
  { entry: { template: 'a/b' }, message: /template: must be a name, such as front-door/ },
  { entry: { locaton: 'x' }, message: /locaton/ },
])('a mistake in the entry is told: $message', async ({ entry, message }) => {
  await expect(armored(CLEAN, entry)).rejects.toThrow(message);
});
