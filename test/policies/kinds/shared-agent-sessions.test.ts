import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { agentFirewall } from '../../../src/policies/kinds/agent-firewall.ts';
import { MemoryStore } from '../../../src/state/memory-store.ts';
import { callOf, toolCall } from '../../support/call.ts';
import { callPolicy } from '../../support/call-policy.ts';
import { mcpBeside, mcpCall } from '../../support/mcp.ts';
import { engineOf, judgeWith } from '../../support/policies.ts';
import { BreakableStore, sharedStates } from '../../support/shared-states.ts';

const NOW = 1_800_000_000_000;
const SESSION = { request_headers: { 'x-session-id': 's-1' }, request_data: { user_api_key_hash: 'k' } };
const OTHER = { request_headers: { 'x-session-id': 's-2' } };
const [KEY, OTHER_KEY] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const FULL = 'session_limit max-actions-per-session';
const RATE = 'rate_limit rate-limit';
const DAILY = 'transaction_limit max-daily-total';
const HALTED = 'session_limit session-halted';

/** A response with one tool call. */
const acting = (call: string, args: unknown = {}, fields: Record<string, unknown> = {}) => ({
  input_type: 'response',
  litellm_call_id: call,
  tool_calls: [toolCall(typeof args === 'string' ? args : JSON.stringify(args), 'pay', 'call_1')],
  ...SESSION,
  ...fields,
});

/** Replicas that judge by the same policy, each call by the next one. */
async function replicasOf(options: Record<string, unknown>, replicas = 3) {
  const store = new BreakableStore();
  const { states, failed } = await sharedStates(replicas, store.seen);
  const kept = states.map(() => new Map<string, unknown>());
  const policies = states.map((state, i) => callPolicy(agentFirewall, options, kept[i], state));
  let calls = 0;
  const check = async (fields: Record<string, unknown>, at?: { now?: number }) =>
    (await policies[calls++ % replicas]!.checkShared(fields, at)).refusal;
  /** One of them, whose policies are read anew. */
  const reload = (i: number) => callPolicy(agentFirewall, options, kept[i], states[i]).checkShared;
  return { store, failed, check, on: policies.map(({ checkShared }) => checkShared), reload };
}

const counted = (refusals: readonly (string | undefined)[]) =>
  Object.fromEntries([...Map.groupBy(refusals, String)].map(([name, all]) => [name, all.length]));

/** Sets the clock of the store, which here is that of this process. */
function clockAt(ms: number): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['Date'], now: ms });
  onTestFinished(() => void vi.useRealTimers());
  return (later) => vi.setSystemTime(later);
}

describe('a limit of agents that several replicas share', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['actions in a session', { max_actions_per_session: 5 }, {}, FULL],
    ['calls per minute', { rate_limit: 5 }, {}, RATE],
    ['an amount per day', { transaction_limits: { max_daily_total: 50 } }, { amount: 10 }, DAILY],
  ])('admits exactly as many as it says: %s', async (_, options, args, refusal) => {
    const calls = (from: number) => Array.from({ length: 20 }, (_, i) => acting(`c-${from + i}`, args));
    const one = await replicasOf(options);
    const inTurn: (string | undefined)[] = [];
    for (const call of calls(0)) inTurn.push(await one.check(call));
    expect(counted(inTurn)).toEqual({ undefined: 5, [refusal]: 15 });
    const other = await replicasOf(options);
    const atOnce = await Promise.all(calls(0).map((call) => other.check(call)));
    expect(counted(atOnce)).toEqual({ undefined: 5, [refusal]: 15 });
    // Those that were refused took no place
    expect(counted(await Promise.all(calls(20).map((call) => other.check(call))))).toEqual({ [refusal]: 20 });
    expect([...one.failed, ...other.failed]).toEqual([]);
  });

  test('counts the actions of one response together, or none of them', async () => {
    const { check } = await replicasOf({ max_actions_per_session: 5 });
    const many = (call: string, actions: number) =>
      check({
        ...acting(call),
        tool_calls: Array.from({ length: actions }, (_, i) => toolCall('{}', 'pay', `call_${i}`)),
      });
    expect([await many('a', 4), await many('b', 2), await many('c', 1), await many('d', 1)]).toEqual([
      undefined,
      FULL,
      undefined,
      FULL,
    ]);
  });

  test('counts an action that grows in a stream once, though each round comes to another replica', async () => {
    const limits = { max_actions_per_session: 1, transaction_limits: { max_daily_total: 100 } };
    const { check } = await replicasOf(limits);
    for (const args of ['', '{"amo', '{"amount": 6', '{"amount": 60', '{"amount": 60}', '{"amount": 60}'])
      expect(await check(acting('c-1', args))).toBeUndefined();
    expect(await check(acting('c-1', '{"amount": 60} '))).toBe(FULL);
    expect(await check(acting('c-2', '{"amount": 60}'))).toBe(FULL);
  });

  test('counts a call of an MCP tool once, of which three checks come to three replicas, and the next one anew', async () => {
    const { check } = await replicasOf({ max_actions_per_session: 2 });
    const ids = (id: string) => ({ litellm_call_id: id, litellm_trace_id: `trace ${id}` });
    const about = (id: string) => [
      mcpCall([], {}, ids(id)),
      mcpCall(['x'], {}, ids(id)),
      { ...mcpBeside(['x']), ...ids(id) },
    ];
    for (const one of [...about('1'), ...about('2')]) expect(await check(one)).toBeUndefined();
    for (const one of about('3')) expect(await check(one)).toBe(FULL);
  });

  test('goes by the clock of the store, whatever those of the replicas say', async () => {
    const turn = clockAt(NOW);
    const { on } = await replicasOf({ rate_limit: 2, transaction_limits: { max_daily_total: 100 } });
    const skewed = (replica: number, call: string, hours: number) =>
      on[replica]!(acting(call, { amount: 40 }), { now: NOW + hours * 3_600_000 }).then(
        (done) => done.refusal,
      );
    expect(await skewed(0, 'a', 0)).toBeUndefined();
    expect(await skewed(1, 'b', 40)).toBeUndefined();
    expect(await skewed(2, 'c', -40)).toBe(RATE);
    turn(NOW + 59_999);
    expect(await skewed(2, 'd', 80)).toBe(RATE);
    turn(NOW + 60_000);
    expect(await skewed(2, 'e', 80)).toBe(DAILY);
    turn(NOW + 86_400_000);
    expect(await skewed(2, 'f', -80)).toBeUndefined();
  });

  test('counts each minute anew, whatever a replica remembers of the one before', async () => {
    const turn = clockAt(NOW);
    const { on } = await replicasOf({ rate_limit: 3 }, 2);
    const act = async (replica: number, call: string) =>
      (await on[replica]!(acting(call), { now: Date.now() })).refusal;
    for (const call of ['a', 'b', 'c']) expect(await act(0, call)).toBeUndefined();
    turn(NOW + 60_000);
    for (const call of ['d', 'e']) expect(await act(1, call)).toBeUndefined();
    expect([await act(0, 'f'), await act(0, 'g'), await act(1, 'h')]).toEqual([undefined, RATE, RATE]);
  });

  test('counts the actions of one call once each, in whichever order its rounds show them', async () => {
    const { check } = await replicasOf({ max_actions_per_session: 2 });
    const one = toolCall('{}', 'pay', 'call_1');
    const two = toolCall('{}', 'pay', 'call_2');
    for (const tool_calls of [[one], [two], [one, two], [two], [one]])
      expect(await check({ ...acting('a'), tool_calls })).toBeUndefined();
    expect(await check(acting('b'))).toBe(FULL);
  });

  test('keeps sessions, callers and tools apart', async () => {
    const { check } = await replicasOf({ max_actions_per_session: 1, rate_limits: { pay: 1 } });
    expect(await check(acting('a'))).toBeUndefined();
    expect(await check(acting('b'))).toBe(FULL);
    expect(await check(acting('b', {}, { request_headers: { 'x-session-id': 's-2' } }))).toBeUndefined();
    expect(await check(acting('b', {}, { request_data: { user_api_key_hash: 'l' } }))).toBeUndefined();
  });

  test('remembers a thousand times of one tool', async () => {
    const { on } = await replicasOf({ rate_limit: 1000 }, 2);
    const act = (i: number) => on[i % 2]!(acting(`c-${i}`));
    const before = await Promise.all(Array.from({ length: 990 }, (_, i) => act(i)));
    const after = await Promise.all(Array.from({ length: 20 }, (_, i) => act(1000 + i)));
    expect(counted(before.map(({ refusal }) => refusal))).toEqual({ undefined: 990 });
    expect(counted(after.map(({ refusal }) => refusal))).toEqual({ undefined: 10, [RATE]: 10 });
  });
});

describe('the kill switch of several replicas', () => {
  const options = { kill_switches: { halt_on_suspicious_pattern: true } };

  test('halts a session on all of them with the next call, and for a day', async () => {
    const turn = clockAt(NOW);
    const { check } = await replicasOf(options);
    expect(await check(acting('a'), { now: NOW })).toBeUndefined();
    expect(await check(acting('b', { path: '../x' }), { now: NOW })).toBe('argument_denied path-traversal');
    const later = NOW + 80_000_000;
    turn(later);
    for (let replica = 0; replica < 3; replica++) {
      expect(await check(acting('c'), { now: later })).toBe(HALTED);
      expect(await check({ ...acting('d'), input_type: 'request' }, { now: later })).toBe(HALTED);
    }
    expect(await check(acting('e', {}, { request_headers: {} }), { now: later })).toBeUndefined();
    turn(NOW + 86_400_001);
    for (let replica = 0; replica < 3; replica++)
      expect(await check(acting('f'), { now: NOW + 86_400_001 })).toBeUndefined();
  });

  test('stops a stream whose actions are counted, and is remembered where it was met', async () => {
    const { store, on } = await replicasOf({ ...options, max_actions_per_session: 5 }, 2);
    const act = async (replica: number, call: string, args?: unknown) =>
      (await on[replica]!(acting(call, args))).refusal;
    expect([await act(0, 'a'), await act(0, 'a')]).toEqual([undefined, undefined]);
    expect(await act(1, 'b', { path: '../x' })).toBe('argument_denied path-traversal');
    expect(await act(0, 'a')).toBe(HALTED);
    store.isDown = true;
    expect(await act(0, 'c')).toBe(HALTED);
  });

  test('refuses a halted session its counted actions too, and counts none of them', async () => {
    const { check } = await replicasOf({ ...options, max_actions_per_session: 2 });
    expect(await check(acting('a', { path: '../x' }))).toBe('argument_denied path-traversal');
    const more = await Promise.all(Array.from({ length: 6 }, (_, i) => check(acting(`c-${i}`))));
    expect(counted(more)).toEqual({ [HALTED]: 6 });
  });
});

describe('agents while the store of replicas cannot be reached', () => {
  test('are limited by the counts of each replica, and by the strictest of them once it is back', async () => {
    const { store, failed, on } = await replicasOf({ max_actions_per_session: 5 }, 2);
    const act = async (replica: number, call: string) => (await on[replica]!(acting(call))).refusal;
    expect([await act(0, 'a'), await act(1, 'b'), await act(0, 'c')]).toEqual(Array(3).fill(undefined));
    store.isDown = true;
    // The first knows of three actions, the second of two
    expect([await act(0, 'd'), await act(0, 'e'), await act(0, 'f')]).toEqual([undefined, undefined, FULL]);
    expect([await act(1, 'g'), await act(1, 'h')]).toEqual([undefined, undefined]);
    expect(failed.length).toBe(5);
    expect(new Set(failed)).toEqual(new Set(['agent_sessions unavailable']));
    await store.back();
    expect([await act(1, 'i'), await act(0, 'j'), await act(1, 'k')]).toEqual([undefined, FULL, FULL]);
  });

  test('bring amounts and streams that were counted meanwhile', async () => {
    const { store, on } = await replicasOf({ transaction_limits: { max_daily_total: 50 } }, 1);
    const act = async (call: string, args: unknown) => (await on[0]!(acting(call, args))).refusal;
    store.isDown = true;
    expect([await act('a', { amount: 40 }), await act('b', '{"amount": 1')]).toEqual([undefined, undefined]);
    await store.back();
    expect([await act('b', '{"amount": 10'), await act('c', { amount: 1 })]).toEqual([undefined, DAILY]);
  });

  test('are refused where the policy fails closed, and no others', async () => {
    const { store, failed, check } = await replicasOf({
      ...{ max_actions_per_session: 5, unreachable_fallback: 'fail_closed' },
      kill_switches: { halt_on_suspicious_pattern: true },
    });
    store.isDown = true;
    const REFUSED = 'state_unavailable state-unreachable';
    expect(await check(acting('a'))).toBe(REFUSED);
    expect(await check({ ...acting('b'), input_type: 'request' })).toBe(REFUSED);
    expect(await check(acting('c', { path: '../x' }))).toBe('argument_denied path-traversal');
    expect(await check({ ...acting('d'), tool_calls: [], texts: ['hello'] })).toBeUndefined();
    expect(failed).toEqual(Array(3).fill('agent_sessions unavailable'));
  });

  test('pass a halted session by only where nobody here knows of it', async () => {
    const { store, on } = await replicasOf({ kill_switches: { halt_on_suspicious_pattern: true } }, 3);
    const act = async (replica: number, args: unknown = {}) =>
      (await on[replica]!(acting('a', args))).refusal;
    await act(0, { path: '../x' });
    expect(await act(1)).toBe(HALTED);
    store.isDown = true;
    expect([await act(0), await act(1), await act(2)]).toEqual([HALTED, HALTED, undefined]);
  });

  test.each<[string, Record<string, unknown>, unknown]>([
    ['its next call', acting('b'), HALTED],
    ['any other call', acting('b', {}, OTHER), undefined],
    ['a request', acting('b', {}, { ...OTHER, input_type: 'request' }), undefined],
  ])('tell others of a halt once they can, with %s', async (_, next, refusal) => {
    const halting = { max_actions_per_session: 9, kill_switches: { halt_on_suspicious_pattern: true } };
    const { store, on, reload } = await replicasOf(halting, 2);
    const act = async (replica: number, args: unknown = {}) =>
      (await on[replica]!(acting('a', args))).refusal;
    store.isDown = true;
    expect(await act(0, { path: '../x' })).toBe('argument_denied path-traversal');
    await store.back();
    const judged = reload(0);
    expect((await judged(next)).refusal).toBe(refusal);
    await vi.waitFor(async () => expect(await act(1)).toBe(HALTED), 2000);
    expect((await judged(acting('a'))).isAsked).toBe(false);
  });

  test.each([
    ['fail_closed', 'state_unavailable state-unreachable'],
    ['fail_open', undefined],
  ])(
    'go by the policy where values are encrypted with a key of another: %s',
    async (unreachable_fallback, other) => {
      const store = new MemoryStore(1_000_000);
      const both = [await sharedStates(1, store, [KEY]), await sharedStates(1, store, [OTHER_KEY])];
      const options = {
        ...{ max_actions_per_session: 2, unreachable_fallback },
        kill_switches: { halt_on_suspicious_pattern: true },
      };
      const on = both.map(
        ({ states }) => callPolicy(agentFirewall, options, new Map(), states[0]).checkShared,
      );
      const act = async (replica: number, call: string, fields = {}) =>
        (await on[replica]!(acting(call, {}, fields))).refusal;
      expect(await act(0, 'a')).toBeUndefined();
      expect(await act(1, 'b')).toBe(other);
      expect(await act(1, 'b', { input_type: 'request' })).toBe(other);
      expect([await act(0, 'c'), await act(0, 'd')]).toEqual([undefined, FULL]);
      expect(both[1]?.failed).toEqual(Array(2).fill('agent_sessions unreadable'));
    },
  );

  test('go on with what their replica knows where the store has lost it', async () => {
    const { store, on } = await replicasOf({ max_actions_per_session: 3 }, 2);
    const act = async (replica: number, call: string) => (await on[replica]!(acting(call))).refusal;
    expect([await act(0, 'a'), await act(1, 'b'), await act(0, 'c')]).toEqual(Array(3).fill(undefined));
    await store.lose();
    expect([await act(0, 'd'), await act(1, 'e'), await act(1, 'f')]).toEqual([FULL, undefined, FULL]);
  });
});

describe('the store of replicas', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, boolean]>([
    ['a response with a tool call', { max_actions_per_session: 5 }, acting('a'), true],
    ['a response without one', { max_actions_per_session: 5 }, acting('a', {}, { tool_calls: [] }), false],
    ['a request', { max_actions_per_session: 5 }, acting('a', {}, { input_type: 'request' }), false],
    ['a tool without a rate', { rate_limits: { other: 5 } }, acting('a'), false],
    ['a call without an amount', { transaction_limits: { max_daily_total: 5 } }, acting('a'), false],
    ['an amount alone', { transaction_limit: 5 }, acting('a', { amount: 1 }), false],
    ['a forbidden tool', { blocked_tools: ['pay'], rate_limit: 5 }, acting('a'), false],
    [
      'a request where sessions can be halted',
      { kill_switches: { halt_on_suspicious_pattern: true } },
      acting('a', {}, { input_type: 'request' }),
      true,
    ],
  ])('is asked only about what is counted: %s', async (_, options, fields, isAsked) => {
    const { on } = await replicasOf(options, 1);
    expect((await on[0]!(fields)).isAsked).toBe(isAsked);
  });

  test('is not asked about a response that a replica has counted just so', async () => {
    const { on } = await replicasOf({ max_actions_per_session: 1 }, 2);
    const shown = (replica: number, args: string) => on[replica]!(acting('a', args));
    const rounds = [
      await shown(0, '{"a'),
      await shown(0, '{"a'),
      await shown(0, '{"a"'),
      await shown(1, '{"a"'),
    ];
    expect(rounds.map(({ isAsked }) => isAsked)).toEqual([true, false, true, true]);
    expect(rounds.every(({ refusal }) => refusal === undefined)).toBe(true);
  });
});

test('the engine waits for what replicas share, which is no work of its policies', async () => {
  const store = new BreakableStore();
  const { states } = await sharedStates(1, store.seen);
  const policy = { 'agent-firewall': { max_actions_per_session: 1 } };
  const { engine } = engineOf({ chain: ['secrets', 'agent-firewall'], policy }, Date.now, states[0]);
  const judge = async (call: string) => {
    const long = callOf({ ...acting(call), texts: ['a word and another, '.repeat(10_000)] });
    const { by, verdict } = await judgeWith(engine, long, { timeoutMs: 200 });
    return `${verdict} ${by?.rules}`;
  };
  store.slowMs = 300;
  expect([await judge('a'), await judge('b')]).toEqual(['allow undefined', 'block max-actions-per-session']);
});
