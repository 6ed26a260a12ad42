import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { canaryFindings } from '../../src/doctor/canary-findings.ts';
import { storyLine } from '../../src/doctor/canary-story.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { runCli } from '../support/cli.ts';
import { fakeBackend } from '../support/closing.ts';
import { json, type SeenRequest, startFakeBackend } from '../support/fake-backend.ts';
import { type FakeLitellm, fakeLitellm } from '../support/fake-litellm.ts';
import { listen } from '../support/listen.ts';

const KEY = 'bridge-key-71';
const MASTER = 'sk-master-72';

type Finding = { code: string; message: string; advice: string; severity: string };
type Report = {
  ok: boolean;
  release: string | null;
  checks: { section: string; ok: boolean; text: string }[];
  findings: Finding[];
};

/** A bridge with a vendor that takes records, on a port of its own. */
async function bridge(env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const akto = await fakeBackend(json({ data: { guardrailsResult: { Allowed: true } }, success: true }));
  const bridge = testBridge({ ...aktoAt(akto.url), BRIDGE_API_KEYS: KEY, DATA_DIR: folder, ...env });
  const { url, port, close } = await listen(bridge);
  onTestFinished(async () => {
    await close();
    await bridge.close();
    rmSync(folder, { recursive: true });
  });
  const own = { ...aktoAt(akto.url), BRIDGE_API_KEYS: KEY, PORT: String(port), ...env };
  return { url, logs: `${url}/v1/litellm/logs`, env: { ...own, LITELLM_MASTER_KEY: MASTER } };
}

/** Runs the doctor by a clock that goes a hundred times faster. */
async function doctor(args: readonly string[], env: Record<string, string>) {
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
    await wait(ms / 100);
  };
  const printed = await runCli(['doctor', ...args], { env, sleep, now: () => now });
  return { ...printed, report: args.includes('--json') ? (JSON.parse(printed.out) as Report) : undefined };
}

type Replied = { readonly status: number; readonly body: unknown } | undefined;

/** Something before a bridge that passes requests on, but for those to which it replies by itself. */
function before(url: string, own: (request: SeenRequest) => Replied | Promise<Replied>) {
  return fakeBackend(async (request, response) => {
    const reply = await own(request);
    if (reply !== undefined) return json(reply.body, reply.status)(request, response);
    const headers = { 'x-api-key': String(request.headers['x-api-key']) };
    const passed = await fetch(url + request.path, { headers });
    response.writeHead(passed.status).end(await passed.text());
  });
}

type World = Awaited<ReturnType<typeof bridge>>;
type Case = {
  readonly name: string;
  readonly wired: (own: World) => Partial<FakeLitellm>;
  readonly codes: readonly string[];
  readonly says?: RegExp;
  readonly env?: Record<string, string>;
};

const wires = ({ url, logs }: World): FakeLitellm => ({
  ...{ key: MASTER, says: 'OK', pre: { url, key: KEY }, post: { url, key: KEY } },
  callback: { url: logs, key: KEY },
});

const CASES: readonly Case[] = [
  { name: 'nothing where all is right', wired: () => ({}), codes: [] },
  { name: 'no guardrail for requests', wired: () => ({ pre: undefined }), codes: ['pre_call_missing'] },
  { name: 'no guardrail for responses', wired: () => ({ post: undefined }), codes: ['post_call_missing'] },
  {
    name: 'no guardrail at all',
    wired: () => ({ pre: undefined, post: undefined }),
    codes: ['pre_call_missing', 'post_call_missing'],
  },
  {
    name: 'no guardrail for streams alone',
    wired: () => ({ stream: { url: 'http://127.0.0.1:1' }, failsOpen: true }),
    codes: ['post_call_missing'],
    says: /about no response of: streamed chat$/,
  },
  {
    name: 'a wrong key of a guardrail',
    wired: ({ url }) => ({ pre: { url, key: 'other' } }),
    codes: ['guardrail_key_wrong'],
  },
  {
    name: 'a wrong key of a guardrail that fails open',
    wired: ({ url }) => ({ post: { url, key: 'other' }, failsOpen: true }),
    codes: ['guardrail_key_wrong'],
  },
  {
    name: 'a wrong address of a guardrail',
    wired: () => ({ pre: { url: 'http://127.0.0.1:1' } }),
    codes: ['guardrail_url_wrong'],
    says: /LiteLLM cannot ask a guardrail: Generic Guardrail API failed/,
  },
  {
    name: 'a guardrail that says of streams that they are none',
    wired: () => ({ streamParams: { stream: false } }),
    codes: ['stream_redaction_dropped'],
  },
  {
    name: 'streams of which nobody says how they are delivered, as RESPONSE_REDACTION tells to rewrite',
    wired: () => ({ streamParams: {} }),
    env: { RESPONSE_REDACTION: 'rewrite' },
    codes: ['stream_redaction_dropped'],
  },
  { name: 'no callback', wired: () => ({ callback: undefined }), codes: ['callback_missing'] },
  {
    name: 'a callback without a key',
    wired: ({ logs }) => ({ callback: { url: logs } }),
    codes: ['callback_key_wrong'],
  },
  {
    name: 'a callback with a wrong path',
    wired: ({ logs }) => ({ callback: { url: `${logs}x`, key: KEY } }),
    codes: ['callback_url_wrong'],
  },
  {
    name: 'a callback that is not needed, as nobody takes records',
    wired: () => ({ callback: undefined }),
    env: { AKTO_MODE: 'enforce', TELEMETRY: 'off' },
    codes: [],
  },
  { name: 'an old release', wired: () => ({ release: '1.82.3' }), codes: ['release_unsupported'] },
  {
    name: 'a model that fails',
    wired: () => ({ says: undefined }),
    codes: ['canary_failed'],
    says: /HTTP|the provider has no credit/,
  },
  {
    name: 'a model that says nothing',
    wired: () => ({ says: '' }),
    codes: ['canary_failed'],
    says: /the model said nothing/,
  },
  { name: 'nothing with a model that thinks first', wired: () => ({ thinks: 300 }), codes: [] },
  {
    name: 'a policy that blocks the calls of the doctor',
    wired: () => ({}),
    env: { BANNED_KEYWORDS: 'plums', BUILTIN_POLICY: 'on' },
    codes: ['canary_failed'],
    says: /^the bridge blocked the calls of the doctor/,
  },
  { name: 'no model for chats', wired: () => ({ models: ['text-embedding-1'] }), codes: ['canary_failed'] },
];

describe('calls through a proxy find', () => {
  test.each(CASES)('$name', async ({ wired, codes, says, env }) => {
    const own = await bridge(env);
    const litellm = await fakeLitellm({ ...wires(own), ...wired(own) });
    const { report, code, out } = await doctor(['--proxy', litellm.url, '--json'], own.env);
    expect(report?.findings.map((finding) => finding.code)).toEqual(codes);
    const isWrong = report?.findings.some(({ severity }) => severity === 'fault') ?? false;
    expect({ ok: report?.ok, code }).toEqual({ ok: !isWrong, code: isWrong ? 1 : 0 });
    if (says !== undefined) expect(report?.findings[0]?.message).toMatch(says);
    for (const secret of [KEY, MASTER, own.env.AKTO_API_KEY]) expect(out).not.toContain(secret);
  });
});

test('what it prints has a section for each thing, with times, then faults with what to do', async () => {
  const own = await bridge();
  const litellm = await fakeLitellm({ ...wires(own), post: undefined, mcpServers: 2 });
  const { code, out, err } = await doctor(['--proxy', `${litellm.url}/v1/`], own.env);
  expect(out.replace(/\d+(?= ms)/g, 'N').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')).toBe(PRINTED);
  expect({ code, err }).toEqual({ code: 1, err: '' });
});

const steps = (kind: string) =>
  `  WRONG  ${kind} of gpt-1: request judged, response not judged, logged (N ms)\n`;
const PRINTED = `settings
  ok     can be used: no policies, akto

bridge
  ok     http://HOST: release 0.1.0 answers, ready (N ms)

proxy
  ok     LiteLLM at http://HOST takes the key (N ms)
${['chat', 'streamed chat', '/v1/messages', '/v1/responses'].map(steps).join('')}\
  ok     MCP: 2 servers; no tool was called, as that can change something: see --litellm

backends
  ok     akto at HOST: connection N ms, check N ms, allow (N ms)

1 fault
  post_call_missing: LiteLLM asked http://HOST about no response of: chat, streamed chat, /v1/messages, /v1/responses
    do: add a guardrail with mode: post_call and default_on: true whose api_base is the bridge; one with unreachable_fallback: fail_open and a wrong address passes calls too. doctor --litellm config.yaml finds the line, litellm-config prints all
      mode: post_call
      default_on: true
`;

describe('the doctor says that', () => {
  const report = async (args: readonly string[], env: Record<string, string>) =>
    (await doctor([...args, '--json'], env)).report;

  test('the key of LiteLLM is wrong, and never shows it', async () => {
    const own = await bridge();
    const litellm = await fakeLitellm(wires(own));
    const env = { ...own.env, LITELLM_MASTER_KEY: 'sk-other-73' };
    const found = await report(['--proxy', litellm.url], env);
    expect(found?.findings).toMatchObject([{ code: 'proxy_key_wrong', subject: litellm.url }]);
    expect(JSON.stringify(found)).not.toContain('sk-other-73');
  });

  test('the key is not that of a LiteLLM without a database', async () => {
    const own = await bridge();
    const body = { error: { message: 'No connected db.', type: 'no_db_connection', code: '400' } };
    const litellm = await fakeBackend(json(body, 400));
    const found = await report(['--proxy', litellm.url], own.env);
    expect(found?.findings).toMatchObject([{ code: 'proxy_key_wrong' }]);
  });

  test("there is no file of LiteLLM's, beside all else", async () => {
    const found = await report(['--litellm', '/no/such.yaml', '--bridge', 'http://127.0.0.1:9'], {});
    expect(found?.findings).toMatchObject([
      { code: 'config_unreadable', message: expect.stringContaining('cannot be read (ENOENT)') },
      { code: 'bridge_unreachable', message: 'no bridge answers at http://127.0.0.1:9 (bad port)' },
    ]);
  });

  test('no LiteLLM answers', async () => {
    const own = await bridge();
    const gone = await startFakeBackend();
    await gone.close();
    const found = await report(['--proxy', gone.url], own.env);
    expect(found?.findings).toMatchObject([
      { code: 'proxy_unreachable', message: `no LiteLLM answers at ${gone.url} (ECONNREFUSED)` },
    ]);
  });

  test('no bridge answers, or something else does', async () => {
    const page = await fakeBackend((_, response) => void response.end('<html>'));
    const none = await report(['--bridge', 'http://127.0.0.1:1'], {});
    expect(none?.findings).toMatchObject([{ code: 'bridge_unreachable', subject: 'http://127.0.0.1:1' }]);
    const other = await report(['--bridge', page.url], {});
    expect(other?.findings[0]?.message).toMatch(/is no bridge \(HTTP 200 for \/readyz\)$/);
  });

  test.each([
    ['replies 404', 404, {}],
    ['replies with a page of its own', 200, { page: 'welcome' }],
  ])('the bridge cannot be asked about calls, as what stands before it %s', async (_, status, body) => {
    const own = await bridge();
    const front = await before(own.url, ({ path }) =>
      path.startsWith('/v1/canaries/') ? { status, body } : undefined,
    );
    const litellm = await fakeLitellm({ ...wires(own), pre: undefined, post: undefined });
    const found = await report(['--proxy', litellm.url, '--bridge', front.url], own.env);
    expect(found).toMatchObject({
      ok: false,
      findings: [{ code: 'bridge_unreachable', subject: front.url }],
    });
    expect(await report(['--bridge', front.url], own.env)).toMatchObject({ ok: true, findings: [] });
  });

  test('calls are judged, by whichever of two replicas without a common database', async () => {
    const own = await bridge();
    let asked = 0;
    const front = await before(own.url, async ({ path }) => {
      if (!path.startsWith('/v1/canaries/')) return undefined;
      const isFirst = Math.ceil(asked++ / 4) % 2 > 0;
      const reply = await fetch(own.url + path, { headers: { 'x-api-key': KEY } });
      const { seen, ...body } = (await reply.json()) as { seen: { input_type?: string }[] };
      const sawHere = seen.filter(({ input_type }) => (input_type === 'request') === isFirst);
      return { status: 200, body: { ...body, seen: sawHere } };
    });
    const litellm = await fakeLitellm(wires(own));
    const found = await report(['--proxy', litellm.url, '--bridge', front.url], own.env);
    expect(found).toMatchObject({ ok: true, findings: [] });
  });

  test('a bridge of a later release finds what this one has no code for', async () => {
    const own = await bridge();
    const body = {
      ...{ status: 'degraded', unhappy: ['findings'] },
      findings: [{ code: 'moon_wrong', severity: 'fault', message: 'the moon is wrong', advice: 'wait' }],
    };
    const front = await before(own.url, ({ path }) =>
      path === '/readyz' ? { status: 200, body } : undefined,
    );
    const found = await report(['--bridge', front.url, '--no-backends'], own.env);
    expect(found?.findings).toMatchObject([
      { code: 'bridge_degraded', message: 'moon_wrong: the moon is wrong', advice: 'wait' },
    ]);
  });

  test('the bridge has other keys', async () => {
    const own = await bridge();
    const found = await report(['--bridge', own.url, '--no-backends'], { BRIDGE_API_KEYS: 'other' });
    expect(found?.findings).toMatchObject([{ code: 'bridge_key_wrong', subject: own.url }]);
  });

  test('the bridge lets other addresses ask', async () => {
    const own = await bridge({ ALLOWED_IPS: '10.0.0.1' });
    const found = await report(['--bridge', own.url, '--no-backends'], own.env);
    expect(found?.findings).toMatchObject([
      { code: 'address_refused', subject: own.url, advice: expect.stringContaining('ALLOWED_IPS') },
    ]);
  });

  test.each(['audit', 'decisions', 'database', 'workers', 'outbox'])(
    'a bridge of an earlier release has trouble with %s, and what to do',
    async (part) => {
      const own = await bridge();
      const body = { status: 'degraded', unhappy: [part], findings: [] };
      const front = await before(own.url, ({ path }) =>
        path === '/readyz' ? { status: 200, body } : undefined,
      );
      const found = await report(['--bridge', front.url, '--no-backends'], own.env);
      expect(found?.findings).toMatchObject([
        { code: 'bridge_degraded', subject: part, advice: expect.stringMatching(/see /) },
      ]);
    },
  );

  test('settings can be used and are doubtful: it warns, and ends with 0', async () => {
    // That of LiteLLM's environment is no slip
    const env = { AUDIT_KEY: 'of-the-audit-log', BUILTIN_POLICY: 'on', BRIDGE_API_KEY: KEY };
    const { code, report: found } = await doctor(['--no-bridge', '--json'], env);
    expect([code, found?.findings]).toMatchObject([
      0,
      [{ code: 'settings_doubtful', severity: 'warning', message: expect.stringMatching(/^AUDIT_KEY/) }],
    ]);
  });

  test('settings cannot be used, one finding for each mistake', async () => {
    const found = await report(['--no-bridge'], { PORT: 'none', GUARDRAIL_TIMEOUT: 'soon' });
    expect(found?.findings.map(({ code }) => code)).toEqual(['settings_wrong', 'settings_wrong']);
    expect(found?.checks).toEqual([{ section: 'settings', ok: false, text: 'cannot be used' }]);
  });

  test.each([
    ['backend_unauthorized', 401],
    ['backend_failing', 500],
  ] as const)('a backend is %s at HTTP %i', async (code, status) => {
    const akto = await fakeBackend(json({}, status));
    const found = await report(['--no-bridge'], aktoAt(akto.url));
    expect(found?.findings).toMatchObject([{ code, subject: 'akto' }]);
    expect(JSON.stringify(found)).not.toContain('akto-key');
  });

  test('a backend has no address', async () => {
    const found = await report(['--no-bridge'], aktoAt('https://no-such-host.invalid'));
    expect(found?.findings).toMatchObject([{ code: 'backend_unreachable', subject: 'akto' }]);
    expect(found?.checks[1]?.text).toMatch(/^akto at no-such-host\.invalid: no connection \(E\w+\)$/);
  });
});

test.each([
  { args: ['--key', 'k'], says: '--key is for --proxy' },
  { args: ['--model', 'm'], says: '--model is for --proxy' },
  { args: ['--proxy', 'http://127.0.0.1:1', '--no-bridge'], says: '--proxy needs the bridge' },
  { args: ['--proxy', 'http://127.0.0.1:1'], says: '--proxy needs --key, or LITELLM_MASTER_KEY' },
  { args: ['--proxy', '127.0.0.1:4000'], says: '--proxy: write an address such as http://127.0.0.1:4000' },
  { args: ['--proxy', 'http://u:hunter2@h:1'], says: '--proxy: write an address such as' },
  { args: ['--bridge', 'u:hunter2@h:1'], says: '--bridge: write an address such as' },
  { args: ['--bridge', 'http://h:1/?token=hunter2'], says: 'without user, password and query' },
  { args: ['--release', 'new'], says: 'Write a release, such as 1.110.2' },
])('a wrong command line ends with 2: $args', async ({ args, says }) => {
  const { code, out, err } = await doctor(args, {});
  expect({ code, out, err }).toEqual({ code: 2, out: '', err: expect.stringContaining(says) });
  expect(err).not.toContain('hunter2');
});

test('a bridge whose vendors take no records is told that it does not know how calls end', () => {
  const judged = { kind: 'judged', action: 'NONE', litellm_version: null } as const;
  const seen = [
    { ...judged, input_type: 'request' },
    { ...judged, input_type: 'response' },
  ] as const;
  const result = { kind: 'chat', status: 200, error: undefined, hasText: true, seen } as const;
  const refused = { callKeys: 0, logKeys: 0, addresses: 0, senders: 0 };
  const own = { reads_events: true, takes_records: false };
  const world = { ...own, bridge: 'http://bridge', model: 'm', models: 'm', refused, release: null };
  expect(canaryFindings([result], world)).toMatchObject([{ code: 'calls_unlogged' }]);
  expect(storyLine(result, own).ok).toBe(true);
  expect(canaryFindings([result], { ...world, takes_records: true })).toMatchObject([
    { code: 'callback_missing' },
  ]);
});

test('a LiteLLM whose address is not allowed is told from one with a wrong key', () => {
  const failed = {
    kind: 'chat',
    status: 500,
    error: 'guardrail raised an error',
    hasText: false,
    seen: [],
  } as const;
  const passed = { kind: 'chat', status: 200, error: undefined, hasText: true, seen: [] } as const;
  const refused = { callKeys: 0, logKeys: 0, addresses: 0, senders: 4 };
  const own = { reads_events: true, takes_records: true, bridge: 'http://bridge', model: 'm', models: 'm' };
  const codes = (result: typeof failed | typeof passed) =>
    canaryFindings([result], { ...own, refused, release: null }).map(({ code }) => code);
  expect([codes(failed), codes(passed)]).toEqual([['address_refused'], ['address_refused']]);
});

test('the key can come from standard input', async () => {
  const own = await bridge();
  const litellm = await fakeLitellm(wires(own));
  const { LITELLM_MASTER_KEY: _, ...env } = own.env;
  const args = ['doctor', '--proxy', litellm.url, '--key', '-'];
  const { code, out } = await runCli(args, { env, input: `${MASTER}\n`, sleep: (ms) => wait(ms / 10) });
  expect(out).toContain('No fault was found.');
  expect(code).toBe(0);
});
