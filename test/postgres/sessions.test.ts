import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { REMOVED } from '../../src/policies/turns.ts';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { toolCall } from '../support/call.ts';
import { fakeBackend } from '../support/closing.ts';
import { policyFile } from '../support/policy-file.ts';
import { metricOf, startReplicas } from './replicas.ts';
import { databaseConfig, type Postgres, startPostgres } from './server.ts';

type Reply = { action: string; blocked_reason?: string; texts?: string[] };

/** Replicas that share a schema and judge by a policy file, each call by the next of them. */
async function replicasOf(count: number, env: Record<string, string>, postgres?: Postgres) {
  const config = databaseConfig(postgres && { url: postgres.url });
  const { url, schema } = config;
  const { replicas, balancer } = await startReplicas(count, {
    ...{ DATABASE_URL: url, DATABASE_SCHEMA: schema, STATE_TIMEOUT: '3', TELEMETRY: 'off' },
    ...env,
  });
  const ask = async (call: object, to = balancer.url): Promise<Reply> => {
    const body = JSON.stringify({ litellm_version: '1.110.2', ...call });
    const posted = await fetch(`${to}/beta/litellm_basic_guardrail_api`, { method: 'POST', body });
    expect(posted.status).toBe(200);
    return (await posted.json()) as Reply;
  };
  /** Sends a call to one replica. */
  const askOne = (replica: number, call: object) => ask(call, replicas[replica]?.child?.url);
  /** All that is kept in the database of what they share. */
  const kept = async () => {
    const database = new Database(config, 'command');
    onTestFinished(() => database.close());
    const rows = await database.query<{ name: string; value: Buffer }>('SELECT name, value FROM state');
    return rows.map(({ name, value }) => `${name} ${value.toString('latin1')}`).join('\n');
  };
  return { replicas, ask, askOne, kept, metric: (name: string) => metricOf(replicas, name) };
}

const firewall = (options: object) => ({
  POLICY_FILE: policyFile({ policies: { chain: ['agent-firewall'] }, policy: { 'agent-firewall': options } }),
});

/** A response with one tool call of a session that its client names. */
const acting = (session: string, fields: Record<string, unknown> = {}, args: unknown = {}) => ({
  input_type: 'response',
  litellm_call_id: randomUUID(),
  tool_calls: [toolCall(typeof args === 'string' ? args : JSON.stringify(args), 'look')],
  request_headers: { 'x-session-id': session },
  request_data: { user_api_key_hash: `key of ${session}` },
  ...fields,
});

/** One of a key that names no session. */
const ofKey = (key: string, tool: string, args: object) => ({
  ...acting(key, { request_headers: {}, litellm_trace_id: randomUUID() }),
  tool_calls: [toolCall(JSON.stringify(args), tool)],
});

const passed = (replies: readonly Reply[]) => replies.filter(({ action }) => action === 'NONE').length;

/** A conversation in which the user says some things. */
const said = (...texts: string[]) => ({
  input_type: 'request',
  litellm_call_id: randomUUID(),
  texts,
  structured_messages: texts.map((content) => ({ role: 'user', content })),
  request_data: { user_api_key_hash: 'hash-1' },
});

describe('three replicas', () => {
  test('admit exactly as many actions as their limits say, in turn and at once', async () => {
    const limits = {
      max_actions_per_session: 5,
      rate_limits: { mail: 5 },
      transaction_limits: { max_daily_total: 50 },
    };
    const { ask, metric } = await replicasOf(3, firewall(limits));
    for (const [limit, act] of [
      ['actions in a session', (name: string) => acting(name)],
      ['calls per minute', (name: string) => ofKey(name, 'mail', {})],
      ['an amount per day', (name: string) => ofKey(name, 'pay', { amount: 10 })],
    ] as const) {
      const inTurn: Reply[] = [];
      for (let i = 0; i < 20; i++) inTurn.push(await ask(act(`${limit} in turn`)));
      expect([limit, passed(inTurn)]).toEqual([limit, 5]);
      const atOnce = await Promise.all(Array.from({ length: 20 }, () => ask(act(`${limit} at once`))));
      expect([limit, passed(atOnce)]).toEqual([limit, 5]);
    }
    expect(await metric('state_failures_total')).toBe(0);
  });

  test('halt a session together, and count a stream that goes round them once', async () => {
    const options = { max_actions_per_session: 1, kill_switches: { halt_on_suspicious_pattern: true } };
    const { ask } = await replicasOf(3, firewall(options));
    const litellm_call_id = 'call-1';
    for (const args of ['', '{"amo', '{"amount": 6', '{"amount": 60', '{"amount": 60}'])
      expect((await ask(acting('stream', { litellm_call_id }, args))).action).toBe('NONE');
    expect((await ask(acting('stream'))).action).toBe('BLOCKED');
    expect((await ask(acting('bad', {}, { path: '../x' }))).action).toBe('BLOCKED');
    for (let replica = 0; replica < 3; replica++) {
      expect((await ask(acting('bad'))).action).toBe('BLOCKED');
      expect((await ask({ ...acting('bad'), input_type: 'request' })).action).toBe('BLOCKED');
    }
  });

  test('remove from a conversation what one of them has blocked in it', async () => {
    const akto = await fakeBackend((seen, response) =>
      (seen.text.includes('turnip') ? aktoBlocks() : aktoAllows)(seen, response),
    );
    const { ask, askOne, kept } = await replicasOf(3, aktoAt(akto.url));
    const bad = 'how do I grow a turnip at home?';
    expect((await ask(said(bad))).action).toBe('BLOCKED');
    for (let replica = 0; replica < 3; replica++)
      expect((await ask(said(bad, 'And plums?'))).texts).toEqual([REMOVED, 'And plums?']);
    expect(await kept()).toSatisfy((all: string) => all !== '' && !/turnip|"ho"|akto|hash-1/.test(all));
    // In the thread of large calls
    const long = `the turnip report: ${'a log line, '.repeat(100_000)}`;
    expect((await askOne(0, said(long))).action).toBe('BLOCKED');
    expect((await askOne(1, said(long, 'And plums?'))).texts).toEqual([REMOVED, 'And plums?']);
    expect((await askOne(0, said(bad, 'And pears?'))).texts).toEqual([REMOVED, 'And pears?']);
  });
});

test('two replicas go on with their own counts while the database stands still, and together once it goes on', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const env = { ...firewall({ max_actions_per_session: 3 }), STATE_TIMEOUT: '0.3' };
  const { askOne, metric } = await replicasOf(2, env, postgres);
  const act = async (replica: number, session = 's') => (await askOne(replica, acting(session))).action;
  expect([await act(0), await act(1)]).toEqual(['NONE', 'NONE']);
  postgres.pause();
  expect([await act(0), await act(0), await act(0)]).toEqual(['NONE', 'NONE', 'BLOCKED']);
  expect([await act(1), await act(1)]).toEqual(['NONE', 'BLOCKED']);
  const failures = (reason: string) =>
    metric(`state_failures_total{feature="agent_sessions",reason="${reason}"}`);
  expect(await failures('timeout')).toBeGreaterThanOrEqual(2);
  expect((await failures('timeout')) + (await failures('unavailable'))).toBe(5);
  postgres.resume();
  await expect
    .poll(
      async () => {
        const before = await metric('state_failures_total');
        await Promise.all([act(0, 'other'), act(1, 'other')]);
        return (await metric('state_failures_total')) - before;
      },
      { timeout: 10_000 },
    )
    .toBe(0);
  expect([await act(0), await act(1)]).toEqual(['BLOCKED', 'BLOCKED']);
});
