import { describe, expect, onTestFinished, test } from 'vitest';
import { presidio } from '../../../src/backends/presidio/presidio.ts';
import { adapter, redacted, setUp } from '../../support/adapter.ts';
import { analyzed, analyzer } from '../../support/analyzer.ts';
import { testBridge } from '../../support/bridge.ts';
import { callOf } from '../../support/call.ts';
import { fakeBackend } from '../../support/closing.ts';
import { json, type Reply } from '../../support/fake-backend.ts';
import { incrementalDiff } from '../../support/incremental-diff.ts';
import { policyFile } from '../../support/policy-file.ts';

const DANA = 'Call Dana Roe at 212-555-0147';

describe('a request to the analyzer', () => {
  test('has all texts in one list, and the language', async () => {
    const { vendor, ask } = await adapter(presidio, json([[], []]));
    await ask(callOf({ texts: ['Call Dana Roe', '  ', 'no names here'] }));
    expect(vendor.seen.map(({ path, body }) => [path, body])).toEqual([
      ['/analyze', { text: ['Call Dana Roe', 'no names here'], language: 'en' }],
    ]);
  });

  test('has the options, each under its own name', async () => {
    const recognizer = {
      ...{ name: 'Employee id', supported_language: 'de', supported_entity: 'EMPLOYEE_ID' },
      patterns: [{ name: 'emp', regex: 'EMP-\\d{6}', score: 0.9 }],
    };
    const options = {
      ...{ language: 'de', score_threshold: 0.4, entities: { PERSON: 'mask', EMPLOYEE_ID: 'BLOCK' } },
      ...{ allow_list: ['Acme'], allow_list_match: 'exact', ad_hoc_recognizers: [recognizer] },
    };
    const { ask, sent } = await adapter(presidio, json([[]]), { options });
    await ask(callOf({ texts: [DANA] }));
    expect(sent()).toEqual({ ...options, text: [DANA], entities: ['PERSON', 'EMPLOYEE_ID'] });
  });

  test('has a secret for a proxy before it, if there is one', async () => {
    const { vendor, ask } = await adapter(presidio, json([[]]), { secret: 'proxy-key' });
    await ask(callOf({ texts: ['plums'] }));
    expect(vendor.seen[0]?.headers.authorization).toBe('Bearer proxy-key');
  });
});

describe('what the analyzer finds', () => {
  test.each([
    {
      name: 'each finding gets its marker',
      text: DANA,
      findings: [analyzed('PERSON', 5, 13), analyzed('PHONE_NUMBER', 17, 29, 0.75)],
      is: 'Call <PERSON> at <PHONE_NUMBER>',
    },
    {
      name: 'places count code points',
      text: '👋🏽 Call Dana Roe at 212-555-0147',
      findings: [analyzed('PHONE_NUMBER', 20, 32, 0.75)],
      is: '👋🏽 Call Dana Roe at <PHONE_NUMBER>',
    },
    {
      name: 'what lies within another finding goes with it',
      text: 'mail dana@example.org now',
      findings: [analyzed('URL', 10, 21, 0.99), analyzed('EMAIL_ADDRESS', 5, 21, 0.5)],
      is: 'mail <EMAIL_ADDRESS> now',
    },
    {
      name: 'a run is called as the best of those that none contains',
      text: 'Rua Dana Roe Lisbon',
      findings: [analyzed('PERSON', 4, 12, 0.6), analyzed('LOCATION', 0, 8, 0.8), analyzed('NRP', 9, 12, 1)],
      is: '<LOCATION> Lisbon',
    },
    {
      name: 'of two names for one place the better one counts',
      text: 'Dana',
      findings: [analyzed('LOCATION', 0, 4, 0.6), analyzed('PERSON', 0, 4, 0.7)],
      is: '<PERSON>',
    },
    {
      name: 'findings that only touch stay two',
      text: 'DanaLisbon',
      findings: [analyzed('LOCATION', 4, 10), analyzed('PERSON', 0, 4)],
      is: '<PERSON><LOCATION>',
    },
  ])('$name', async ({ text, findings, is }) => {
    const { ask } = await adapter(presidio, json([findings]));
    expect(redacted(await ask(callOf({ texts: [text] })))).toEqual({ [text]: is });
  });

  test('is told for each text of a list', async () => {
    const { ask } = await adapter(presidio, json([[analyzed('PERSON', 5, 13)], []]));
    const verdict = await ask(callOf({ texts: ['Call Dana Roe', 'no names here'] }));
    expect(redacted(verdict)).toEqual({ 'Call Dana Roe': 'Call <PERSON>' });
  });

  test('is told by spans too', async () => {
    const { ask } = await adapter(presidio, analyzer({ Dana: 'PERSON' }));
    const verdict = await ask(callOf({ texts: ['👋 Dana'] }));
    const edits = verdict.kind === 'modify' && [...(verdict.edits?.values() ?? [])];
    expect(edits).toEqual([[{ start: 3, end: 7, text: '<PERSON>' }]]);
  });

  test('in responses and tool calls is redacted as well', async () => {
    const { ask } = await adapter(presidio, analyzer({ Dana: 'PERSON' }));
    const tool_calls = [
      { id: 'call_1', type: 'function', function: { name: 'mail', arguments: '{"to":"Dana"}' } },
    ];
    const verdict = await ask(callOf({ input_type: 'response', texts: ['for Dana'], tool_calls }));
    expect(redacted(verdict)).toEqual({ 'for Dana': 'for <PERSON>', '{"to":"Dana"}': '{"to":"<PERSON>"}' });
  });

  test('denies if its entity is blocked', async () => {
    const options = { entities: { PERSON: 'mask', US_SSN: 'block' } };
    const { ask } = await adapter(presidio, analyzer({ Dana: 'PERSON', '078-05-1120': 'US_SSN' }), {
      options,
    });
    expect(await ask(callOf({ texts: ['Dana'] }))).toMatchObject({ kind: 'modify' });
    expect(await ask(callOf({ texts: ['Dana', 'is 078-05-1120'] }))).toEqual({
      kind: 'block',
      reason: 'Blocked entity detected: US_SSN',
      categories: ['US_SSN'],
    });
  });

  test.each([
    { score_threshold: 0.85, entities: ['PERSON'] },
    { score_threshold: 0.86, entities: [] },
    { score_threshold: { ALL: 0.8 }, entities: ['PERSON'] },
    { score_threshold: { ALL: 0.8, PHONE_NUMBER: 0.7 }, entities: ['PERSON', 'PHONE_NUMBER'] },
    { score_threshold: { PERSON: 0.9 }, entities: ['PHONE_NUMBER'] },
  ])('counts from its threshold on: $score_threshold', async ({ score_threshold, entities }) => {
    const reply = json([[analyzed('PERSON', 5, 13, 0.85), analyzed('PHONE_NUMBER', 17, 29, 0.75)]]);
    const { ask, sent } = await adapter(presidio, reply, { options: { score_threshold } });
    const verdict = await ask(callOf({ texts: [DANA] }));
    const left = verdict.kind === 'modify' ? redacted(verdict)[DANA] : DANA;
    expect(left?.match(/[A-Z]+_?[A-Z]+(?=>)/g) ?? []).toEqual(entities);
    // Thresholds of single entities the analyzer does not know
    expect(sent().score_threshold).toBe(typeof score_threshold === 'number' ? score_threshold : undefined);
  });

  test.each([
    { name: 'behind the end', findings: [[analyzed('PERSON', 0, 99)]] },
    {
      name: 'behind the end of a text with an emoji',
      text: '👋 Dana',
      findings: [[analyzed('PERSON', 2, 7)]],
    },
    { name: 'that ends before it begins', findings: [[analyzed('PERSON', 3, 2)]] },
    { name: 'without a name', findings: [[{ ...analyzed('', 0, 1) }]] },
    { name: 'without a score', findings: [[{ entity_type: 'PERSON', start: 0, end: 1 }]] },
    { name: 'for more texts than there are', findings: [[], []] },
    { name: 'without a list for the text', findings: [analyzed('PERSON', 0, 1)] },
  ])('$name is another shape', async ({ findings, text = DANA }) => {
    const { failure } = await adapter(presidio, json(findings));
    expect(await failure(callOf({ texts: [text] }))).toMatchObject({ kind: 'wrong_shape' });
  });
});

test('an error of the analyzer is a failure', async () => {
  const { failure } = await adapter(presidio, json({ error: 'No language provided' }, 500));
  expect(await failure(callOf({ texts: [DANA] }))).toEqual({ kind: 'http_status', status: 500 });
});

test('a request that fails hides nothing of what others find', async () => {
  const long = 'plums and pears '.repeat(30_000);
  const finds = analyzer({ Dana: 'PERSON' });
  const reply: Reply = (request, response) => {
    const isFirst = (request.body as { text: string[] }).text[0]?.startsWith('first') === true;
    return (isFirst ? json({}, 500) : finds)(request, response);
  };
  const { vendor, ask, failure } = await adapter(presidio, reply, {
    options: { entities: { PERSON: 'block' } },
  });
  const texts = [`first ${long}`, `${long}second`, `${long}third`];
  expect(await failure(callOf({ texts }))).toEqual({ kind: 'http_status', status: 500 });
  const requests = vendor.seen.length;
  expect(requests).toBeGreaterThan(2);
  expect(await ask(callOf({ texts: [...texts, `${long}Dana`] }))).toMatchObject({ kind: 'block' });
});

test('long texts are cut, and what lies where they are cut is found', async () => {
  const { vendor, ask } = await adapter(presidio, analyzer({ 'Dana Roe': 'PERSON' }));
  // The name lies across the first cut, behind letters of two units
  const text = `${'👋'.repeat(50_000)}${'x'.repeat(99_996)}Dana Roe${'y'.repeat(300_000)} Dana Roe`;
  const verdict = await ask(callOf({ texts: [text] }));
  expect(redacted(verdict)[text]).toBe(text.replaceAll('Dana Roe', '<PERSON>'));
  const pieces = vendor.seen.flatMap(({ body }) => (body as { text: string[] }).text);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(200_000);
  expect(pieces).toHaveLength(3);
  expect(vendor.seen).toHaveLength(2);
});

test('a stream shows nothing of what is found in it, and is sent once', async () => {
  const vendor = await fakeBackend(analyzer({ 'Dana Roe': 'PERSON' }));
  const entry = { name: 'house-presidio', kind: 'presidio', url: vendor.url, timeout: 20 };
  const bridge = testBridge({ POLICY_FILE: policyFile({ policies: { chain: [] }, backends: [entry] }) });
  onTestFinished(() => bridge.close());
  const text = 'The 👋🏽 order of Dana Roe left on Monday. It goes to a depot. '.repeat(30);
  const signs = [...text];
  const client = incrementalDiff();
  for (let end = 7; ; end = Math.min(signs.length, end + 7)) {
    const { reply } = await bridge.ask({
      ...{ input_type: 'response', litellm_call_id: 'call-1', litellm_version: '1.110.2', model: 'm' },
      texts: [signs.slice(0, end).join('')],
      additional_provider_specific_params: { stream: true, streaming_transform_mode: 'incremental_diff' },
    });
    const { texts, stream_holdback_chars: holdback } = reply as Record<string, unknown[] | undefined>;
    const isFinal = end === signs.length;
    client.round(`${texts?.[0] ?? signs.slice(0, end).join('')}`, Number(holdback?.[0] ?? 0), isFinal);
    expect(client.shown()).not.toMatch(/Dana|Roe/);
    if (isFinal) break;
  }
  expect(client.shown()).toBe(text.replaceAll('Dana Roe', '<PERSON>'));
  const sent = vendor.seen.flatMap(({ body }) => (body as { text: string[] }).text);
  expect(Math.max(...sent.map(({ length }) => length))).toBeLessThan(200);
});

test('no cut goes through a pair', async () => {
  const { vendor, ask } = await adapter(presidio, analyzer({}));
  await ask(callOf({ texts: [`x${'👋'.repeat(150_000)}`] }));
  for (const { text } of vendor.seen) expect(text).not.toMatch(/\\ud/i);
});

test.each([
  { language: 'English' },
  { score_threshold: 2 },
  { entities: { EMAIL_ADDRESS: 'hash' } },
  { entities: { email: 'mask' } },
  { allow_list: 'Acme' },
])('the options %j are refused', (options) => {
  expect(() => setUp(presidio, options)).toThrow();
});
