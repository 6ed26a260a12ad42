import { describe, expect, test } from 'vitest';
import { rbac } from '../../../src/policies/kinds/rbac.ts';
import { toolCall } from '../../support/call.ts';
import { callPolicy } from '../../support/call-policy.ts';

const by = (identity: Record<string, string>, fields: Record<string, unknown> = {}) => ({
  model: 'gpt-4o',
  request_data: Object.fromEntries(
    Object.entries(identity).map(([name, value]) => [`user_api_key_${name}`, value]),
  ),
  ...fields,
});
const offered = (name: string) => ({ tools: [{ type: 'function', function: { name } }] });

describe('who is known', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['nobody', {}, by({}), 'identity_missing deny-if-missing'],
    ['a user id', {}, by({ user_id: 'u' }), undefined],
    ['an end user', {}, by({ end_user_id: 'e' }), undefined],
    ['the header', {}, { request_headers: { 'x-user-id': '[present]' } }, undefined],
    ['an empty header', {}, { request_headers: { 'x-user-id': '' } }, 'identity_missing deny-if-missing'],
    ['an answer', {}, { input_type: 'response' }, undefined],
    [
      'another header',
      { deny_if_missing: ['X-Tenant'] },
      by({ user_id: 'u' }),
      'identity_missing deny-if-missing',
    ],
    [
      'that header',
      { deny_if_missing: ['X-Tenant'] },
      { request_headers: { 'x-tenant': '[present]' } },
      undefined,
    ],
    ['nothing required', { deny_if_missing: [] }, {}, undefined],
    [
      'nobody where someone must be',
      { deny_if_missing: [], require_auth: true },
      {},
      'identity_missing require-auth',
    ],
    ['a key', { deny_if_missing: [], require_auth: true }, by({ hash: 'h' }), undefined],
    ['a user', { deny_if_missing: [], require_auth: true }, by({ user_id: 'u' }), undefined],
  ])('%s', (_, options, fields, refusal) => {
    expect(callPolicy(rbac, options).check(fields)).toBe(refusal);
  });
});

describe('the role', () => {
  const roles = { reader: { allowed_models: ['gpt-4o*'] }, admin: {} };
  const assignments = [
    { role: 'admin', teams: ['ops', 't-1'], users: ['root@example.com'] },
    { role: 'admin', keys: ['key-admin'] },
    { role: 'admin', header: 'x-litellm-role' },
    { role: 'reader', header: 'X-Group: a:b' },
  ];
  const NO_ROLE = 'role_missing no-role';
  const NO_MODEL = 'model_not_allowed allowed-models';
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['team of the same name', {}, by({ user_id: 'u', team_alias: 'reader' }), NO_MODEL],
    ['team of the same name, other model', {}, by({ user_id: 'u', team_alias: 'admin' }), undefined],
    ['key of the same name', {}, by({ user_id: 'u', alias: 'admin' }), undefined],
    ['no role', {}, by({ user_id: 'u', team_alias: 'sales' }), NO_ROLE],
    ['a name every object has', {}, by({ user_id: 'u', team_alias: 'constructor' }), NO_ROLE],
    ['assigned to a team alias', { assignments }, by({ user_id: 'u', team_alias: 'ops' }), undefined],
    ['assigned to a team id', { assignments }, by({ user_id: 'u', team_id: 't-1' }), undefined],
    ['assigned to a key', { assignments }, by({ user_id: 'u', alias: 'key-admin' }), undefined],
    [
      'assigned to an address',
      { assignments },
      by({ user_id: 'u', user_email: 'root@example.com' }),
      undefined,
    ],
    ['not assigned', { assignments }, by({ user_id: 'u', team_alias: 'admin' }), NO_ROLE],
    ['by default', { assignments, default_role: 'reader' }, by({ user_id: 'u' }), NO_MODEL],
    ['only by default', { default_role: 'admin' }, by({ user_id: 'u', team_alias: 'reader' }), undefined],
    [
      'by header',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': 'admin' } }),
      undefined,
    ],
    [
      'another by header',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': 'x' } }),
      NO_ROLE,
    ],
    [
      'by a header not shown',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': '[present]' } }),
      NO_ROLE,
    ],
    [
      'by name and value',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-group': 'a:b' } }),
      NO_MODEL,
    ],
  ])('%s', (_, options, fields, refusal) => {
    const { check, failed } = callPolicy(rbac, { roles, ...options });
    expect(failed).toEqual([]);
    expect(check({ ...fields, model: 'claude-opus' })).toBe(refusal);
  });

  test.each([
    [
      { roles, default_role: 'raeder' },
      'default_role "raeder" is no role of this policy; did you mean reader?',
    ],
    [
      { roles, assignments: [{ role: 'admn', teams: ['x'] }] },
      'assignments[0].role "admn" is no role of this policy; did you mean admin?',
    ],
    [{ assignments: [{ role: 'a', teams: ['x'] }] }, 'assignments[0].role "a" is no role of this policy'],
    [
      { roles, assignments: [{ role: 'admin' }] },
      'assignments[0] is for nobody; set teams, keys, users or header',
    ],
    [
      { roles: { a: { denied_tools: ['x', '!(b)'] } } },
      'roles.a.denied_tools[1] is no glob that runs in linear time; !(...) is not known here',
    ],
  ])('a mistake is named: %j', (options, message) => {
    expect(callPolicy(rbac, options).failed).toEqual([message]);
  });
});

describe('what a role may do', () => {
  const check = (role: Record<string, unknown>, fields: Record<string, unknown>) =>
    callPolicy(rbac, { roles: { dev: role }, default_role: 'dev', deny_if_missing: [] }).check(fields);

  test.each<[string, string[], unknown, string | undefined]>([
    ['a model', ['gpt-4o'], 'gpt-4o', undefined],
    ['a glob', ['gpt-*'], 'gpt-4o-mini', undefined],
    ['a name with a slash', ['openai/*'], 'openai/gpt/4', undefined],
    ['a longer name', ['gpt-4o'], 'gpt-4o-mini', 'model_not_allowed allowed-models'],
    ['another', ['gpt-*'], 'openai/gpt-4o', 'model_not_allowed allowed-models'],
    ['none allowed', [], 'gpt-4o', 'model_not_allowed allowed-models'],
    ['a model that is not said', ['gpt-*'], null, 'model_not_allowed model-unknown'],
  ])('model: %s', (_, allowed_models, model, refusal) => {
    expect(check({ allowed_models }, { model })).toBe(refusal);
    expect(
      check({ allowed_models }, { model, input_type: 'response', tool_calls: [toolCall('{}')] }),
    ).toBeUndefined();
  });

  const TOO_MANY = 'max_tokens_exceeded max-tokens-per-request';
  test.each([
    ['not said', {}, undefined],
    ['few', { max_tokens: 100 }, undefined],
    ['many', { max_tokens: 101 }, TOO_MANY],
    ['many by the other name', { max_tokens: 1, max_completion_tokens: 101 }, TOO_MANY],
    ['many as text', { max_tokens: '101' }, TOO_MANY],
    ['no number', { max_tokens: 'lots' }, undefined],
  ])('tokens: %s', (_, additional_provider_specific_params, refusal) => {
    expect(check({ max_tokens_per_request: 100 }, { additional_provider_specific_params })).toBe(refusal);
  });

  const lists = { allowed_tools: ['search.*', 'look_up', 'web_search'], denied_tools: ['search.secret*'] };
  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['offered', offered('search.web'), undefined],
    ['offered, not allowed', offered('shell'), 'tool_not_allowed offered-tool'],
    ['offered, denied', offered('search.secrets'), 'tool_not_allowed offered-tool'],
    ['of the provider', { tools: [{ type: 'web_search' }] }, undefined],
    [
      'of the provider, not allowed',
      { tools: [{ type: 'code_interpreter' }] },
      'tool_not_allowed offered-tool',
    ],
    ['flat', { tools: [{ type: 'function', name: 'shell' }] }, 'tool_not_allowed offered-tool'],
    ['custom', { tools: [{ type: 'custom', custom: { name: 'shell' } }] }, 'tool_not_allowed offered-tool'],
    ['no object', { tools: ['shell'] }, 'tool_not_allowed offered-tool'],
    ['called', { input_type: 'response', tool_calls: [toolCall('{}', 'look_up')] }, undefined],
    [
      'called, not allowed',
      { input_type: 'response', tool_calls: [toolCall('{}', 'shell')] },
      'tool_not_allowed tool-call',
    ],
    ['called before', { tool_calls: [toolCall('{}', 'shell')] }, 'tool_not_allowed tool-call'],
    [
      'a name too long to match',
      { input_type: 'response', tool_calls: [toolCall('{}', `search.${'x'.repeat(300)}`)] },
      'tool_not_allowed tool-call',
    ],
  ])('tool: %s', (_, fields, refusal) => {
    expect(check(lists, fields)).toBe(refusal);
  });

  test('a name too long to match is not let past a list of denied ones', () => {
    expect(check({ denied_tools: ['shell*'] }, offered(`shell${'x'.repeat(300)}`))).toBe(
      'tool_not_allowed offered-tool',
    );
  });

  test('a call in an answer needs a role, a text does not', () => {
    const { check } = callPolicy(rbac, { roles: { dev: {} } });
    expect(check({ input_type: 'response', texts: ['hello'] })).toBeUndefined();
    expect(check({ input_type: 'response', tool_calls: [toolCall('{}')] })).toBe('role_missing no-role');
  });
});

test('what cannot be applied is said', () => {
  const { warned } = callPolicy(rbac, {
    roles: { dev: { max_tokens_per_request: 1 } },
    data_access: { dev: { max_sensitivity: 'confidential' } },
    minimum_necessary: { enabled: false },
  });
  expect(warned).toHaveLength(3);
  expect(warned.join()).toMatch(/data_access .*minimum_necessary .*roles\.dev\.max_tokens_per_request /);
});
