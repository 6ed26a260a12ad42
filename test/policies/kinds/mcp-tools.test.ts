import { describe, expect, test } from 'vitest';
import { agentFirewall } from '../../../src/policies/kinds/agent-firewall.ts';
import { rbac } from '../../../src/policies/kinds/rbac.ts';
import { callPolicy } from '../../support/call-policy.ts';
import { mcpBeside, mcpCall, mcpListed, mcpResult, mcpTool } from '../../support/mcp.ts';

const DENIED = 'tool_denied tool';
const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const called = (name: string) => mcpCall(['x'], { name });

describe('agent-firewall on the name of an MCP tool', () => {
  test.each<[string, Record<string, unknown>, string, string | undefined]>([
    ['refuses a blocked tool', { blocked_tools: ['lookup'] }, 'lookup', DENIED],
    ['refuses it by its name with the server', { blocked_tools: ['directory-lookup'] }, 'lookup', DENIED],
    ['refuses a name with the server', { denied_tools: ['lookup'] }, 'directory-lookup', DENIED],
    ['refuses it by a glob before the name', { blocked_tools: ['*-lookup'] }, 'lookup', DENIED],
    ['refuses it by servers in braces', { blocked_tools: ['{hr,directory}-look*'] }, 'lookup', DENIED],
    ['refuses the tools of all servers by one of them', { blocked_tools: ['directory-*'] }, 'lookup', DENIED],
    ['passes a tool that is not blocked', { blocked_tools: ['directory-delete'] }, 'lookup', undefined],
    ['passes where a pattern has a hyphen in brackets', { blocked_tools: ['[a-k]*'] }, 'lookup', undefined],
    ['passes an allowed tool', { allowed_tools: ['lookup'] }, 'lookup', undefined],
    ['allows no tool by a prefix', { allowed_tools: ['lookup'] }, 'evil-lookup', DENIED],
    [
      'allows no tool of some server by that of one',
      { allowed_tools: ['directory-lookup'] },
      'lookup',
      DENIED,
    ],
    ['refuses a tool that no list allows', { allowed_tools: ['search'] }, 'lookup', DENIED],
    ['refuses a tool without a name', { allowed_tools: ['search'] }, '', DENIED],
    [
      'refuses what a role may not call',
      { tools: { roles: { hr: { denied: ['hr-lookup'] } } } },
      'lookup',
      'tool_denied role-tool',
    ],
    ['refuses a caller without a role', { tools: { roles: { admin: {} } } }, 'lookup', 'tool_denied no-role'],
  ])('%s', (_, options, name, expected) => {
    const { check } = callPolicy(agentFirewall, options);
    expect(check({ ...called(name), request_data: { user_api_key_team_alias: 'hr' } })).toBe(expected);
  });

  test.each<[string, string[], number]>([
    ['of a pattern that allows no MCP tool', ['directory-lookup'], 1],
    ['once of globs that allow none', ['{hr,directory}-look*', 'hr-*'], 1],
    ['of none beside the bare name', ['directory-lookup', 'lookup'], 0],
    ['of none beside a glob for it', ['directory-lookup', 'look*'], 0],
    ['of no name without a prefix', ['lookup', '[a-k]*', '*'], 0],
  ])('warns %s', (_, allowed_tools, warnings) => {
    for (const options of [
      { allowed_tools },
      { tools: { roles: { hr: { allowed: allowed_tools } }, trusted: false } },
    ]) {
      const { warned, failed } = callPolicy(agentFirewall, options);
      expect([warned.length, failed]).toEqual([warnings, []]);
      if (warnings > 0)
        expect(warned.join()).toMatch(/allowed\S* allows no MCP tool by \S+(, hr-\*)?: LiteLLM/);
    }
  });

  test('takes a prefix for no part of the name in a model’s tool call', () => {
    const { check } = callPolicy(agentFirewall, { blocked_tools: ['search', 'web-fetch'] });
    const tool_calls = [
      { function: { name: 'web-search', arguments: '{}' } },
      { function: { name: 'fetch' } },
    ];
    expect(check({ input_type: 'response', tool_calls })).toBeUndefined();
  });

  test('hides a blocked tool from a list', () => {
    expect(callPolicy(agentFirewall, { blocked_tools: ['lookup'] }).check(mcpListed())).toBe(DENIED);
  });

  test('judges no result', () => {
    expect(callPolicy(agentFirewall, { allowed_tools: ['search'] }).check(mcpResult('x'))).toBeUndefined();
  });
});

describe('agent-firewall on the arguments of an MCP tool', () => {
  const file = mcpTool('write_file', { path: TEXT, content: TEXT, mode: { enum: ['append', 'new'] } });
  const rules = (rule: object) => ({ argument_rules: [{ tools: ['files-write_file'], ...rule }] });
  const paths = rules({ allowed_paths: ['/workspace'] });
  const OUTSIDE = 'argument_denied path-not-allowed';

  test.each<[string, Record<string, unknown>, string[], string | undefined]>([
    [
      'refuses a step out of a folder',
      rules({ path_traversal: true }),
      ['a/../../etc'],
      'argument_denied path-traversal',
    ],
    [
      'refuses a pattern',
      rules({ deny_patterns: ['DROP TABLE'] }),
      ['x; DROP TABLE users'],
      'argument_denied deny-pattern',
    ],
    [
      'refuses a pattern in JSON in a text',
      rules({ deny_patterns: ['^root$'] }),
      ['{"user":"root"}'],
      'argument_denied deny-pattern',
    ],
    ['takes no description for an argument', rules({ deny_patterns: ['Does it'] }), ['x'], undefined],
    [
      'is for the tools of a rule alone',
      { argument_rules: [{ tools: ['other'], deny_patterns: ['x'] }] },
      ['x'],
      undefined,
    ],
    ['passes a path in an allowed folder', paths, ['/workspace/a.txt', 'append'], undefined],
    ['refuses a path elsewhere', paths, ['/etc/passwd'], OUTSIDE],
    ['refuses a word that may be the relative path', paths, ['secrets.env'], OUTSIDE],
    ['refuses a name with a blank that may be it', paths, ['my secrets.env'], OUTSIDE],
    ['passes a sentence', paths, ['/workspace/a.txt', 'Dear Ada, all is well'], undefined],
    ['passes lines', paths, ['/workspace/a.txt', 'one\ntwo/three'], undefined],
    ['passes a choice of the schema', paths, ['append'], undefined],
  ])('%s', (_, options, args, expected) => {
    expect(callPolicy(agentFirewall, options).check(mcpCall(args, file))).toBe(expected);
  });

  test('takes a word for no path where the tool has none', () => {
    const { check } = callPolicy(agentFirewall, { argument_rules: [{ allowed_paths: ['/workspace'] }] });
    const search = mcpTool('search', { query: TEXT });
    expect(check(mcpCall(['weather'], search))).toBeUndefined();
    expect(check(mcpCall(['/etc/passwd'], search))).toBe(OUTSIDE);
  });

  test('takes any word for a path where nothing is known of the tool', () => {
    const { check } = callPolicy(agentFirewall, { argument_rules: [{ allowed_paths: ['/workspace'] }] });
    expect(check(mcpBeside(['weather']))).toBe(OUTSIDE);
  });

  test('refuses further calls of a session after a forbidden argument', () => {
    const { check } = callPolicy(agentFirewall, { kill_switches: { halt_on_suspicious_pattern: true } });
    expect(check(mcpCall(['../../etc'], file))).toBe('argument_denied path-traversal');
    expect(check(mcpCall(['a'], file, { litellm_call_id: 'call-2', litellm_trace_id: 'trace-2' }))).toBe(
      'session_limit session-halted',
    );
    expect(check(mcpCall(['a'], file, { request_data: { user_api_key_hash: 'other' } }))).toBeUndefined();
  });
});

describe('agent-firewall counts calls of MCP tools', () => {
  const call = (id: string, name = 'lookup', fields: Record<string, unknown> = {}) =>
    mcpCall(['x'], { name }, { litellm_call_id: id, litellm_trace_id: `trace ${id}`, ...fields });
  const SESSION = 'session_limit max-actions-per-session';
  const RATE = 'rate_limit rate-limit';

  test('once each, by key where the client names no session', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 2 });
    expect(['1', '2', '3'].map((id) => check(call(id)))).toEqual([undefined, undefined, SESSION]);
    expect(check(call('4', 'lookup', { request_data: { user_api_key_hash: 'other' } }))).toBeUndefined();
  });

  test.each(['mcp-session-id', 'x-litellm-trace-id', 'x-session-id'])(
    'by the session that %s names',
    (header) => {
      const { check } = callPolicy(agentFirewall, { max_actions_per_session: 1 });
      const inSession = (id: string, session: string) =>
        call(id, 'lookup', { request_headers: { [header]: session } });
      expect(check(inSession('1', 'a'))).toBeUndefined();
      expect(check(inSession('2', 'b'))).toBeUndefined();
      expect(check(inSession('3', 'a'))).toBe(SESSION);
    },
  );

  const beside = (id: string, args = ['x']) => ({
    ...mcpBeside(args),
    ...{ litellm_call_id: id, litellm_trace_id: `trace ${id}` },
  });
  const scan = (id: string) => mcpCall([], {}, { litellm_call_id: id, litellm_trace_id: `trace ${id}` });
  test.each([
    ['the scan of the definition and the call', [scan('1'), call('1')]],
    ['the scan of the definition and a call without strings', [scan('1'), scan('1')]],
    ['the call beside the running tool', [call('1'), beside('1')]],
    ['all of them', [scan('1'), call('1'), beside('1')]],
    ['all of them without strings', [scan('1'), scan('1'), beside('1', [])]],
  ])('once, though LiteLLM shows %s', (_, checks) => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 2 });
    for (const body of [...checks, ...checks]) expect(check(body)).toBeUndefined();
    expect(check(checks[0]!)).toBe(SESSION);
    expect(check(call('2'))).toBe(SESSION);
  });

  test('each time, under whatever ids the client repeats it', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 3 });
    for (let times = 0; times < 3; times++) expect(check(call('1'))).toBeUndefined();
    expect(check(call('1'))).toBe(SESSION);
    const other = callPolicy(agentFirewall, { max_actions_per_session: 3 }).check;
    for (let times = 0; times < 3; times++) expect(other(beside('1'))).toBeUndefined();
    expect(other(beside('1'))).toBe(SESSION);
  });

  test('and none for a list of tools or a result', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 0, rate_limit: 0 });
    expect(check(mcpListed())).toBeUndefined();
    expect(check(mcpResult('x'))).toBeUndefined();
    expect(check(call('1'))).toBe(SESSION);
  });

  test.each<[string, Record<string, number>, string]>([
    ['of the tool', { lookup: 1, default: 9 }, 'lookup'],
    ['of the tool with its server', { 'directory-lookup': 1 }, 'lookup'],
    ['that is the strictest of several servers', { 'a-lookup': 5, 'b-lookup': 1 }, 'lookup'],
    ['of the tool without its server', { lookup: 1 }, 'directory-lookup'],
    ['of all other tools', { default: 1, search: 9 }, 'lookup'],
  ])('by the rate %s', (_, rate_limits, name) => {
    const { check } = callPolicy(agentFirewall, { rate_limits });
    expect(check(call('1', name))).toBeUndefined();
    expect(check(call('2', name))).toBe(RATE);
  });
});

describe('agent-firewall on amounts of MCP tools', () => {
  const limits = { transaction_limits: { max_single_transaction: 100, max_daily_total: 150 } };
  const HIDDEN = 'transaction_limit amount-not-shown';
  const pay = mcpTool('pay', { amount: TEXT, to: TEXT });

  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['passes a small one', mcpCall(['50', 'Ada'], pay), undefined],
    ['refuses a large one', mcpCall(['Ada', '$1,200.50'], pay), 'transaction_limit max-single-transaction'],
    [
      'refuses a tool whose amounts are numbers, which are not shown',
      mcpCall(['Ada'], mcpTool('pay', { amount: NUMBER, to: TEXT })),
      HIDDEN,
    ],
    [
      'refuses a tool whose amount may be a number',
      mcpCall(['Ada'], mcpTool('pay', { total: { anyOf: [TEXT, NUMBER] } })),
      HIDDEN,
    ],
    [
      'hides such a tool from a list',
      mcpListed(mcpTool('pay', { order: { properties: { price: NUMBER } } })),
      HIDDEN,
    ],
    ['refuses arguments of which no schema is known', mcpBeside(['Ada']), HIDDEN],
    [
      'passes a tool without amounts',
      mcpCall(['5000'], mcpTool('search', { query: TEXT, limit: NUMBER })),
      undefined,
    ],
    [
      'refuses a tool with a number of that name beside a text of that name',
      mcpListed(mcpTool('pay', { a: { properties: { price: NUMBER } }, b: { properties: { price: TEXT } } })),
      HIDDEN,
    ],
    [
      'passes an amount that is a text and may be left out',
      mcpCall(
        ['50'],
        mcpTool('pay', { amount: { anyOf: [TEXT, { type: 'null' }] }, total: { type: ['string', 'null'] } }),
      ),
      undefined,
    ],
    ['passes a tool without arguments', mcpListed(mcpTool('ping')), undefined],
  ])('%s', (_, body, expected) => {
    expect(callPolicy(agentFirewall, limits).check(body)).toBe(expected);
  });

  test.each(['1', '2'])('sums those of a day, under the ids %s after 1', (id) => {
    const { check } = callPolicy(agentFirewall, limits);
    const call = (args: string[], id: string) => mcpCall(args, pay, { litellm_call_id: id });
    expect(check(call([], '1'))).toBeUndefined();
    expect(check(call(['80', 'Ada'], '1'))).toBeUndefined();
    expect(check(call([], id))).toBeUndefined();
    expect(check(call(['80', 'Ada'], id))).toBe('transaction_limit max-daily-total');
  });

  test('halts no session for a tool that nobody may call', () => {
    const { check } = callPolicy(agentFirewall, {
      ...limits,
      kill_switches: { halt_on_suspicious_pattern: true },
    });
    expect(check(mcpListed(mcpTool('pay', { amount: NUMBER })))).toBe(HIDDEN);
    expect(check(mcpCall(['50', 'Ada'], pay))).toBeUndefined();
  });

  test('says nothing where no amount is limited', () => {
    const { check } = callPolicy(agentFirewall, {
      rate_limit: 9,
      argument_rules: [{ path_traversal: true }],
    });
    expect(check(mcpListed(mcpTool('pay', { amount: NUMBER })))).toBeUndefined();
  });
});

describe('rbac on MCP tools', () => {
  const roles = (role: object) => ({ roles: { agent: role }, default_role: 'agent', deny_if_missing: [] });
  const CALL = 'tool_not_allowed tool-call';

  test.each<[string, object, Record<string, unknown>, string | undefined]>([
    ['refuses a denied tool', { denied_tools: ['lookup'] }, called('lookup'), CALL],
    [
      'refuses it by its name with the server',
      { denied_tools: ['directory-lookup'] },
      called('lookup'),
      CALL,
    ],
    ['passes an allowed tool', { allowed_tools: ['lookup'] }, called('lookup'), undefined],
    ['allows no tool by a prefix', { allowed_tools: ['lookup'] }, called('evil-lookup'), CALL],
    ['hides a denied tool from a list', { denied_tools: ['lookup'] }, mcpListed(), CALL],
    [
      'misses no model where only some are allowed',
      { allowed_models: ['gpt-*'] },
      called('lookup'),
      undefined,
    ],
    ['judges no result', { allowed_tools: [], allowed_models: [] }, mcpResult('x'), undefined],
  ])('%s', (_, role, body, expected) => {
    expect(callPolicy(rbac, roles(role)).check(body)).toBe(expected);
  });

  test('asks for an identity where a tool is called, and not of a result, which has none', () => {
    const { check } = callPolicy(rbac, { require_auth: true });
    const nobody = { request_data: {}, request_headers: { accept: '*/*' } };
    expect(check(mcpCall(['x'], {}, nobody))).toBe('identity_missing deny-if-missing');
    expect(check(mcpCall(['x']))).toBeUndefined();
    expect(check(mcpResult('x'))).toBeUndefined();
  });
});
