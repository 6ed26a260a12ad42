import { describe, expect, test } from 'vitest';
import { Caller } from '../../src/guardrail/caller.ts';
import { readPolicyFile } from '../../src/policies/file/load.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { type Plan, Planner } from '../../src/policies/plan.ts';
import { callOf } from '../support/call.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

const KEYWORDS = { 'banned-keywords': { keywords: ['tulip'] } };

function plannerOf(document: { chain?: string[]; policy?: object; rules?: object[] }) {
  const { chain = ['secrets', 'pii-detector'], policy = {}, rules = [] } = document;
  const text = JSON.stringify({ policies: { chain }, policy: { ...KEYWORDS, ...policy }, rules });
  const planner = new Planner(readPolicyFile(text, kinds, (_, make) => make(), { now: NOW }));
  return (fields: Record<string, unknown> = {}, now = NOW) => {
    const call = callOf(fields);
    return planner.plan(call, new Caller(call), now);
  };
}

/** The chain of a plan: those that only observe in brackets. */
const chainOf = ({ policies }: Plan) =>
  policies.map(({ kind, enforced }) => (enforced ? kind : `(${kind})`)).join(' ');

const data = (fields: Record<string, string>) => ({
  request_data: Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`user_api_key_${name}`, value]),
  ),
});
const header = (name: string, value: string) => ({ request_headers: { [name]: value } });
const params = (fields: object) => ({ additional_provider_specific_params: fields });

describe('a caller rule applies', () => {
  const hash = 'a1'.repeat(32);
  test.each<{ match: object; calls: readonly object[]; others: readonly object[] }>([
    {
      match: { team: 'payments' },
      calls: [
        data({ team_alias: 'payments' }),
        data({ team_id: 'payments' }),
        data({ team_alias: 'ＰAYMENTS' }),
      ],
      others: [{}, data({ user_id: 'payments' }), data({ team_alias: 'payments-2' })],
    },
    {
      match: { team: ['team-*', 'ops'] },
      calls: [data({ team_id: 'team-7', team_alias: 'x' }), data({ team_alias: 'ops' })],
      others: [data({ team_id: 'my-team-7' }), data({ team_id: '' })],
    },
    {
      match: { key: hash },
      calls: [data({ hash }), data({ hash, alias: 'ci-1' })],
      others: [data({ alias: hash }), data({ hash: hash.slice(2) }), data({ team_id: hash })],
    },
    {
      match: { key: ['a1a1a1a1*', 'litellm_proxy_master_key'] },
      calls: [data({ hash }), data({ hash: 'litellm_proxy_master_key' })],
      others: [data({ alias: hash }), data({ hash: hash.slice(1) }), {}],
    },
    {
      match: { key_alias: ['ci-*', 'straße'] },
      calls: [data({ alias: 'ci-1' }), data({ alias: 'CI-1' }), data({ hash, alias: 'STRASSE' })],
      others: [data({ alias: 'notebook' }), data({ hash: 'ci-1' }), data({ team_id: 'ci-1' })],
    },
    {
      match: { user: '*@example.org' },
      calls: [data({ user_id: 'ada', user_email: 'ada@example.org' })],
      others: [data({ user_id: 'ada' }), data({ end_user_id: 'ada@example.org' })],
    },
    {
      match: { end_user: 'guest*' },
      calls: [data({ end_user_id: 'guest-4' }), data({ end_user_id: 'Guest-4' })],
      others: [data({ user_id: 'guest-4' })],
    },
    {
      match: { model: ['gpt-*', 'openai/*'] },
      calls: [{ model: 'gpt-4o-mini' }, { model: 'openai/o3' }, { model: 'OpenAI/GPT-4' }],
      others: [{ model: 'claude-4' }, {}, { model: null }],
    },
    {
      match: { header: { 'X-Litellm-Tags': ['lab', 'test-*'] } },
      calls: [header('x-litellm-tags', 'lab'), header('X-LITELLM-TAGS', 'test-2')],
      others: [header('x-litellm-tags', 'labs'), header('x-tags', 'lab'), {}],
    },
    {
      match: { header: { 'x-agent': '[present]' } },
      calls: [header('x-agent', '[present]')],
      others: [header('x-agent', 'present'), {}],
    },
    {
      match: { header: { 'x-agent': '*' } },
      calls: [header('x-agent', '[present]'), header('x-agent', 'any')],
      others: [{}, header('x-other', 'any')],
    },
    {
      match: { input_type: 'response' },
      calls: [{ input_type: 'response' }],
      others: [{ input_type: 'request' }],
    },
    {
      match: { input_type: ['request', 'response'] },
      calls: [{ input_type: 'response' }, { input_type: 'request' }],
      others: [],
    },
    {
      match: { team: 'payments', model: 'gpt-*', input_type: 'request' },
      calls: [{ ...data({ team_alias: 'payments' }), model: 'gpt-4' }],
      others: [
        { ...data({ team_alias: 'payments' }), model: 'claude' },
        { model: 'gpt-4' },
        { ...data({ team_alias: 'payments' }), model: 'gpt-4', input_type: 'response' },
      ],
    },
  ])('to those who match $match', ({ match, calls, others }) => {
    const plan = plannerOf({ rules: [{ name: 'one', match, chain: ['banned-keywords'], trusted: true }] });
    for (const call of calls) expect([call, plan({ ...call }).rule]).toEqual([call, 'one']);
    for (const call of others) expect([call, plan({ ...call }).rule]).toEqual([call, 'default']);
  });

  test('alone, if it is the first that matches', () => {
    const plan = plannerOf({
      rules: [
        { name: 'payments-gpt', match: { team: 'payments', model: 'gpt-*' }, chain: ['secrets'] },
        { name: 'payments', match: { team: 'payments' }, chain: ['banned-keywords'] },
        { name: 'everybody', chain: [] },
      ],
    });
    const team = data({ team_alias: 'payments' });
    expect(plan({ ...team, model: 'gpt-4' })).toMatchObject({ rule: 'payments-gpt' });
    expect(plan({ ...team, model: 'claude' })).toMatchObject({ rule: 'payments' });
    expect(plan({ model: 'gpt-4' })).toMatchObject({ rule: 'everybody', policies: [] });
  });
});

describe('a response is judged by the rule of the model that its request asked for', () => {
  const rules = [
    { name: 'lenient', match: { model: 'toy*' }, chain: [], backends: [], mode: 'observe' },
    {
      name: 'loose',
      match: { model: 'game' },
      chain: ['banned-keywords'],
      unreachable_fallback: 'fail_open',
    },
    { name: 'house', match: { model: 'house' }, mode: 'enforce', unreachable_fallback: 'fail_closed' },
  ];
  const policy = { secrets: { mode: 'observe' } };
  const ids = { litellm_call_id: 'one', litellm_trace_id: 'trace' };
  /** The plan of a response, after requests for models. */
  const planAfter = (models: readonly (string | null)[], more: object = {}) => {
    const plan = plannerOf({ rules, policy });
    for (const model of models) plan({ ...ids, model });
    return plan({ ...ids, input_type: 'response', model: 'provider-1', ...more });
  };

  test('which the provider names otherwise', () => {
    expect(planAfter(['toy']).rule).toBe('lenient');
    expect(planAfter([]).rule).toBe('default');
    expect(planAfter([null], { model: 'toy' }).rule).toBe('lenient');
  });

  test.each([
    { name: 'another trace', more: { litellm_trace_id: 'other' } },
    { name: 'another key', more: { ...data({ hash: 'other' }), litellm_version: '1.110.2' } },
  ])('unless it has $name', ({ more }) => {
    expect(planAfter(['toy'], more).rule).toBe('default');
  });

  test.each([
    { models: ['strict', 'toy'], rule: 'default+lenient', chain: '(secrets) pii-detector' },
    { models: ['toy', 'strict', 'toy-2'], rule: 'lenient+default', chain: '(secrets) pii-detector' },
    { models: ['toy', 'game'], rule: 'lenient+loose', chain: 'banned-keywords' },
    { models: ['strict', 'house'], rule: 'default+house', chain: 'secrets pii-detector' },
  ])('where several were asked for under its ids, by what any of their rules finds: $models', (row) => {
    const plan = planAfter(row.models);
    expect([plan.rule, chainOf(plan)]).toEqual([row.rule, row.chain]);
  });

  test.each([
    { models: ['toy'], backends: [], backendMode: 'observe', unreachableFallback: undefined },
    {
      models: ['toy', 'strict'],
      backends: undefined,
      backendMode: undefined,
      unreachableFallback: undefined,
    },
    {
      models: ['toy', 'house'],
      backends: undefined,
      backendMode: 'enforce',
      unreachableFallback: 'fail_closed',
    },
    { models: ['game', 'strict'], backends: undefined, unreachableFallback: 'fail_closed' },
  ])('and by the strictest of their settings for vendors: $models', ({ models, ...settings }) => {
    expect(planAfter(models)).toMatchObject(settings);
  });

  test('among them one that was asked for before thousands of others', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `toy-${i}`);
    expect(planAfter(['strict', ...names]).rule).toBe('default+lenient');
  });
});

describe('the setting of a caller rule', () => {
  const OBSERVED = { secrets: { mode: 'observe' } };
  const planOf = (rule: object, policy: object = OBSERVED) =>
    plannerOf({ policy, rules: [{ name: 'one', match: { team: 'payments' }, ...rule }] })(
      data({ team_id: 'payments' }),
    );

  test('for the chain replaces the chain for all', () => {
    expect(chainOf(planOf({ chain: ['banned-keywords', 'secrets'] }))).toBe('banned-keywords (secrets)');
    expect(chainOf(planOf({ chain: [] }))).toBe('');
  });

  test('is that for all where the rule has none', () => {
    const plan = planOf({});
    expect(chainOf(plan)).toBe('(secrets) pii-detector');
    expect([plan.backends, plan.backendMode, plan.unreachableFallback]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('for backends and the fallback is in the plan', () => {
    expect(planOf({ backends: [], unreachable_fallback: 'fail_open' })).toMatchObject({
      backends: [],
      unreachableFallback: 'fail_open',
    });
    expect(planOf({ backends: ['akto'] }).backends).toEqual(['akto']);
  });

  test('for the mode counts for policies and backends', () => {
    const observe = planOf({ mode: 'observe' });
    expect([chainOf(observe), observe.backendMode]).toEqual(['(secrets) (pii-detector)', 'observe']);
    const enforce = planOf({ mode: 'enforce' });
    expect([chainOf(enforce), enforce.backendMode]).toEqual(['secrets pii-detector', 'enforce']);
  });

  test('for a share counts for policies and backends alike, call by call', () => {
    const plan = plannerOf({ rules: [{ name: 'one', mode: 'sample', sample: 50 }] });
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const { policies, backendMode } = plan({ litellm_call_id: i % 2 ? `call-${i}` : null });
      seen.add([...new Set(policies.map(({ enforced }) => enforced)), backendMode].join(' '));
    }
    expect([...seen].sort()).toEqual(['false observe', 'true enforce']);
  });

  test('for a share is drawn for each request, and its response is judged alike', () => {
    const plan = plannerOf({ rules: [{ name: 'one', mode: 'sample', sample: 50 }] });
    const modes = Array.from({ length: 100 }, (_, i) => {
      const ids = { litellm_call_id: `call-${i}`, litellm_trace_id: 'trace' };
      const request = plan(ids).backendMode;
      const rounds = [1, 2].map(() => plan({ ...ids, input_type: 'response' }).backendMode);
      return [request, ...rounds].join(' ');
    });
    expect(new Set(modes)).toEqual(new Set(['enforce enforce enforce', 'observe observe observe']));
  });

  test('for a share is loosened by no repeated ids: once enforced, all under them is', () => {
    const plan = plannerOf({ rules: [{ name: 'one', mode: 'sample', sample: 10 }] });
    const ids = { litellm_call_id: 'chosen', litellm_trace_id: 'chosen too' };
    const modes = Array.from({ length: 400 }, () => [
      plan(ids).backendMode,
      plan({ ...ids, input_type: 'response' }).backendMode,
    ]);
    const strict = modes.findIndex(([request]) => request === 'enforce');
    expect(strict).toBeGreaterThanOrEqual(0);
    for (const [i, both] of modes.entries())
      expect(both).toEqual(i < strict ? ['observe', 'observe'] : ['enforce', 'enforce']);
  });

  test('for a share is drawn once for all rounds of a response whose request nobody remembers', () => {
    const plan = plannerOf({ rules: [{ name: 'one', mode: 'sample', sample: 50 }] });
    for (let i = 0; i < 50; i++) {
      const round = () => plan({ litellm_call_id: `call-${i}`, input_type: 'response' }).backendMode;
      expect(round()).toBe(round());
    }
  });

  test('for a last day of observing counts', () => {
    const plan = plannerOf({ rules: [{ name: 'one', mode: 'observe', until: '2026-11-22' }] });
    expect(chainOf(plan())).toBe('(secrets) (pii-detector)');
    expect(chainOf(plan({}, Date.UTC(2026, 10, 22)))).toBe('secrets pii-detector');
    expect(plan({}, Date.UTC(2026, 10, 22)).backendMode).toBe('enforce');
  });
});

describe('a caller', () => {
  const document = {
    policy: { secrets: { mode: 'observe' } },
    rules: [
      { name: 'lenient', match: { team: 'research' }, caller_may_skip: ['pii-detector'] },
      { name: 'strict', match: { team: 'payments' }, chain: ['secrets', 'pii-detector', 'banned-keywords'] },
    ],
  };
  const plan = plannerOf(document);
  const research = data({ team_alias: 'research' });

  test.each([
    ['a parameter with a list', params({ policies: ['banned-keywords'] })],
    ['a parameter with words', params({ policies: 'rbac, banned-keywords' })],
    ['a header', header('x-litellm-guardrail-policies', 'banned-keywords')],
    ['a header in capitals', header('X-LiteLLM-Guardrail-Policies', ' banned-keywords ,x')],
  ])('may add a policy that is configured, by %s', (_, call) => {
    expect(chainOf(plan(call))).toBe('(secrets) pii-detector banned-keywords');
  });

  test('may add a policy that would only observe, which then enforces', () => {
    const own = plannerOf({
      policy: { 'banned-keywords': { keywords: ['tulip'], mode: 'observe' } },
      rules: [{ name: 'x', match: { team: 'x' }, chain: ['banned-keywords'] }],
    });
    expect(chainOf(own(params({ policies: 'banned-keywords' })))).toBe(
      'secrets pii-detector banned-keywords',
    );
  });

  test.each([
    ['a policy that nobody has configured', 'rbac'],
    ['a policy that does not exist', 'no-such-kind'],
    ['a policy that stands in the chain', 'pii-detector'],
    ['nothing', ''],
    ['a name that all objects have', 'constructor,__proto__,toString'],
  ])('adds nothing by the name of %s', (_, policies) => {
    expect(chainOf(plan(params({ policies })))).toBe('(secrets) pii-detector');
  });

  test.each([
    params({ enforce: true }),
    params({ enforce: 'true' }),
    header('x-litellm-guardrail-enforce', 'true'),
  ])('may make observing policies enforce: %j', (call) => {
    expect(chainOf(plan(call))).toBe('secrets pii-detector');
  });

  test('may make backends enforce where a rule makes them observe', () => {
    const own = plannerOf({ rules: [{ name: 'one', mode: 'observe' }] });
    expect(own(params({ enforce: true }))).toMatchObject({ backendMode: 'enforce' });
    expect(chainOf(own(params({ enforce: true })))).toBe('secrets pii-detector');
  });

  test.each([
    params({ enforce: false }),
    params({ enforce: 'false' }),
    params({ enforce: null }),
    params({ mode: 'observe' }),
    header('x-litellm-guardrail-enforce', 'false'),
    header('x-litellm-guardrail-enforce', '[present]'),
  ])('cannot weaken policies: %j', (call) => {
    expect(chainOf(plan({ ...call, ...data({ team_alias: 'payments' }) }))).toBe(
      '(secrets) pii-detector banned-keywords',
    );
    expect(chainOf(plan(call))).toBe('(secrets) pii-detector');
  });

  test.each([
    params({ skip_policies: ['pii-detector', 'secrets'] }),
    header('x-litellm-guardrail-skip', 'secrets,pii-detector'),
  ])('may skip the policies that its rule lets it skip, and no others: %j', (call) => {
    expect(chainOf(plan({ ...research, ...call }))).toBe('(secrets)');
    expect(chainOf(plan(call))).toBe('(secrets) pii-detector');
    expect(chainOf(plan({ ...call, ...data({ team_alias: 'payments' }) }))).toBe(
      '(secrets) pii-detector banned-keywords',
    );
  });

  test('that skips and adds the same policy gets it', () => {
    const call = { ...research, ...params({ skip_policies: 'pii-detector', policies: 'pii-detector' }) };
    expect(chainOf(plan(call))).toBe('(secrets) pii-detector');
  });

  test.each([
    ['of the team', { user_api_key_team_alias: 'research', team: 'research', 'x-litellm-team': 'research' }],
    ['of all kinds', { constructor: 'x', __proto__: 'x', 'content-type': 'research' }],
    ['of every type', { 'x-litellm-guardrail-skip': ['secrets'], 'x-litellm-guardrail-policies': 7 }],
  ])('gets no other rule by headers %s', (_, request_headers) => {
    expect(plan({ ...data({ team_alias: 'payments' }), request_headers }).rule).toBe('strict');
    expect(chainOf(plan({ ...data({ team_alias: 'payments' }), request_headers }))).toBe(
      '(secrets) pii-detector banned-keywords',
    );
  });

  test('may send a million words, of which no more are read than all policies have', () => {
    const wishes = (text: string) => [
      params({ policies: text }),
      header('x-litellm-guardrail-policies', text),
    ];
    for (const call of wishes(`${'x,'.repeat(400)}banned-keywords`))
      expect(chainOf(plan(call))).toBe('(secrets) pii-detector banned-keywords');
    for (const call of wishes(`${','.repeat(900_000)}banned-keywords`))
      expect(chainOf(plan(call))).toBe('(secrets) pii-detector');
  });

  test.each<{ wish: unknown }>([
    { wish: null },
    { wish: 1 },
    { wish: [] },
    { wish: {} },
    { wish: [[['secrets']]] },
    { wish: [null, {}] },
    { wish: { toString: 1 } },
    { wish: [{ toString: null, valueOf: 1 }] },
  ])('may send nonsense without effect: $wish', ({ wish }) => {
    const call = params({ policies: wish, skip_policies: wish, enforce: wish });
    expect(chainOf(plan({ ...research, ...call }))).toBe('(secrets) pii-detector');
  });
});

describe('a call for several models', () => {
  const plan = plannerOf({
    chain: ['secrets'],
    policy: { secrets: { mode: 'observe' }, 'pii-detector': { mode: 'observe' } },
    rules: [
      {
        name: 'toy',
        match: { model: 'toy*' },
        chain: ['banned-keywords'],
        backends: ['akto'],
        unreachable_fallback: 'fail_open',
      },
      {
        name: 'lab',
        match: { model: 'lab' },
        chain: ['pii-detector'],
        backends: ['capsule'],
        mode: 'observe',
      },
      { name: 'bank', match: { model: 'bank' }, chain: ['pii-detector', 'secrets'], mode: 'enforce' },
    ],
  });

  test.each([
    ['toy-1', 'toy', 'banned-keywords'],
    ['toy-1, toy-2', 'toy', 'banned-keywords'],
    ['toy-1,', 'toy', 'banned-keywords'],
    ['toy-1,other', 'toy+default', 'banned-keywords (secrets)'],
    [' other , bank ', 'default+bank', 'secrets pii-detector'],
    ['bank,lab,toy-3', 'bank+lab+toy', 'pii-detector secrets banned-keywords'],
    ['other,unknown', 'default', '(secrets)'],
  ])('"%s" is judged by the rules %s: %s', (model, rule, chain) => {
    const planned = plan({ model });
    expect([planned.rule, chainOf(planned)]).toEqual([rule, chain]);
  });

  test('asks every vendor that one of its rules asks, and fails as the strictest of them', () => {
    expect(plan({ model: 'toy,lab' })).toMatchObject({
      backends: ['akto', 'capsule'],
      unreachableFallback: 'fail_closed',
      backendMode: undefined,
    });
    expect(plan({ model: 'toy,other' }).backends).toBeUndefined();
    expect(plan({ model: 'lab,bank' }).backendMode).toBe('enforce');
    expect(plan({ model: 'toy,toy-2' }).unreachableFallback).toBe('fail_open');
  });
});
