import { describe, expect, test } from 'vitest';
import { agentFirewall } from '../../../src/policies/kinds/agent-firewall.ts';
import { toolCall } from '../../support/call.ts';
import { callPolicy } from '../../support/call-policy.ts';

const response = (...tool_calls: unknown[]) => ({
  input_type: 'response',
  litellm_call_id: 'c-1',
  tool_calls,
});
const calling = (name: string, args: unknown = {}, id = 'call_1') => toolCall(JSON.stringify(args), name, id);
const DENIED = 'tool_denied tool';

describe('agent-firewall on tools', () => {
  const lists = {
    allowed_tools: ['search.*', 'fs/{read,write}'],
    blocked_tools: ['search.raw'],
    denied_tools: ['*secret*'],
  };
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['passes an allowed tool', lists, response(calling('search.web')), undefined],
    ['passes an allowed tool with a slash in its name', lists, response(calling('fs/read')), undefined],
    ['refuses a tool that is not allowed', lists, response(calling('shell')), DENIED],
    ['refuses a blocked tool', lists, response(calling('search.raw')), DENIED],
    ['refuses a denied tool', lists, response(calling('search.secrets')), DENIED],
    [
      'refuses several calls for one of them',
      lists,
      response(calling('search.web'), calling('shell')),
      DENIED,
    ],
    [
      'refuses a call without a name',
      lists,
      response({ id: null, index: 0, function: { name: null, arguments: '' } }),
      DENIED,
    ],
    ['refuses a call that is no object', lists, response('shell'), DENIED],
    [
      'refuses a custom tool by its name',
      lists,
      response({ id: 'x', type: 'custom', custom: { name: 'shell', input: 'ls' } }),
      DENIED,
    ],
    [
      'passes any tool but the blocked ones where none is allowed by name',
      { blocked_tools: ['shell*'] },
      response(calling('look_up')),
      undefined,
    ],
    [
      'refuses a blocked name with a line break',
      { blocked_tools: ['shell*'] },
      response(calling('shell\nx')),
      DENIED,
    ],
    [
      'refuses a blocked name with dots',
      { blocked_tools: ['shell*'] },
      response(calling('shell/../x')),
      DENIED,
    ],
    [
      'refuses a blocked name that is very long',
      { blocked_tools: ['shell*'] },
      response(calling(`shell${'x'.repeat(300)}`)),
      DENIED,
    ],
    [
      'passes a response without calls where no tool is allowed',
      { allowed_tools: [] },
      response(),
      undefined,
    ],
    [
      'offered',
      { blocked_tools: ['shell'] },
      { tools: [{ type: 'function', function: { name: 'shell' } }] },
      undefined,
    ],
  ])('%s', (_, options, fields, refusal) => {
    const { check, failed } = callPolicy(agentFirewall, options);
    expect(failed).toEqual([]);
    expect(check(fields)).toBe(refusal);
  });

  test('judges the calls of a request since its last user message', () => {
    const { check } = callPolicy(agentFirewall, { blocked_tools: ['shell'] });
    const called = { role: 'assistant', content: null, tool_calls: [calling('shell')] };
    const rows = [
      { role: 'user', content: 'a' },
      called,
      { role: 'tool', content: 'b', tool_call_id: 'call_1' },
    ];
    const tool_calls = [calling('shell')];
    expect(check({ structured_messages: rows, tool_calls })).toBe(DENIED);
    expect(
      check({ structured_messages: [...rows, { role: 'user', content: 'c' }], tool_calls }),
    ).toBeUndefined();
    const reminder = '<system-reminder>be brief</system-reminder>';
    for (const content of ['', reminder, [{ type: 'text', text: reminder }]])
      expect(check({ structured_messages: [...rows, { role: 'user', content }], tool_calls })).toBe(DENIED);
    expect(check({ tool_calls })).toBe(DENIED);
    const old = { role: 'assistant', function_call: { name: 'shell', arguments: '' } };
    expect(check({ structured_messages: [old] })).toBe(DENIED);
  });
});

describe('agent-firewall by role', () => {
  const options = { tools: { roles: { reader: { allowed: ['fs.read'] }, writer: { denied: ['shell'] } } } };
  const of = (name: string, fields: Record<string, unknown>) => ({ ...response(calling(name)), ...fields });
  test.each([
    [
      'passes a tool of the role of the team',
      of('fs.read', { request_data: { user_api_key_team_alias: 'reader' } }),
      undefined,
    ],
    [
      'refuses a tool that the role of the team has not',
      of('fs.write', { request_data: { user_api_key_team_alias: 'reader' } }),
      'tool_denied role-tool',
    ],
    [
      'passes a tool of the role of the team in capitals',
      of('fs.write', { request_data: { user_api_key_team_alias: 'WRITER' } }),
      undefined,
    ],
    [
      'refuses a tool in capitals that the role of the team denies',
      of('Shell', { request_data: { user_api_key_team_alias: 'writer' } }),
      'tool_denied role-tool',
    ],
    [
      'takes no role from the alias of a key, which its maker chooses',
      of('fs.write', { request_data: { user_api_key_alias: 'writer', user_api_key_hash: 'writer' } }),
      'tool_denied no-role',
    ],
    [
      'takes no role from a header, which the client sends',
      of('fs.write', { request_headers: { 'X-Agent-Role': 'writer' } }),
      'tool_denied no-role',
    ],
    [
      'takes the role of the team before that of a header',
      of('fs.write', {
        request_data: { user_api_key_team_alias: 'reader' },
        request_headers: { 'x-agent-role': 'writer' },
      }),
      'tool_denied role-tool',
    ],
    ['refuses a call without a role', of('fs.read', {}), 'tool_denied no-role'],
    ['passes a text without a role', { input_type: 'response', texts: ['hello'] }, undefined],
  ])('%s', (_, fields, refusal) => {
    expect(callPolicy(agentFirewall, options).check(fields)).toBe(refusal);
  });

  test('takes that of the header where the operator trusts it', () => {
    const { check, warned } = callPolicy(agentFirewall, { tools: { ...options.tools, trusted: true } });
    const by = (role: string) => of('fs.write', { request_headers: { 'X-Agent-Role': role } });
    expect([check(by('Writer')), check(by('reader')), check(by('none'))]).toEqual([
      undefined,
      'tool_denied role-tool',
      'tool_denied no-role',
    ]);
    expect(warned).toEqual([]);
  });

  test('says whose it is, until the operator says if the header is trusted', () => {
    expect(callPolicy(agentFirewall, options).warned).toEqual([
      expect.stringMatching(/^tools\.roles are held by teams .*x-agent-role/),
    ]);
    expect(callPolicy(agentFirewall, { tools: { ...options.tools, trusted: false } }).warned).toEqual([]);
  });
});

describe('agent-firewall on arguments', () => {
  const options = {
    argument_rules: [
      { path_traversal: true },
      { tools: ['shell*'], deny_patterns: ['rm\\s{1,4}-rf', '^sudo '] },
      { tools: ['fs.*'], allowed_paths: ['/workspace', '.'] },
    ],
  };
  const PATH = 'argument_denied path-traversal';
  const PATTERN = 'argument_denied deny-pattern';
  test.each([
    ['passes harmless arguments', calling('shell', { cmd: 'ls -l' }), undefined],
    ['refuses path traversal', calling('look_up', { title: '../../etc/passwd' }), PATH],
    ['refuses path traversal that is encoded', calling('look_up', { title: '%252e%252e%252fetc' }), PATH],
    ['refuses path traversal after a line break', calling('look_up', { title: 'a\n../b' }), PATH],
    ['refuses path traversal in a name', calling('look_up', { '../x': 1 }), PATH],
    [
      'refuses path traversal in JSON within JSON',
      calling('look_up', { body: JSON.stringify({ body: JSON.stringify({ file: '..\\x' }) }) }),
      PATH,
    ],
    ['refuses path traversal that JSON escapes', toolCall('{"path": "\\u002e\\u002e\\u002fetc"}'), PATH],
    ['refuses path traversal in invalid JSON', toolCall('{"path": "../etc'), PATH],
    ['refuses path traversal after a line break in invalid JSON', toolCall('{"text": "a\\n../etc'), PATH],
    ['passes dots at the end of a line', calling('look_up', { title: 'wait ..\nthen' }), undefined],
    ['refuses a pattern', calling('shell', { cmd: 'rm -rf /' }), PATTERN],
    ['refuses a pattern that stands at the beginning', calling('shell', { cmd: 'sudo ls' }), PATTERN],
    ['refuses a pattern that is encoded', calling('shell', { cmd: 'rm%20-rf /' }), PATTERN],
    ['refuses a pattern in wide letters', calling('shell', { cmd: '\uff52\uff4d -rf' }), PATTERN],
    [
      'refuses a pattern after thousands of values',
      calling('shell', { list: [...Array(3000).fill('x'), 'rm -rf'] }),
      PATTERN,
    ],
    ['passes the pattern of another tool', calling('note', { text: 'rm -rf /' }), undefined],
    [
      'refuses a path outside the allowed ones',
      calling('fs.read', { path: '/etc/passwd' }),
      'argument_denied path-not-allowed',
    ],
    ['passes a path inside the allowed ones', calling('fs.read', { path: '/workspace/a' }), undefined],
    [
      'refuses a path outside in invalid JSON',
      toolCall('{"path": "/etc/passwd", "x', 'fs.read'),
      'argument_denied path-not-allowed',
    ],
    [
      'refuses too many values',
      calling('shell', Array(20_001).fill('')),
      'argument_denied too-many-arguments',
    ],
    ['passes a call without arguments', { id: 'x', function: { name: 'shell' } }, undefined],
    [
      'refuses a pattern in arguments that are an object',
      { id: 'x', function: { name: 'shell', arguments: { cmd: 'rm -rf /' } } },
      PATTERN,
    ],
  ])('%s', (_, call, refusal) => {
    const { check, failed } = callPolicy(agentFirewall, options);
    expect(failed).toEqual([]);
    expect(check(response(call))).toBe(refusal);
    expect(check({ tool_calls: [call] })).toBe(refusal);
  });

  const TOO_MANY = 'argument_denied too-many-arguments';

  test('refuses arguments that would take long to read', () => {
    const { check } = callPolicy(agentFirewall, {
      argument_rules: [{ deny_patterns: ['(?:[a-z]+ ){1,100}[A-Z]\\d'] }],
    });
    const start = performance.now();
    expect(check(response(calling('a', 'abc '.repeat(122_000))))).toBe(TOO_MANY);
    // Far from the seconds that the whole would take, even on a busy machine
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('refuses more than 1000 calls', () => {
    const { check } = callPolicy(agentFirewall, { blocked_tools: ['shell'] });
    expect(check(response(...Array(1000).fill(calling('a'))))).toBeUndefined();
    expect(check(response(...Array(1001).fill(calling('a'))))).toBe(TOO_MANY);
  });

  test('refuses a pattern that cannot run in linear time', () => {
    const { failed } = callPolicy(agentFirewall, { argument_rules: [{ deny_patterns: ['ok', '('] }] });
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatch(/^argument_rules\[0\]\.deny_patterns\[1\] ./);
  });
});

describe('limits of agent-firewall', () => {
  const act = (
    check: ReturnType<typeof callPolicy>['check'],
    {
      call = 'c-1',
      id = 'call_1',
      tool = 'look_up',
      amount = 0,
      now = 0,
      ...fields
    }: Record<string, unknown> = {},
  ) =>
    check(
      {
        input_type: 'response',
        litellm_call_id: call,
        tool_calls: [calling(tool as string, { amount }, id as string)],
        ...fields,
      },
      { now: 1_800_000_000_000 + (now as number) },
    );
  const FULL = 'session_limit max-actions-per-session';

  test('count an action of a session once, however often a stream repeats it', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 2 });
    const litellm_trace_id = 't-1';
    for (let again = 0; again < 5; again++) expect(act(check, { litellm_trace_id })).toBeUndefined();
    expect(act(check, { litellm_trace_id, call: 'c-2' })).toBeUndefined();
    expect(act(check, { litellm_trace_id, call: 'c-3' })).toBe(FULL);
    expect(act(check, { litellm_trace_id, call: 'c-2' })).toBeUndefined();
    expect(act(check, { litellm_trace_id: 't-2', call: 'c-3' })).toBeUndefined();
    expect(act(check, { litellm_trace_id, call: 'c-3', now: 2 * 86_400_000 })).toBeUndefined();
  });

  test('count each action of a response, and none if they are too many', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 2 });
    const many = (...ids: string[]) => check(response(...ids.map((id) => calling('a', {}, id))));
    expect(many('1', '2', '3')).toBe(FULL);
    expect(many('1', '2')).toBeUndefined();
    expect(many('1', '2', '3')).toBe(FULL);
  });

  test('tell calls without an id apart by their position', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 1 });
    const chunk = { index: 0, id: null, function: { name: 'a', arguments: '' } };
    expect(check(response(chunk))).toBeUndefined();
    expect(check(response(chunk))).toBeUndefined();
    expect(check(response(chunk, chunk))).toBe(FULL);
  });

  test('do not count a request', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 0 });
    expect(act(check)).toBe(FULL);
    expect(check({ tool_calls: [calling('a')] })).toBeUndefined();
  });

  test.each(['x-conversation-id', 'X-Session-ID', 'x-litellm-session-id'])(
    'take the session from the header %s',
    (header) => {
      const { check } = callPolicy(agentFirewall, { max_actions_per_session: 1 });
      const of = (id: string, call: string, key = 'k') =>
        act(check, {
          call,
          request_headers: { [header]: id },
          litellm_trace_id: call,
          request_data: { user_api_key_hash: key },
        });
      expect(of('s-1', 'c-1')).toBeUndefined();
      expect(of('s-1', 'c-2')).toBe(FULL);
      expect(of('s-2', 'c-3')).toBeUndefined();
      expect(of('s-1', 'c-4', 'another key')).toBeUndefined();
      expect(of('[present]', 'c-5')).toBeUndefined();
      expect(of('[present]', 'c-6')).toBeUndefined();
    },
  );

  test('count the rate by tool, over any minute', () => {
    const { check } = callPolicy(agentFirewall, { rate_limits: { default: 2, slow: 1, free: 1000 } });
    expect(act(check, { call: 'a', now: 0 })).toBeUndefined();
    expect(act(check, { call: 'b', now: 30_000 })).toBeUndefined();
    expect(act(check, { call: 'c', now: 59_000 })).toBe('rate_limit rate-limit');
    expect(act(check, { call: 'd', now: 59_000, tool: 'other' })).toBeUndefined();
    expect(act(check, { call: 'e', now: 59_000, tool: 'slow' })).toBeUndefined();
    expect(act(check, { call: 'f', now: 59_000, tool: 'slow' })).toBe('rate_limit rate-limit');
    expect(act(check, { call: 'c', now: 60_000 })).toBeUndefined();
    expect(act(check, { call: 'g', now: 60_001 })).toBe('rate_limit rate-limit');
  });

  test('count the rate of a key over all its traces', () => {
    const { check } = callPolicy(agentFirewall, { rate_limit: 1 });
    const of = (trace: string, key: string) =>
      act(check, { call: trace, litellm_trace_id: trace, request_data: { user_api_key_hash: key } });
    expect(of('t-1', 'k')).toBeUndefined();
    expect(of('t-2', 'k')).toBe('rate_limit rate-limit');
    expect(of('t-3', 'l')).toBeUndefined();
  });

  test.each([
    [{ transaction_limits: { max_single_transaction: 100 } }, 100, undefined],
    [
      { transaction_limits: { max_single_transaction: 100 } },
      100.01,
      'transaction_limit max-single-transaction',
    ],
    [{ transaction_limit: 100 }, '1,000', 'transaction_limit max-single-transaction'],
    [{ transaction_limits: { require_approval_above: 50 } }, 50, undefined],
    [{ transaction_limits: { require_approval_above: 50 } }, 51, 'approval_required require-approval-above'],
    [{ transaction_limits: { max_daily_total: 50 } }, -51, 'transaction_limit max-daily-total'],
  ])('under %j hold for an amount of %j', (options, amount, refusal) => {
    const { check } = callPolicy(agentFirewall, options);
    expect(act(check, { amount })).toBe(refusal);
  });

  test('refuse arguments that are too long to be added up', () => {
    const { check } = callPolicy(agentFirewall, { transaction_limit: 100 });
    expect(check(response(calling('a', 'x'.repeat(500_001))))).toBe('argument_denied too-many-arguments');
    expect(
      callPolicy(agentFirewall, { rate_limit: 1 }).check(response(calling('a', 'x'.repeat(500_001)))),
    ).toBeUndefined();
  });

  test('add up the amounts of a day by key, those that a stream repeats once', () => {
    const { check } = callPolicy(agentFirewall, { transaction_limits: { max_daily_total: 100 } });
    const request_data = { user_api_key_hash: 'k' };
    const DAILY = 'transaction_limit max-daily-total';
    for (const amount of [60, 60]) expect(act(check, { call: 'a', amount, request_data })).toBeUndefined();
    expect(act(check, { call: 'b', amount: 41, request_data, litellm_trace_id: 'x' })).toBe(DAILY);
    expect(act(check, { call: 'b', amount: 40, request_data })).toBeUndefined();
    expect(act(check, { call: 'c', amount: 1, request_data })).toBe(DAILY);
    expect(act(check, { call: 'c', amount: 0, request_data })).toBeUndefined();
    expect(act(check, { call: 'd', amount: 1, request_data: { user_api_key_hash: 'l' } })).toBeUndefined();
    expect(act(check, { call: 'e', amount: 100, request_data, now: 86_400_000 })).toBeUndefined();
  });

  test('count an action that grows in a stream once', () => {
    const limits = { max_actions_per_session: 1, transaction_limits: { max_daily_total: 100 } };
    const { check } = callPolicy(agentFirewall, limits);
    const shown = (args: string) => check(response(toolCall(args, 'pay', 'call_1')));
    for (const args of ['', '{"amo', '{"amount": 6', '{"amount": 60', '{"amount": 60}'])
      expect(shown(args)).toBeUndefined();
    expect(shown('{"amount": 60} ')).toBe(FULL);
  });

  test.each<[string, Record<string, unknown>]>([
    ['arguments', { amount: 50 }],
    ['a tool', { tool: 'pay' }],
    ['an id', { id: 'call_2' }],
  ])('count a call whose id is used again with other values: %s', (_, other) => {
    const { check } = callPolicy(agentFirewall, { transaction_limits: { max_daily_total: 100 } });
    const request_data = { user_api_key_hash: 'k' };
    for (let again = 0; again < 3; again++) expect(act(check, { amount: 60, request_data })).toBeUndefined();
    expect(act(check, { amount: 60, request_data, ...other })).toBe('transaction_limit max-daily-total');
  });

  test('count a call whose id another trace of the key has used', () => {
    const { check } = callPolicy(agentFirewall, { transaction_limits: { max_daily_total: 100 } });
    const of = (litellm_trace_id: string) =>
      act(check, { amount: 60, litellm_trace_id, request_data: { user_api_key_hash: 'k' } });
    for (let again = 0; again < 2; again++) expect(of('t-1')).toBeUndefined();
    expect(of('t-2')).toBe('transaction_limit max-daily-total');
  });

  test('count a call whose id another key has used', () => {
    const { check } = callPolicy(agentFirewall, { transaction_limits: { max_daily_total: 100 } });
    const of = (key: string, call: string) =>
      act(check, { call, amount: 60, request_data: { user_api_key_hash: key } });
    expect(of('k', 'c-1')).toBeUndefined();
    expect(of('l', 'c-1')).toBeUndefined();
    expect(of('l', 'c-2')).toBe('transaction_limit max-daily-total');
  });

  test('outlive a reload of the file', () => {
    const kept = new Map();
    expect(act(callPolicy(agentFirewall, { max_actions_per_session: 1 }, kept).check)).toBeUndefined();
    expect(act(callPolicy(agentFirewall, { max_actions_per_session: 1 }, kept).check, { call: 'c-2' })).toBe(
      FULL,
    );
  });

  test('forget the oldest of many sessions', () => {
    const { check } = callPolicy(agentFirewall, { max_actions_per_session: 1 });
    for (let session = 0; session <= 10_000; session++)
      expect(act(check, { call: `c-${session}`, litellm_trace_id: `t-${session}` })).toBeUndefined();
    expect(act(check, { call: 'new', litellm_trace_id: 't-10000' })).toBe(FULL);
    expect(act(check, { call: 'new', litellm_trace_id: 't-0' })).toBeUndefined();
  });
});

describe('the kill switch', () => {
  test('halts a session after a suspicious argument', () => {
    const { check } = callPolicy(agentFirewall, { kill_switches: { halt_on_suspicious_pattern: true } });
    const of = (trace: string, path: string) =>
      check({ ...response(calling('a', { path })), litellm_trace_id: trace });
    expect(of('t-1', 'a')).toBeUndefined();
    expect(of('t-1', '../a')).toBe('argument_denied path-traversal');
    expect(of('t-1', 'a')).toBe('session_limit session-halted');
    expect(of('t-2', 'a')).toBeUndefined();
    expect(check({ input_type: 'response', texts: ['a'], litellm_trace_id: 't-1' })).toBeUndefined();
  });
});

test('agent-firewall warns of options that it cannot apply', () => {
  const { warned } = callPolicy(agentFirewall, {
    kill_switches: { max_errors_before_halt: 3, halt_on_pii_in_action: true },
    monitoring: { alert_on_denied_action: true },
  });
  expect(warned.map((line) => line.split(' ')[0])).toEqual([
    'kill_switches.max_errors_before_halt',
    'kill_switches.halt_on_pii_in_action',
    'monitoring',
  ]);
});

test.each([
  ['max_actions_per_session', -1],
  ['rate_limit', 5000],
  ['rate_limits', { default: 'many' }],
  ['allowed_tools', 'search'],
  ['argument_rule', []],
])('agent-firewall refuses %s: %j', (key, value) => {
  expect(() => callPolicy(agentFirewall, { [key]: value })).toThrow();
});
