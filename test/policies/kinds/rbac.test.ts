import * as v from 'valibot';
import { describe, expect, test, vi } from 'vitest';
import { agentFirewall } from '../../../src/policies/kinds/agent-firewall.ts';
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

describe('rbac on identity', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['refuses a caller without any identity', {}, by({}), 'identity_missing deny-if-missing'],
    ['passes a caller with a user id', {}, by({ user_id: 'u' }), undefined],
    ['passes a caller with an end user', {}, by({ end_user_id: 'e' }), undefined],
    ['passes a caller with the header', {}, { request_headers: { 'x-user-id': '[present]' } }, undefined],
    [
      'refuses a caller with an empty header',
      {},
      { request_headers: { 'x-user-id': '' } },
      'identity_missing deny-if-missing',
    ],
    ['judges no response', {}, { input_type: 'response' }, undefined],
    [
      'refuses a caller without the header that is required',
      { deny_if_missing: ['X-Tenant'] },
      by({ user_id: 'u' }),
      'identity_missing deny-if-missing',
    ],
    [
      'passes a caller with the header that is required',
      { deny_if_missing: ['X-Tenant'] },
      { request_headers: { 'x-tenant': '[present]' } },
      undefined,
    ],
    ['passes everybody where nothing is required', { deny_if_missing: [] }, {}, undefined],
    [
      'refuses a caller without a key under require_auth',
      { deny_if_missing: [], require_auth: true },
      {},
      'identity_missing require-auth',
    ],
    [
      'passes a caller with a key under require_auth',
      { deny_if_missing: [], require_auth: true },
      by({ hash: 'h' }),
      undefined,
    ],
    [
      'refuses a caller with only an end user under require_auth',
      { deny_if_missing: [], require_auth: true },
      by({ end_user_id: 'e' }),
      'identity_missing require-auth',
    ],
    [
      'passes a caller with a user under require_auth',
      { deny_if_missing: [], require_auth: true },
      by({ user_id: 'u' }),
      undefined,
    ],
  ])('%s', (_, options, fields, refusal) => {
    expect(callPolicy(rbac, options).check(fields)).toBe(refusal);
  });
});

describe('rbac takes the role', () => {
  const roles = { reader: { allowed_models: ['gpt-4o*'] }, admin: {} };
  const hash = 'a1'.repeat(32);
  const assignments = [
    { role: 'admin', teams: ['ops', 't-1'], users: ['root@example.com', 'straße'] },
    { role: 'admin', keys: [hash] },
    { role: 'admin', key_aliases: ['key-admin'], trusted: true },
    { role: 'admin', header: 'x-litellm-role', trusted: true },
    { role: 'reader', header: 'X-Group: a:b', trusted: true },
  ];
  const NO_ROLE = 'role_missing no-role';
  const NO_MODEL = 'model_not_allowed allowed-models';
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['of a team by its name', {}, by({ user_id: 'u', team_alias: 'reader' }), NO_MODEL],
    ['of another team by its name', {}, by({ user_id: 'u', team_alias: 'admin' }), undefined],
    ['of a team by its name in capitals', {}, by({ user_id: 'u', team_alias: 'ADMIN' }), undefined],
    [
      'of nobody by the alias of a key, which its maker chooses',
      {},
      by({ user_id: 'u', alias: 'admin', hash: 'admin' }),
      NO_ROLE,
    ],
    ['of nobody where no name is one', {}, by({ user_id: 'u', team_alias: 'sales' }), NO_ROLE],
    [
      'of nobody for a name that every object has',
      {},
      by({ user_id: 'u', team_alias: 'constructor' }),
      NO_ROLE,
    ],
    ['that is assigned to a team alias', { assignments }, by({ user_id: 'u', team_alias: 'ops' }), undefined],
    ['that is assigned to a team id', { assignments }, by({ user_id: 'u', team_id: 't-1' }), undefined],
    ['that is assigned to a key', { assignments }, by({ user_id: 'u', hash }), undefined],
    [
      'of nobody for the hash of a key as an alias',
      { assignments },
      by({ user_id: 'u', alias: hash }),
      NO_ROLE,
    ],
    ['that is assigned to an alias', { assignments }, by({ user_id: 'u', alias: 'key-admin' }), undefined],
    ['that is assigned to a user in capitals', { assignments }, by({ user_id: 'STRASSE' }), undefined],
    [
      'of nobody for a user of that name with a letter that shows nothing',
      { assignments },
      by({ user_id: 'strasse\u200b' }),
      NO_ROLE,
    ],
    [
      'that is assigned to an e-mail address',
      { assignments },
      by({ user_id: 'u', user_email: 'root@example.com' }),
      undefined,
    ],
    [
      'of nobody for the end user that a client writes, where that is the name of a user',
      { assignments },
      by({ user_id: 'u', end_user_id: 'root@example.com' }),
      NO_ROLE,
    ],
    [
      'that is assigned to an end user',
      { assignments: [{ role: 'admin', end_users: ['app-7'], trusted: true }] },
      by({ user_id: 'u', end_user_id: 'app-7' }),
      undefined,
    ],
    [
      'of nobody for a user with the name of an end user',
      { assignments: [{ role: 'admin', end_users: ['app-7'], trusted: true }] },
      by({ user_id: 'app-7' }),
      NO_ROLE,
    ],
    [
      'of nobody where a name is not assigned',
      { assignments },
      by({ user_id: 'u', team_alias: 'admin' }),
      NO_ROLE,
    ],
    ['that is the default', { assignments, default_role: 'reader' }, by({ user_id: 'u' }), NO_MODEL],
    [
      'that is the default, where no name is assigned',
      { default_role: 'admin' },
      by({ user_id: 'u', team_alias: 'reader' }),
      undefined,
    ],
    [
      'in a header',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': 'Admin' } }),
      undefined,
    ],
    [
      'of nobody where a header names none',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': 'x' } }),
      NO_ROLE,
    ],
    [
      'of nobody where LiteLLM hides the header',
      { assignments },
      by({ user_id: 'u' }, { request_headers: { 'x-litellm-role': '[present]' } }),
      NO_ROLE,
    ],
    [
      'that is assigned to a header with a value',
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
      'assignments[0] is for nobody; set teams, keys, key_aliases, users, end_users or header',
    ],
    [
      { roles, assignments: [{ role: 'admin', keys: [hash, 'ci-key'] }] },
      'assignments[0].keys[1] "ci-key" is no hash of a key (64 hexadecimal digits); an alias, which whoever makes the key chooses, goes under key_aliases',
    ],
    [
      { roles, assignments: [{ role: 'admin', teams: ['x'], header: 'x-role' }] },
      'assignments[0].header "x-role" gives a role to whoever sends it; give it to teams, keys or users, or add trusted: true if something before LiteLLM replaces the header',
    ],
    ...['x-role:', 'x-role: ', ':admin', ' '].map((header): [object, string] => [
      { roles, assignments: [{ role: 'admin', header, trusted: true }] },
      `assignments[0].header "${header}" is no name of a header, nor one with a value, as x-role: admin is`,
    ]),
    [
      { roles: { a: { denied_tools: ['x', '!(b)'] } } },
      'roles.a.denied_tools[1] is no glob that runs in linear time; !(...) is not known here',
    ],
  ])('refuses %j', (options, message) => {
    expect(callPolicy(rbac, options).failed).toEqual([message]);
  });
});

test('rbac gives the first of the roles that are assigned to a caller, by whichever of its names', () => {
  const { check } = callPolicy(rbac, {
    roles: { none: { allowed_models: [] }, all: {} },
    assignments: [
      { role: 'all', teams: ['a'] },
      { role: 'none', users: ['ada'] },
      { role: 'all', header: 'X-Role: b', trusted: true },
      { role: 'none', header: 'x-role: c', trusted: true },
      { role: 'all', teams: ['b'], users: ['ADA', 'bob'] },
    ],
  });
  const isRefused = (user_id: string, team_alias: string, role?: string) =>
    check(by({ user_id, team_alias }, role === undefined ? {} : { request_headers: { 'X-ROLE': role } })) !==
    undefined;
  expect(isRefused('ada', 'a')).toBe(false);
  expect(isRefused('ada', 'b')).toBe(true);
  expect(isRefused('bob', 'b')).toBe(false);
  expect(isRefused('cem', '-', 'B')).toBe(false);
  expect(isRefused('bob', '-', 'C')).toBe(true);
  expect(isRefused('bob', 'A', 'C')).toBe(false);
  expect(isRefused('cem', '-', '')).toBe(true);
});

test('rbac folds a name as often with a thousand assignments as with one', () => {
  const foldsWith = (count: number) => {
    const assignments = Array.from({ length: count }, (_, n) => ({ role: 'a', users: [`user-${n}`] }));
    const { check } = callPolicy(rbac, { roles: { a: {} }, assignments });
    const normalize = vi.spyOn(String.prototype, 'normalize');
    check(by({ user_id: 'ädam', end_user_id: 'é'.repeat(100_000) }));
    const { length } = normalize.mock.calls;
    normalize.mockRestore();
    return length;
  };
  expect(foldsWith(1)).toBeGreaterThan(0);
  expect(foldsWith(1000)).toBe(foldsWith(1));
});

test.each(['rbac', 'agent-firewall'])('no role of %s is one without a name', (kind) => {
  const options = kind === 'rbac' ? rbac.options : agentFirewall.options;
  const roles = { '': {} };
  expect(v.safeParse(options, kind === 'rbac' ? { roles } : { tools: { roles } }).success).toBe(false);
});

describe('a role of rbac', () => {
  const check = (role: Record<string, unknown>, fields: Record<string, unknown>) =>
    callPolicy(rbac, { roles: { dev: role }, default_role: 'dev', deny_if_missing: [] }).check(fields);

  test.each<[string, string[], unknown, string | undefined]>([
    ['may use a model by its name', ['gpt-4o'], 'gpt-4o', undefined],
    ['may use a model by a glob', ['gpt-*'], 'gpt-4o-mini', undefined],
    ['may use a model with a slash in its name', ['openai/*'], 'openai/gpt/4', undefined],
    [
      'may not use a model that only begins alike',
      ['gpt-4o'],
      'gpt-4o-mini',
      'model_not_allowed allowed-models',
    ],
    ['may not use another model', ['gpt-*'], 'openai/gpt-4o', 'model_not_allowed allowed-models'],
    ['may use no model where the list is empty', [], 'gpt-4o', 'model_not_allowed allowed-models'],
    ['may not use a model that is not named', ['gpt-*'], null, 'model_not_allowed model-unknown'],
  ])('%s', (_, allowed_models, model, refusal) => {
    expect(check({ allowed_models }, { model })).toBe(refusal);
    expect(
      check({ allowed_models }, { model, input_type: 'response', tool_calls: [toolCall('{}')] }),
    ).toBeUndefined();
  });

  const TOO_MANY = 'max_tokens_exceeded max-tokens-per-request';
  test.each([
    ['may leave the number of tokens open', {}, undefined],
    ['may ask for as many tokens as allowed', { max_tokens: 100 }, undefined],
    ['may not ask for more tokens', { max_tokens: 101 }, TOO_MANY],
    [
      'may not ask for more tokens by the other name',
      { max_tokens: 1, max_completion_tokens: 101 },
      TOO_MANY,
    ],
    ['may not ask for more tokens in a text', { max_tokens: '101' }, TOO_MANY],
    ['may write nonsense for the number of tokens', { max_tokens: 'lots' }, undefined],
  ])('%s', (_, additional_provider_specific_params, refusal) => {
    expect(check({ max_tokens_per_request: 100 }, { additional_provider_specific_params })).toBe(refusal);
  });

  const lists = { allowed_tools: ['search.*', 'look_up', 'web_search'], denied_tools: ['search.secret*'] };
  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['may offer an allowed tool', offered('search.web'), undefined],
    ['may not offer another tool', offered('shell'), 'tool_not_allowed offered-tool'],
    ['may not offer a denied tool', offered('search.secrets'), 'tool_not_allowed offered-tool'],
    ['may offer a tool of the provider', { tools: [{ type: 'web_search' }] }, undefined],
    [
      'may not offer another tool of the provider',
      { tools: [{ type: 'code_interpreter' }] },
      'tool_not_allowed offered-tool',
    ],
    [
      'may not offer another tool in the form of Responses',
      { tools: [{ type: 'function', name: 'shell' }] },
      'tool_not_allowed offered-tool',
    ],
    [
      'may not offer another custom tool',
      { tools: [{ type: 'custom', custom: { name: 'shell' } }] },
      'tool_not_allowed offered-tool',
    ],
    ['may not offer a tool that is no object', { tools: ['shell'] }, 'tool_not_allowed offered-tool'],
    [
      'may get a call of an allowed tool',
      { input_type: 'response', tool_calls: [toolCall('{}', 'look_up')] },
      undefined,
    ],
    [
      'may not get a call of another tool',
      { input_type: 'response', tool_calls: [toolCall('{}', 'shell')] },
      'tool_not_allowed tool-call',
    ],
    [
      'may not send a call of another tool',
      { tool_calls: [toolCall('{}', 'shell')] },
      'tool_not_allowed tool-call',
    ],
    [
      'may not get a call with a name that is too long to match',
      { input_type: 'response', tool_calls: [toolCall('{}', `search.${'x'.repeat(300)}`)] },
      'tool_not_allowed tool-call',
    ],
  ])('%s', (_, fields, refusal) => {
    expect(check(lists, fields)).toBe(refusal);
  });

  const OFFERED = 'tool_not_allowed offered-tool';
  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['a type beside a name', { type: 'web_search', name: 'ok' }, OFFERED],
    ['a type beside a function', { type: 'web_search', function: { name: 'ok' } }, OFFERED],
    ['a name beside a function', { type: 'function', name: 'web_search', function: { name: 'ok' } }, OFFERED],
    [
      'a custom tool beside a function',
      { function: { name: 'ok' }, custom: { name: 'web_search' } },
      OFFERED,
    ],
    ['a member of a namespace', { type: 'namespace', name: 'ok', tools: [{ name: 'web_search' }] }, OFFERED],
    ['a declaration for Google', { function_declarations: [{ name: 'web_search' }] }, OFFERED],
    ['a tool of Google', { googleSearch: {} }, OFFERED],
    ['a tool of Google beside a type', { type: 'function', google_search: {} }, OFFERED],
    ['a type in capitals', { type: 'WEB_SEARCH', name: 'ok' }, OFFERED],
    ['a name in full width', { type: 'function', name: 'ｗeb_search', function: { name: 'ok' } }, OFFERED],
    ['a type with a version', { type: 'web_search_20250305', name: 'ok' }, OFFERED],
    ['the type of a function', { type: 'function', function: { name: 'ok' } }, undefined],
    [
      'the type of a custom tool',
      { type: 'custom', name: 'ok', input_schema: { type: 'object' } },
      undefined,
    ],
  ])('is judged by every name of a tool that it offers: %s', (_, tool, refusal) => {
    expect(check({ denied_tools: ['web_search*', 'google?search', 'googleSearch'] }, { tools: [tool] })).toBe(
      refusal,
    );
    expect(check({ allowed_tools: ['ok'] }, { tools: [tool] })).toBe(refusal);
  });

  test('may not offer a name that is too long to match, where some are denied', () => {
    expect(check({ denied_tools: ['shell*'] }, offered(`shell${'x'.repeat(300)}`))).toBe(
      'tool_not_allowed offered-tool',
    );
  });

  test('is needed for a call in a response, not for a text', () => {
    const { check } = callPolicy(rbac, { roles: { dev: {} } });
    expect(check({ input_type: 'response', texts: ['hello'] })).toBeUndefined();
    expect(check({ input_type: 'response', tool_calls: [toolCall('{}')] })).toBe('role_missing no-role');
  });
});

test('rbac warns of options that it cannot apply', () => {
  const { warned } = callPolicy(rbac, {
    roles: { dev: { max_tokens_per_request: 1 } },
    data_access: { dev: { max_sensitivity: 'confidential' } },
    minimum_necessary: { enabled: false },
  });
  expect(warned).toHaveLength(4);
  expect(warned.join()).toMatch(/data_access .*minimum_necessary .*roles\.dev\.max_tokens_per_request /);
});

test('rbac warns of roles for end users and key aliases, which clients can choose, unless they are trusted', () => {
  const warningsOf = (assignment: object) => {
    const { warned, failed } = callPolicy(rbac, {
      roles: { dev: {} },
      assignments: [{ role: 'dev', ...assignment }],
    });
    expect(failed).toEqual([]);
    return warned;
  };
  expect(warningsOf({ end_users: ['app-7'] })).toEqual([
    expect.stringMatching(/^assignments\[0\]\.end_users are what clients say/),
  ]);
  expect(warningsOf({ key_aliases: ['app-7'] })).toEqual([
    expect.stringMatching(/^assignments\[0\]\.key_aliases are chosen by whoever makes a key/),
  ]);
  expect(warningsOf({ end_users: ['app-7'], key_aliases: ['app-7'], trusted: true })).toEqual([]);
  expect(warningsOf({ teams: ['t'], keys: ['litellm_proxy_master_key'], users: ['u'] })).toEqual([]);
});

describe('rbac on the models of a request', () => {
  const { check } = callPolicy(rbac, {
    deny_if_missing: [],
    roles: { clerk: { allowed_models: ['cheap*', 'house'] } },
    default_role: 'clerk',
  });
  const refused = 'model_not_allowed allowed-models';
  test.each([
    ['cheap-1', undefined],
    ['cheap-1,house', undefined],
    [' house , cheap-2 ', undefined],
    ['house,', undefined],
    ['forbidden', refused],
    ['cheap-ok,forbidden', refused],
    ['cheap-ok, forbidden', refused],
    ['forbidden,cheap-ok', refused],
    [',', refused],
  ])('"%s": %s', (model, refusal) => {
    expect(check({ model })).toBe(refusal);
  });
});

describe('rbac on the model of an answer', () => {
  const roles = {
    clerk: { allowed_models: ['cheap', 'support-*', 'gpt-4o-mini', 'house'] },
    boss: {},
  };
  const make = () => {
    const assignments = [{ role: 'boss', teams: ['boss'] }];
    const policy = callPolicy(rbac, { deny_if_missing: [], roles, assignments, default_role: 'clerk' });
    let calls = 0;
    /** The result of an answer to a request for `model`, by the name that the provider gives its model. */
    const answer = (model: string, name: string | null, team = 'clerk') => {
      const fields = { litellm_call_id: `call-${++calls}`, request_data: { user_api_key_team_id: team } };
      policy.check({ ...fields, model });
      return policy.compare({ ...fields, model: name, input_type: 'response', texts: ['hello'] });
    };
    return { answer, policy };
  };

  test('passes names that are allowed or belong to the model that was asked for', () => {
    const { answer } = make();
    for (const [model, name] of [
      ['cheap', 'cheap'],
      ['cheap', 'openai/cheap'],
      ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18'],
      ['gpt-4o-mini', 'azure/gpt-4o-mini'],
      ['house', 'house-upstream'],
      ['support-bot', 'provider/support-bot@20260101'],
      ['cheap', 'gpt-4o-mini-2024-07-18'],
    ] as const)
      expect([name, answer(model, name)]).toEqual([name, undefined]);
  });

  test('refuses another name once the asked and the other model have had answers', () => {
    const { answer } = make();
    expect(answer('cheap', 'cheap-up')).toBeUndefined();
    expect(answer('cheap', 'forbidden-up')).toBe('unknown');
    expect(answer('forbidden', 'forbidden-up', 'boss')).toBeUndefined();
    expect(answer('cheap', 'forbidden-up')).toBe('answer-model');
    expect(answer('cheap', 'provider/forbidden-up-2026-01-01')).toBe('answer-model');
    expect(answer('cheap', 'cheap-up')).toBeUndefined();
    // Who may use both gets it, and from then on it may be what the group is made of
    expect(answer('cheap', 'forbidden-up', 'boss')).toBeUndefined();
    expect(answer('cheap', 'forbidden-up')).toBe('unknown');
  });

  test('knows a model by its name alone, if that is the longest that fits', () => {
    const { answer } = make();
    answer('gpt-4o', 'gpt-4o-2024-08-06', 'boss');
    answer('gpt-4o-mini', 'gpt-4o-mini-2024-07-18');
    expect(answer('gpt-4o-mini', 'gpt-4o-2024-11-20')).toBe('answer-model');
    expect(answer('gpt-4o-mini', 'gpt-4o-mini-2025-01-01')).toBeUndefined();
  });

  test('refuses no answer of an alias whose provider has another name, nor one that two models share', () => {
    const { answer } = make();
    answer('gpt-4o', 'gpt-4o-2024-08-06', 'boss');
    for (let times = 0; times < 3; times++)
      expect(answer('support-bot', 'gpt-4o-2024-08-06')).toBe('unknown');
    const other = make().answer;
    expect(other('support-bot', 'command-r-08-2024')).toBe('unknown');
    for (let times = 0; times < 3; times++) expect(other('support-bot', 'command-r-08-2024')).toBeUndefined();
    other('command', 'command-r-08-2024', 'boss');
    expect(other('support-bot', 'command-r-08-2024')).toBe('unknown');
  });

  test.each([
    ['before', ['house-4-5', 'house'], ['house']],
    ['after', ['house'], ['house-4-5', 'house']],
  ])('refuses no answer of a model that another group names in full, used %s it', (_, first, later) => {
    const { answer } = make();
    const ask = (model: string) => answer(model, 'house-4-5-20260101', model === 'house' ? 'clerk' : 'boss');
    for (const model of [...first, ...later, 'house', 'house']) expect(ask(model)).not.toBe('answer-model');
    answer('other', 'other', 'boss');
    expect(answer('house', 'other')).toBe('answer-model');
  });

  test('refuses no answer of an alias that is served by several models, one of them in an emergency', () => {
    const { answer } = make();
    for (const model of ['claude-haiku', 'gpt-4o']) answer(model, model, 'boss');
    for (let times = 0; times < 20; times++) answer('support-bot', 'gpt-4o');
    expect(answer('support-bot', 'claude-haiku')).toBe('unknown');
    answer('house', 'house-up');
    answer('house', 'claude-haiku', 'boss');
    answer('mistral', 'mistral', 'boss');
    expect(answer('house', 'mistral')).toBe('unknown');
  });

  test('forgets a name that came first and was another model', () => {
    const { answer } = make();
    expect(answer('cheap', 'forbidden-up')).toBe('unknown');
    expect(answer('cheap', 'cheap-up')).toBeUndefined();
    answer('forbidden', 'forbidden-up', 'boss');
    expect(answer('cheap', 'forbidden-up')).toBe('answer-model');
  });

  test('does not take the name of a forbidden model for the own one, however often it comes', () => {
    const { answer } = make();
    answer('cheap', 'cheap-up');
    for (let times = 0; times < 20; times++) expect(answer('cheap', 'forbidden-up')).toBe('unknown');
    answer('forbidden', 'forbidden-up', 'boss');
    expect(answer('cheap', 'forbidden-up')).toBe('answer-model');
  });

  test('cannot compare an answer that names no model, or whose request is not known', () => {
    const { answer, policy } = make();
    expect(answer('cheap', null)).toBe('unknown');
    const fields = { input_type: 'response', texts: ['hello'], request_data: {} };
    expect(policy.compare({ ...fields, litellm_call_id: 'never asked', model: 'x' })).toBe('unknown');
    expect(policy.compare({ ...fields, model: 'cheap' })).toBeUndefined();
  });

  test('says it once of a stream whose request is not known', () => {
    const { policy } = make();
    const round = (litellm_call_id: string) =>
      policy.compare({ litellm_call_id, model: 'new', input_type: 'response', texts: ['hello'] });
    expect(['s', 's', 's', 'other'].map(round)).toEqual(['unknown', undefined, undefined, 'unknown']);
  });

  test('says once of a stream that its model is unknown, and refuses each round of a foreign one', () => {
    const { answer, policy } = make();
    answer('cheap', 'cheap-up');
    policy.check({ litellm_call_id: 's', model: 'cheap' });
    const round = (model: string) =>
      policy.compare({ litellm_call_id: 's', model, input_type: 'response', texts: ['hello'] });
    expect([round('new'), round('new'), round('new')]).toEqual(['unknown', undefined, undefined]);
    expect([round('newer'), round('new')]).toEqual([undefined, undefined]);
    answer('forbidden', 'forbidden-up', 'boss');
    policy.check({ litellm_call_id: 's', model: 'cheap' });
    expect([round('forbidden-up'), round('forbidden-up')]).toEqual(['answer-model', 'answer-model']);
  });
});
