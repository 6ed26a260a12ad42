import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { BridgeFinding } from '../../src/findings/finding.ts';
import { PolicyFileWatch } from '../../src/findings/policy-file-watch.ts';
import { stateFindings } from '../../src/findings/state-findings.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { json, type Reply, startFakeBackend } from '../support/fake-backend.ts';
import { listen } from '../support/listen.ts';
import { LOGS, temporaryFolder, until } from '../support/recording-bridge.ts';
import { startWorkers } from '../support/workers.ts';

const GUARDRAIL = '/beta/litellm_basic_guardrail_api';
const KEY = { 'x-api-key': 'right-key' };

type Ready = {
  status: string;
  unhappy: string[];
  backends: Record<string, { healthy: boolean } | undefined>;
  findings: BridgeFinding[];
};

/** A bridge that listens, with what its `/readyz` says. */
async function listening(env: Record<string, string> = {}) {
  const bridge = testBridge({ BRIDGE_API_KEYS: 'right-key', DATA_DIR: temporaryFolder(), ...env });
  const server = await listen(bridge);
  onTestFinished(async () => {
    await server.close();
    await bridge.close();
  });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'litellm/1.110.2', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const ready = async () => (await (await fetch(`${server.url}/readyz`)).json()) as Ready;
  const found = (code: string) =>
    until(async () => (await ready()).findings.find((finding) => finding.code === code));
  const get = (path: string) => fetch(server.url + path, { headers: { 'x-api-key': 'old' } });
  return { ...bridge, post, get, ready, found };
}

const CALL = { input_type: 'request', texts: ['When does the library open?'] };

const REFUSED: readonly [string, string, string, unknown, Record<string, string>][] = [
  ['guardrail calls with a wrong key', 'guardrail_key_wrong', GUARDRAIL, CALL, { 'x-api-key': 'wrong' }],
  ['guardrail calls without a key', 'guardrail_key_wrong', GUARDRAIL, CALL, {}],
  ['guardrail calls under another path', 'guardrail_url_wrong', `/bridge${GUARDRAIL}`, CALL, KEY],
  ['log events with a wrong key', 'callback_key_wrong', LOGS, [{}], { authorization: 'Bearer wrong' }],
  ['log events without a key', 'callback_headers_missing', LOGS, [{}], {}],
  ['log events under another path', 'callback_url_wrong', '/v1/logs', [{}], KEY],
  ['log events that cannot be read', 'log_posts_refused', LOGS, 'no JSON', KEY],
  ['log events at the path of guardrail calls', 'callback_url_wrong', GUARDRAIL, [{ id: 'r1' }], KEY],
  ['log events at no path', 'callback_url_wrong', '/', { id: 'r1', trace_id: 't' }, KEY],
  ['calls of an old release', 'release_unsupported', GUARDRAIL, { ...CALL, litellm_version: '1.82.0' }, KEY],
];

test('ten of a kind are a finding, and nine are none', async () => {
  // At once: most of the time each waits for a look
  await Promise.all(REFUSED.map(tenAreFound));
});

async function tenAreFound([what, code, path, body, headers]: (typeof REFUSED)[number]) {
  const bridge = await listening({ AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:9', AKTO_API_KEY: 'k' });
  for (let i = 0; i < 9; i++) await bridge.post(path, body, headers);
  await until(async () => ((await bridge.metric(`finding_calls_total{code="${code}"}`)) ?? 0) >= 9);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(
    (await bridge.ready()).findings.filter((finding) => finding.code === code),
    what,
  ).toEqual([]);
  await bridge.post(path, body, headers);
  const finding = await bridge.found(code);
  expect(finding, what).toEqual({
    code,
    message: expect.any(String),
    advice: expect.any(String),
    since: expect.any(String),
  });
  expect(await bridge.metric(`finding{code="${code}"}`)).toBe(1);
  expect(bridge.lines.filter(({ finding }) => finding === code)).toMatchObject([{ msg: 'a finding begins' }]);
}

test('a few large POSTs of log events with a wrong key are a finding: they hold many calls', async () => {
  const bridge = await listening();
  const { length } = 'x'.repeat(130_000);
  for (let i = 0; i < 2; i++)
    await bridge.post(LOGS, [{ text: 'x'.repeat(length) }], { 'x-api-key': 'wrong' });
  await bridge.found('callback_key_wrong');
});

test.each([GUARDRAIL, LOGS])('LiteLLM outside ALLOWED_IPS is a finding at %s', async (path) => {
  const bridge = await listening({ ALLOWED_IPS: '10.9.9.9' });
  for (let i = 0; i < 12; i++) await bridge.post(path, CALL, KEY);
  await bridge.found('address_refused');
});

test('log events at the path of guardrail calls get a 404 and block nothing', async () => {
  const bridge = await listening();
  expect((await bridge.post('/', [{ id: 'r1' }], KEY)).status).toBe(404);
  expect(bridge.lines.filter(({ msg }) => msg === 'blocked')).toEqual([]);
  const other = await bridge.post('/', [{ id: 'r1' }], { ...KEY, 'user-agent': 'curl/8.0' });
  expect(await other.json()).toMatchObject({ action: 'BLOCKED' });
});

test('strangers make no finding', async () => {
  const bridge = await listening();
  const agent = { 'user-agent': 'scanner' };
  for (let i = 0; i < 20; i++) {
    for (const path of ['/', GUARDRAIL, LOGS, '/wp-login.php']) await bridge.post(path, CALL, agent);
    await bridge.get('/v1/canaries/x');
  }
  await bridge.post(LOGS, [{ text: 'x'.repeat(130_000) }]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await bridge.ready()).findings).toEqual([]);
});

test('44 refusals of one kind are a line, and not 44', async () => {
  const bridge = await listening();
  for (let i = 0; i < 44; i++) {
    await bridge.post(LOGS, [{}], { 'x-api-key': 'wrong' });
    await bridge.post(GUARDRAIL, CALL, { 'x-api-key': 'wrong' });
    await bridge.post('/nowhere', CALL);
  }
  const refused = bridge.lines.filter(({ msg }) => msg === 'request refused' || msg === 'log events refused');
  expect(refused.map(({ reason }) => reason).sort()).toEqual(['not_found', 'unauthorized', 'unauthorized']);
});

test('blocks are a line each, though they are alike', async () => {
  const bridge = await listening({ BANNED_KEYWORDS: 'turnip' });
  for (let i = 0; i < 20; i++) await bridge.post(GUARDRAIL, { ...CALL, texts: ['turnip'] }, KEY);
  for (let i = 0; i < 20; i++) await bridge.post(GUARDRAIL, 'no JSON', KEY);
  expect(bridge.lines.filter(({ msg }) => msg === 'blocked')).toHaveLength(40);
});

/** A bridge with an Akto that replies so, and that may change its mind. */
async function withAkto(reply: Reply) {
  const akto = await startFakeBackend(reply);
  onTestFinished(() => akto.close());
  return { akto, bridge: await listening(aktoAt(akto.url)) };
}

const ALLOWED = json({ data: { guardrailsResult: { Allowed: true, Reason: '' } } });

test('a backend that refuses our token is a finding until it accepts it, and a fault makes the bridge degraded', async () => {
  const { akto, bridge } = await withAkto(json({}, 401));
  await bridge.post(GUARDRAIL, CALL, KEY);
  expect(await bridge.found('backend_unauthorized')).toMatchObject({ subject: 'akto' });
  expect(await bridge.ready()).toMatchObject({ status: 'degraded', unhappy: ['akto', 'findings'] });
  akto.reply = ALLOWED;
  await until(async () => (await bridge.ready()).backends.akto?.healthy === true);
  // Records are tried again after a minute: until then that is told
  const isOfChecks = ({ message }: { message: string }) => message.includes('asked about calls');
  await until(async () => !(await bridge.ready()).findings.some(isOfChecks));
});

test('a backend that failed three calls in a row is unhappy before its breaker opens, until it gives a verdict', async () => {
  const { akto, bridge } = await withAkto(json({}, 400));
  for (let i = 0; i < 2; i++) await bridge.post(GUARDRAIL, CALL, KEY);
  expect(await bridge.ready()).toMatchObject({ status: 'ready' });
  await bridge.post(GUARDRAIL, CALL, KEY);
  expect(await bridge.ready()).toMatchObject({
    backends: { akto: { healthy: false, breaker: 'closed', failing: 'http_status' } },
  });
  expect(await bridge.found('backend_failing')).toMatchObject({ subject: 'akto' });
  akto.reply = ALLOWED;
  await bridge.post(GUARDRAIL, CALL, KEY);
  expect(await bridge.ready()).toMatchObject({ backends: { akto: { healthy: true } } });
  await until(async () => (await bridge.ready()).findings.length === 0);
});

test('a verdict between failures keeps a backend happy', async () => {
  const { akto, bridge } = await withAkto(ALLOWED);
  for (let i = 0; i < 8; i++) {
    akto.reply = i % 3 === 2 ? ALLOWED : json({}, 500);
    await bridge.post(GUARDRAIL, CALL, KEY);
  }
  expect(await bridge.ready()).toMatchObject({ status: 'ready', findings: [] });
});

test('a breaker tells once that it opens, and the calls without a verdict are a line', async () => {
  const { bridge } = await withAkto(json({}, 503));
  for (let i = 0; i < 20; i++) await bridge.post(GUARDRAIL, CALL, KEY);
  const lines = bridge.lines.filter(({ breaker }) => breaker !== undefined);
  expect(lines).toMatchObject([
    { backend: 'akto', breaker: 'open', level: 'warn', failure: { kind: 'http_status', status: 503 } },
  ]);
  const kinds = bridge.lines.filter(({ msg }) => msg === 'no verdict');
  expect(kinds).toMatchObject([{ failure: { kind: 'http_status' } }, { failure: { kind: 'breaker_open' } }]);
  expect(bridge.lines.filter(({ msg }) => msg === 'blocked')).toHaveLength(20);
});

test('what is on the disk is another policy file only when two looks say so', async () => {
  const folder = temporaryFolder();
  const [path, words] = [join(folder, 'policies.yaml'), join(folder, 'words.txt')];
  writeFileSync(path, 'one');
  writeFileSync(words, 'a');
  const source = { text: 'one', files: new Map([[words, 'a']]), backends: [] };
  const watch = new PolicyFileWatch(path, () => source);
  const looks = async () => {
    await watch.look();
    const first = watch.other;
    await watch.look();
    return [first, watch.other];
  };
  expect(await looks()).toEqual([undefined, undefined]);
  writeFileSync(words, 'b');
  expect(await looks()).toEqual([undefined, path]);
  writeFileSync(words, 'a');
  expect(await looks()).toEqual([undefined, undefined]);
  writeFileSync(path, 'two');
  expect(await looks()).toEqual([undefined, path]);
});

test('a policy file on a disk that hangs is looked at once, and is a finding', async () => {
  const path = join(temporaryFolder(), 'policies.yaml');
  execFileSync('mkfifo', [path]);
  const source = { text: 'one', files: new Map(), backends: [] };
  const watch = new PolicyFileWatch(path, () => source);
  const first = watch.look();
  for (let i = 0; i < 8; i++) await watch.look();
  expect(watch.other).toBe(path);
  // With a look in each thread of the pool nothing else could open or find a file
  await writeFile(path, 'one');
  await first;
  expect(watch.other).toBeUndefined();
});

test('records that stop are a finding: a store that fails, an outbox in danger, a vendor that takes none for 30 seconds', () => {
  const well = { storage: null, inDanger: false, held: [], stopped: [], retries: {}, oldRelease: false };
  const now = 1_800_000_000_000;
  const found = (records: object) =>
    stateFindings({ standings: [], records: { ...well, ...records }, otherFile: undefined, now }).map(
      ({ code, subject }) => `${code} ${subject}`,
    );
  expect(found({})).toEqual([]);
  expect(found({ storage: 'SQLITE_FULL', inDanger: true })).toEqual(['records_stopped outbox']);
  expect(found({ inDanger: true })).toEqual(['records_stopped outbox']);
  const stopped = (ms: number) => [{ backend: 'akto', failure: 'unreachable' as const, since: now - ms }];
  expect(found({ stopped: stopped(29_000) })).toEqual([]);
  expect(found({ stopped: stopped(31_000) })).toEqual(['records_stopped akto']);
  expect(found({ held: ['akto'] })).toEqual(['backend_unauthorized akto']);
  const told = (retries: object) =>
    stateFindings({
      standings: [
        {
          ...{ name: 'house', isRefused: false, failing: 'http_status' },
          lastFailure: { kind: 'http_status', status: 503 },
        },
      ],
      records: { ...well, stopped: stopped(31_000), ...retries },
      ...{ otherFile: undefined, now },
    }).map(({ message, since }) => [message, since]);
  const since = new Date(now - 31_000).toISOString();
  const house = ['house gave no verdict on the last calls: HTTP 503', undefined];
  expect(told({})).toEqual([house, ['akto takes no records: unreachable', since]]);
  // The vendor answers otherwise by now
  const retries = { akto: { kind: 'wrong_shape', at: now } };
  expect(told({ retries })).toEqual([house, ['akto takes no records: wrong shape', since]]);
});

test('any worker shows what the calls of all workers show', async () => {
  const child = await startWorkers({ BRIDGE_API_KEYS: 'right-key', DATA_DIR: temporaryFolder() });
  const headers = { 'x-api-key': 'wrong', 'user-agent': 'litellm/1.110.2', connection: 'close' };
  for (let i = 0; i < 12; i++)
    await fetch(child.url + GUARDRAIL, { method: 'POST', headers, body: JSON.stringify(CALL) });
  for (let i = 0; i < 6; i++) {
    await until(async () => {
      const response = await fetch(`${child.url}/readyz`, { headers: { connection: 'close' } });
      const { findings } = (await response.json()) as Ready;
      return findings.some(({ code }) => code === 'guardrail_key_wrong');
    });
  }
  const page = await (await fetch(`${child.url}/metrics`)).text();
  expect(page).toContain('guardrail_bridge_finding{code="guardrail_key_wrong"} 1\n');
}, 60_000);
