import { describe, expect, test } from 'vitest';
import { readPolicyFile } from '../../src/policies/file/load.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { recordRulesOf } from '../../src/policies/receivers.ts';
import { RecordRules } from '../../src/records/record-rules.ts';

/** As the records thread is given them: plain data. */
function rulesOf(rules: readonly object[]): RecordRules {
  const text = JSON.stringify({
    policies: { chain: ['secrets'] },
    rules: rules.map((rule, i) => ({ name: `rule-${i}`, trusted: true, ...rule })),
  });
  const file = readPolicyFile(text, kinds, (_, make) => make());
  return new RecordRules(structuredClone(recordRulesOf(file.rules)));
}

function receiversOf(rules: RecordRules, event: object): string {
  const receivers = rules.receivers({ ...event });
  if (receivers === undefined) return 'all';
  return receivers.length === 0 ? 'none' : receivers.join(' ');
}

const HASH = 'a1'.repeat(32);
/** The metadata that LiteLLM logs of a caller: names that it has none of are null. */
const metadata = (fields: object) => ({
  user_api_key_hash: HASH,
  ...{ user_api_key_alias: null, user_api_key_team_id: null, user_api_key_team_alias: null },
  ...{ user_api_key_user_id: null, user_api_key_user_email: null, user_api_key_end_user_id: null },
  ...{ requester_metadata: null, requester_custom_headers: {} },
  ...fields,
});
const event = (fields: object, more: object = {}) => ({
  ...{ model: 'openai/gpt-4o', model_group: 'house-model', end_user: null },
  ...more,
  metadata: metadata(fields),
});

test('without a rule about records all of them go to everybody', () => {
  const rules = rulesOf([{ match: { team: 'payments' }, backends: [] }]);
  expect(rules.areAny).toBe(false);
  expect(receiversOf(rules, event({}))).toBe('all');
});

describe('an event is matched by its', () => {
  test.each<{ match: object; those: readonly object[]; others: readonly object[] }>([
    {
      match: { team: 'legal' },
      those: [event({ user_api_key_team_id: 'legal' }), event({ user_api_key_team_alias: 'Legal' })],
      others: [event({ user_api_key_team_alias: 'open' }), event({ user_api_key_alias: 'legal' })],
    },
    {
      match: { key: 'a1a1a1a1*' },
      those: [event({})],
      others: [event({ user_api_key_hash: 'b2'.repeat(32) })],
    },
    {
      match: { key_alias: 'quiet-*' },
      those: [event({ user_api_key_alias: 'quiet-1' })],
      others: [event({ user_api_key_alias: 'loud' })],
    },
    {
      match: { user: '*@example.org' },
      those: [event({ user_api_key_user_email: 'ada@example.org' })],
      others: [event({ user_api_key_user_id: 'ada' })],
    },
    {
      match: { end_user: 'guest-7' },
      those: [event({ user_api_key_end_user_id: 'guest-7' }), event({}, { end_user: 'guest-7' })],
      others: [event({}, { end_user: 'guest-8' })],
    },
    {
      match: { model: 'house-*' },
      those: [event({}), event({}, { model: 'house-model', model_group: null })],
      others: [
        event({}, { model_group: 'gpt-4o' }),
        event({}, { call_type: 'call_mcp_tool', model: 'MCP: lookup', model_group: null }),
      ],
    },
    {
      match: { header: { 'X-Quiet': 'yes' } },
      those: [
        event({ requester_custom_headers: { 'x-quiet': 'yes' } }),
        event({ requester_metadata: { headers: { 'X-Quiet': 'yes' } } }),
        event({}, { request_headers: { 'x-quiet': 'YES' } }),
      ],
      others: [event({ requester_custom_headers: { 'x-quiet': 'no' } }), event({})],
    },
    {
      match: { team: 'legal', header: { 'user-agent': 'robot/*' } },
      those: [
        event({
          user_api_key_team_id: 'legal',
          requester_metadata: { headers: { 'user-agent': 'robot/2' } },
        }),
      ],
      others: [
        event({ user_api_key_team_id: 'legal', requester_metadata: { headers: { host: 'proxy' } } }),
        // Another team, whatever its headers
        event({ user_api_key_team_id: 'open', requester_metadata: null }),
      ],
    },
  ])('$match', ({ match, those, others }) => {
    const rules = rulesOf([{ match, records: 'none' }]);
    for (const one of those) expect([receiversOf(rules, one), one]).toEqual(['none', one]);
    for (const one of others) expect([receiversOf(rules, one), one]).toEqual(['all', one]);
  });
});

describe('an event that does not tell', () => {
  const nobody = { model_group: 'house-model', metadata: {} };
  const bare = event({ requester_custom_headers: null });

  test.each<[string, object, object]>([
    ['whose it is', { team: 'legal' }, nobody],
    ['whose it is, of an end user', { end_user: 'guest-7' }, nobody],
    ['anything of its caller', { key_alias: 'quiet' }, { model_group: 'house-model', metadata: 'redacted' }],
    ['its headers', { header: { 'x-quiet': 'yes' } }, bare],
    ['other headers than x-', { header: { 'user-agent': 'robot' } }, event({})],
    [
      'the value of a header',
      { header: { 'x-quiet': 'yes' } },
      event({}, { request_headers: { 'x-quiet': '[present]' } }),
    ],
    [
      'credentials',
      { header: { 'x-api-key': 'k' } },
      event({ requester_metadata: { headers: { host: 'proxy' } } }),
    ],
    ['the model that was asked for', { model: 'house-quiet' }, event({}, { model_group: null })],
    ['a side of the call', { input_type: 'response' }, event({})],
  ])('%s leaves no record where the rule may leave it out', (_, match, untold) => {
    expect(receiversOf(rulesOf([{ match, records: 'none' }]), untold)).toBe('none');
    // The rules below do not matter then, nor is it kept by the one above
    const later = [{ match, records: 'none' }, { records: ['akto'] }];
    expect(receiversOf(rulesOf(later), untold)).toBe('none');
    expect(receiversOf(rulesOf([{ match: { team: 'open' } }, ...later]), untold)).toBe('none');
  });

  test('goes to those alone that get it either way', () => {
    const rules = rulesOf([
      { match: { team: 'payments' }, records: ['akto-payments', 'archive'] },
      { match: { team: 'legal' }, records: ['akto-legal', 'archive'] },
      { records: ['akto', 'archive'] },
    ]);
    expect(receiversOf(rules, nobody)).toBe('archive');
    expect(receiversOf(rules, event({ user_api_key_team_alias: 'payments' }))).toBe('akto-payments archive');
    expect(receiversOf(rules, event({ user_api_key_team_alias: 'open' }))).toBe('akto archive');
  });
});
