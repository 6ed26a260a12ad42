import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import workerThreads, { type Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoRedacts } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { fill } from '../support/credentials.ts';
import { json, type Reply, silence, startFakeBackend } from '../support/fake-backend.ts';
import { readEnvelope, temporaryFolder, until } from '../support/recording-bridge.ts';

const SECRET = `ghp_${fill(36)}`;
const MAIL = 'ada.frost@example.org';
/** Makes a call large by a key that nobody reads. */
const PADDING = 'x'.repeat(1_100_000);

const ids = { litellm_call_id: 'call-1', litellm_trace_id: 'trace-1', litellm_version: '1.110.2' };
const plain = { additional_provider_specific_params: { stream: false } };
const caller = { request_data: { user_api_key_hash: 'hash-1', user_api_key_team_alias: 'team-1' } };
const request = (...contents: string[]) => ({
  input_type: 'request',
  ...ids,
  ...caller,
  ...plain,
  model: 'house',
  texts: contents,
  structured_messages: contents.map((content) => ({ role: 'user', content })),
});
const response = (text: string) => ({
  input_type: 'response',
  ...ids,
  ...caller,
  ...plain,
  model: 'house',
  texts: [text],
});
const policyFile = (policy: object, chain = ['secrets', 'pii-detector', 'audit-logger']) =>
  JSON.stringify({
    policies: { chain },
    policy: { 'audit-logger': { immutable: true, log_all_access: true }, ...policy },
  });
const POLICIES = policyFile({
  secrets: { action: 'block' },
  'pii-detector': { action: 'redact', redaction: { reversible: true } },
});

/** A bridge with policies, a vendor, an audit log and records, which is told calls as they are or made large. */
async function world({
  env = {},
  reply = aktoAllows,
}: {
  env?: Record<string, string>;
  reply?: Reply | undefined;
}) {
  const folder = temporaryFolder();
  const file = join(folder, 'policies.json');
  writeFileSync(file, POLICIES);
  const akto = await startFakeBackend(reply);
  const bridge = testBridge({
    ...{ POLICY_FILE: file, DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'debug' },
    ...aktoAt(akto.url),
    ...env,
  });
  onTestFinished(async () => {
    await bridge.close();
    await akto.close();
  });
  const rows = () =>
    readdirSync(join(folder, 'data', 'audit'))
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) =>
        readFileSync(join(folder, 'data', 'audit', name), 'utf8')
          .split('\n')
          .filter(Boolean),
      )
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((row) => 'action' in row);
  return { ...bridge, akto, file, rows };
}

/** Without what differs each time. */
function steady(value: unknown): unknown {
  const varying = ['time', 'ref', 'ms', 'seconds', 'seq', 'hash', 'prev', 'record_id', 'at', 'text'];
  const text = JSON.stringify(value, (key, one) => (varying.includes(key) ? null : one));
  return JSON.parse(
    text.replace(/(Reference: )[0-9a-f]+|(\\"ms\\":)[\d.]+|(\\*"time\\*":\\*")\d+/g, '$1$2$3'),
  );
}

const OBSERVED = 'check_seconds_count{backend="akto",input_type="request"}';

type Case = {
  readonly name: string;
  readonly calls: readonly object[];
  readonly env?: Record<string, string>;
  readonly reply?: Reply;
  readonly actions: readonly string[];
};

const CASES: readonly Case[] = [
  { name: 'is allowed', calls: [request('hello there')], actions: ['NONE'] },
  { name: 'is blocked by a policy', calls: [request(`use ${SECRET}`)], actions: ['BLOCKED'] },
  { name: 'is redacted', calls: [request(`write to ${MAIL}`)], actions: ['GUARDRAIL_INTERVENED'] },
  {
    name: 'is redacted, and its response gets back what was taken',
    calls: [request(`write to ${MAIL}`), response('I wrote to [EMAIL_ADDRESS_1]')],
    actions: ['GUARDRAIL_INTERVENED', 'GUARDRAIL_INTERVENED'],
  },
  { name: 'is blocked by a vendor', calls: [request('hello')], reply: aktoBlocks(), actions: ['BLOCKED'] },
  {
    name: 'is redacted by a vendor',
    calls: [request('hello turnip')],
    reply: aktoRedacts('turnip', 'carrot'),
    actions: ['GUARDRAIL_INTERVENED'],
  },
  {
    name: 'would be blocked by a vendor that observes',
    calls: [request('hello')],
    env: { AKTO_MODE: 'observe' },
    reply: aktoBlocks(),
    actions: ['NONE'],
  },
  {
    name: 'is judged by a vendor together with its response',
    calls: [request('when does it open?'), response('at nine')],
    actions: ['NONE', 'NONE'],
  },
  {
    name: 'is followed by a response that is blocked',
    calls: [request('a key, please'), response(`here: ${SECRET}`)],
    actions: ['NONE', 'BLOCKED'],
  },
  {
    name: 'goes on without what was blocked',
    calls: [request(`use ${SECRET}`), request(`use ${SECRET}`, 'and now something else')],
    actions: ['BLOCKED', 'GUARDRAIL_INTERVENED'],
  },
  { name: 'cannot be read', calls: [{ ...request('x'), texts: 1 }], actions: ['BLOCKED'] },
  {
    name: 'gets no verdict',
    calls: [request('hello')],
    reply: silence,
    env: { AKTO_GUARDRAIL_TIMEOUT: '1' },
    actions: ['BLOCKED'],
  },
];

test.each(CASES)(
  'a large call that $name is told of as a small one',
  async ({ calls, env, reply, actions }) => {
    const told = await Promise.all(
      [false, true].map(async (isLarge) => {
        const bridge = await world({ ...(env && { env }), reply });
        const replies: Record<string, unknown>[] = [];
        for (const call of calls) {
          const isPadded = isLarge && (call as { input_type: string }).input_type === 'request';
          replies.push((await bridge.ask(isPadded ? { ...call, padding: PADDING } : call)).reply);
        }
        expect(replies.map(({ action }) => action)).toEqual(actions);
        const isBlocked = actions.includes('BLOCKED') && !('padding' in calls[0]!);
        if (env?.AKTO_MODE === 'observe') await until(async () => (await bridge.metric(OBSERVED)) === 1);
        const envelopes = () => bridge.akto.seen.filter(({ path }) => path.endsWith('/api/ingestData'));
        const isRecorded = isBlocked && (calls[0] as { texts: unknown }).texts !== 1;
        if (isRecorded) await until(() => envelopes().length > 0);
        const records = envelopes().flatMap(({ body }) =>
          (body as { batchData: Record<string, string>[] }).batchData.map(readEnvelope),
        );
        const text = await (await bridge.app.request('/metrics')).text();
        const metrics = text
          .split('\n')
          .filter((line) =>
            /^guardrail_bridge_(?!telemetry|unstored|event_loop|.*_seconds_(sum|bucket)|log_)/.test(line),
          );
        const asked = bridge.akto.seen
          .filter(({ path }) => path.endsWith('/api/http-proxy'))
          .map(({ body, query }) => [body, [...query]]);
        const lines = bridge.lines.filter(
          ({ msg }) => !msg.startsWith('a blocked call was replied to before'),
        );
        return steady({ replies, lines, rows: bridge.rows(), metrics, asked, records });
      }),
    );
    expect(told[1]).toEqual(told[0]);
  },
);

/** The threads of this process, the newest last. */
const threads: Worker[] = [];
process.on('worker', (worker) => threads.push(worker));

const large = (call: object) => ({ ...call, padding: PADDING });

test('calls in a thread that ends by a mistake are BLOCKED and counted, and the next one is judged', async () => {
  const bridge = await world({ env: { UNREACHABLE_FALLBACK: 'fail_open', TELEMETRY: 'off' } });
  expect((await bridge.ask(large(request('hello')))).reply).toEqual({ action: 'NONE' });
  bridge.akto.reply = silence;
  const asked = bridge.ask(large(request('hello again')));
  await until(() => bridge.akto.seen.length > 1);
  await threads.at(-1)?.terminate();
  expect((await asked).reply).toMatchObject({ action: 'BLOCKED' });
  expect(await bridge.metric('large_call_restarts_total')).toBe(1);
  expect(await bridge.metric('rejected_total{reason="bug"}')).toBe(1);
  expect(bridge.lines).toContainEqual(
    expect.objectContaining({ msg: 'the thread of large calls ended', level: 'error' }),
  );
  bridge.akto.reply = aktoAllows;
  expect((await bridge.ask(large(request('and once more')))).reply).toEqual({ action: 'NONE' });
  expect(await bridge.metric('decisions_total{input_type="request",action="NONE"}')).toBe(2);
});

test('the policies that are read again judge large calls too', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  expect((await bridge.ask(large(request('a turnip')))).reply).toEqual({ action: 'NONE' });
  const banned = { 'banned-keywords': { keywords: ['turnip'] } };
  writeFileSync(bridge.file, JSON.stringify({ policies: { chain: ['banned-keywords'] }, policy: banned }));
  bridge.reloadPolicies();
  expect((await bridge.ask(large(request('a turnip')))).reply).toMatchObject({ action: 'BLOCKED' });
  // What cannot be used changes nothing, for a thread that is started later either
  writeFileSync(bridge.file, 'chain: [');
  bridge.reloadPolicies();
  await threads.at(-1)?.terminate();
  await until(async () => (await bridge.metric('large_call_restarts_total')) === 1);
  expect((await bridge.ask(large(request('a turnip')))).reply).toMatchObject({ action: 'BLOCKED' });
});

test('a large call that waits too long for others is BLOCKED, and one whose caller hung up is not judged', async () => {
  const held = Promise.withResolvers<void>();
  const bridge = await world({
    reply: (...asked) => held.promise.then(() => aktoAllows(...asked)),
    env: { GUARDRAIL_TIMEOUT: '0.5', AKTO_GUARDRAIL_TIMEOUT: '120', MAX_BODY_MB: '64', TELEMETRY: 'off' },
  });
  const padding = 'x'.repeat(30_000_000);
  const first = bridge.ask({ ...request('one'), padding });
  await until(() => bridge.akto.seen.length === 1);
  const second = await bridge.ask({ ...request('two'), padding });
  expect(second.reply).toMatchObject({ action: 'BLOCKED' });
  expect(await bridge.metric('rejected_total{reason="overloaded"}')).toBe(1);
  const leaving = new AbortController();
  const third = bridge.app.request('/', {
    ...{ method: 'POST', signal: leaving.signal },
    body: JSON.stringify({ ...request('three'), padding }),
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  leaving.abort();
  expect((await third).status).toBe(400);
  held.resolve();
  expect((await first).reply).toEqual({ action: 'NONE' });
  expect(bridge.akto.seen).toHaveLength(1);
});

test('nothing of a large call stands in the log', async () => {
  const bridge = await world({ env: { LOG_LEVEL: 'trace' } });
  const canary = 'canary-5d2c';
  await bridge.ask(large(request(`${canary} ${SECRET}`)));
  await bridge.ask(large(request(`${canary} ${MAIL}`)));
  await bridge.ask(large({ ...request(canary), texts: [{ [canary]: canary }] }));
  expect(bridge.lines.length).toBeGreaterThan(3);
  expect(JSON.stringify(bridge.lines)).not.toContain(canary);
  expect(JSON.stringify(bridge.lines)).not.toContain(SECRET);
});

test.each([
  { name: 'before the thread starts', warms: false, first: false },
  { name: 'in a small call', warms: true, first: false },
  { name: 'in a large call', warms: true, first: true },
])(
  'what was blocked $name is removed from large and small calls, until it is allowed',
  async ({ warms, first }) => {
    const bridge = await world({ env: { TELEMETRY: 'off' }, reply: aktoBlocks() });
    const ask = async (isLarge: boolean, call: object) =>
      (await bridge.ask(isLarge ? large(call) : call)).reply.action;
    if (warms) await ask(true, request('something else'));
    expect(await ask(first, request('grow a turnip at home'))).toBe('BLOCKED');
    bridge.akto.reply = aktoAllows;
    const later = request('grow a turnip at home', 'and how is the weather?');
    for (const isLarge of [true, false]) expect(await ask(isLarge, later)).toBe('GUARDRAIL_INTERVENED');
    expect(await ask(!first, request('grow a turnip at home'))).toBe('NONE');
    for (const isLarge of [true, false]) expect(await ask(isLarge, later)).toBe('NONE');
  },
);

test('where the system has no thread to give, large calls are blocked and small ones judged', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  const { Worker } = workerThreads;
  onTestFinished(() => {
    workerThreads.Worker = Worker;
    syncBuiltinESMExports();
  });
  let refused = 0;
  workerThreads.Worker = class {
    constructor() {
      refused++;
      throw Object.assign(new Error('no thread'), { code: 'ERR_WORKER_INIT_FAILED' });
    }
  } as unknown as typeof Worker;
  syncBuiltinESMExports();
  const replies = [
    await bridge.ask(large(request('one'))),
    ...(await Promise.all([bridge.ask(large(request('two'))), bridge.ask(large(request('three')))])),
  ];
  expect(replies.map(({ status, reply }) => [status, reply.action])).toEqual(Array(3).fill([200, 'BLOCKED']));
  expect(refused).toBe(3);
  expect(
    bridge.lines.filter(({ msg }) => msg === 'the thread of large calls cannot be reached'),
  ).toHaveLength(3);
  expect((await bridge.ask(request('small'))).reply.action).toBe('NONE');
  workerThreads.Worker = Worker;
  syncBuiltinESMExports();
  expect((await bridge.ask(large(request('four')))).reply.action).toBe('NONE');
});

test('a small request and its large response are judged together', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  const asked = request(`write to ${MAIL}`);
  expect((await bridge.ask(asked)).reply.action).toBe('GUARDRAIL_INTERVENED');
  const said = response('I wrote to [EMAIL_ADDRESS_1]');
  expect((await bridge.ask(large(said))).reply).toMatchObject({
    action: 'GUARDRAIL_INTERVENED',
    texts: [`I wrote to ${MAIL}`],
  });
  expect(bridge.akto.seen.at(-1)?.text).toContain('write to [EMAIL_ADDRESS_1]');
});

test('what becomes known of a small request while a large one comes counts for their response', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' }, reply: silence });
  const headers = { request_headers: { accept: '*/*' } };
  const texts = { input_type: 'request', ...ids, ...caller, ...headers, model: 'house', texts: ['hello'] };
  const small = bridge.ask(texts);
  await until(() => bridge.akto.seen.length === 1);
  const second = bridge.ask(large(request('hello again')));
  await until(() => bridge.akto.seen.length === 2);
  bridge.akto.reply = aktoAllows;
  await Promise.all([small, second]);
  const stream = { additional_provider_specific_params: { streaming_transform_mode: 'incremental_diff' } };
  // The small one tells an endpoint whose streams are not redacted
  expect((await bridge.ask({ ...response(`write to ${MAIL}`), ...stream })).reply.action).toBe('BLOCKED');
});

test('a thread that starts later has the lists that are in force, though their files are gone', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  const list = join(temporaryFolder(), 'words.txt');
  writeFileSync(list, 'turnip\n');
  writeFileSync(bridge.file, policyFile({ 'banned-keywords': { keywords_file: list } }, ['banned-keywords']));
  bridge.reloadPolicies();
  rmSync(list);
  expect((await bridge.ask(large(request('a turnip')))).reply).toMatchObject({ action: 'BLOCKED' });
  expect((await bridge.ask(large(request('a carrot')))).reply).toEqual({ action: 'NONE' });
});

test('calls that only vendors in observe mode go on with are not lost with their thread', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off', AKTO_MODE: 'observe' }, reply: silence });
  expect((await bridge.ask(large(request('one')))).reply).toEqual({ action: 'NONE' });
  expect((await bridge.ask(large(request('two')))).reply).toEqual({ action: 'NONE' });
  await until(() => bridge.akto.seen.length === 2);
  await threads.at(-1)?.terminate();
  await until(async () => (await bridge.metric('large_call_restarts_total')) === 1);
  // Both had their replies
  expect(await bridge.metric('rejected_total{reason="bug"}')).toBe(0);
});

test.each(['observe', 'shadow'])(
  'large calls do not wait for a vendor with mode: %s that hangs',
  async (mode) => {
    const vendor = await startFakeBackend(silence);
    onTestFinished(() => vendor.close());
    const folder = temporaryFolder();
    const file = join(folder, 'policies.yaml');
    writeFileSync(
      file,
      `policies: { chain: [] }
backends: [{ name: slow, kind: akto, url: '${vendor.url}', secret: { env: TOKEN }, mode: ${mode}, timeout: 600 }]`,
    );
    const bridge = testBridge({
      POLICY_FILE: file,
      TOKEN: 'akto-key',
      TELEMETRY: 'off',
      GUARDRAIL_TIMEOUT: '3',
    });
    const body = { ...request('hello'), padding: 'x'.repeat(15_000_000) };
    for (let i = 0; i < 4; i++)
      expect((await bridge.ask({ ...body, litellm_call_id: `${i}` })).reply).toEqual({ action: 'NONE' });
    expect(await bridge.metric('rejected_total{reason="overloaded"}')).toBe(0);
    const startedAt = performance.now();
    await bridge.close();
    // Of 600 seconds
    expect(performance.now() - startedAt).toBeLessThan(60_000);
    const cancelled = `failures_total{backend="slow",mode="${mode}",input_type="request",kind="cancelled"}`;
    expect(await bridge.metric(cancelled)).toBeGreaterThan(0);
  },
);

const refuses: Reply = (_, response) => void response.writeHead(401).end();

test('a vendor that refuses the token of a large call is named, and is not once it takes it', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' }, reply: refuses });
  expect((await bridge.ask(large(request('hello')))).reply).toMatchObject({ action: 'BLOCKED' });
  const ready = async () => (await (await bridge.app.request('/readyz')).json()) as Record<string, unknown>;
  await until(async () => ((await ready()).unhappy as string[]).includes('akto'));
  expect(await ready()).toMatchObject({ backends: { akto: { breaker: 'closed', unauthorized: true } } });
  bridge.akto.reply = aktoAllows;
  // Tried again without traffic
  await until(async () => (await ready()).status === 'ready');
});

test('a large call whose caller had hung up before is not asked about', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  const leaving = new AbortController();
  leaving.abort();
  const response = await bridge.app.request('/beta/litellm_basic_guardrail_api', {
    ...{ method: 'POST', signal: leaving.signal },
    body: JSON.stringify(large(request('hello'))),
  });
  expect(response.status).toBe(400);
  expect(bridge.akto.seen).toHaveLength(0);
});

test('the same large call that is sent twice at once is judged once', async () => {
  const bridge = await world({ env: { TELEMETRY: 'off' } });
  const body = large(response('hello'));
  const replies = await Promise.all([bridge.ask(body), bridge.ask(body)]);
  expect(replies.map(({ reply }) => reply.action)).toEqual(['NONE', 'NONE']);
  expect(await bridge.metric('repeated_calls_total')).toBe(1);
  expect(bridge.akto.seen).toHaveLength(1);
});

test.each([
  { name: 'a small call', isLarge: false, nodes: 19_000, action: 'NONE' },
  { name: 'a small call', isLarge: false, nodes: 21_000, action: 'BLOCKED' },
  { name: 'a large call', isLarge: true, nodes: 90_000, action: 'NONE' },
  { name: 'a large call', isLarge: true, nodes: 120_000, action: 'BLOCKED' },
])('the reply of a vendor to $name may have $nodes nodes: $action', async ({ isLarge, nodes, action }) => {
  const data = { success: true, guardrailsResult: { Allowed: true, more: Array(nodes).fill(1) } };
  const bridge = await world({ env: { TELEMETRY: 'off' }, reply: json({ success: true, data }) });
  const asked = request('when does it open? '.repeat(6000));
  expect((await bridge.ask(isLarge ? large(asked) : asked)).reply.action).toBe(action);
  const failures = 'failures_total{backend="akto",mode="enforce",input_type="request",kind="oversize"}';
  expect((await bridge.metric(failures)) ?? 0).toBe(action === 'NONE' ? 0 : 1);
});
