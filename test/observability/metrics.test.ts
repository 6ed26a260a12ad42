import { afterEach, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { FAILURE_KINDS } from '../../src/guardrail/failure.ts';
import { aktoAllows, aktoBlocks, aktoRedacts } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { type FakeBackend, json, startFakeBackend } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function bridgeWith(reply: FakeBackend['reply'], env: Record<string, string> = {}) {
  const akto = await startFakeBackend(reply);
  const bridge = testBridge({
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'token',
    BUILTIN_POLICY: 'on',
    ...env,
  });
  closes.push(akto.close, bridge.close);
  return {
    post: async (body: object = { input_type: 'request', texts: ['hello'] }) =>
      bridge.app.request('/', { method: 'POST', body: JSON.stringify(body) }),
    metrics: async () => (await bridge.app.request('/metrics')).text(),
  };
}

const combine = (lists: Record<string, readonly string[]>): Record<string, string>[] =>
  Object.entries(lists).reduce<Record<string, string>[]>(
    (rows, [label, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [label]: value }))),
    [{}],
  );

const input_type = ['request', 'response'];
const mode = ['enforce', 'observe'];

test('every combination of labels is at zero before the first call', async () => {
  const { metrics } = await bridgeWith(aktoAllows);
  const text = await metrics();
  const series: Record<string, Record<string, string>[]> = {
    decisions_total: combine({
      input_type,
      action: ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED', 'DEFERRED', 'CANCELLED'],
    }),
    verdicts_total: [
      ...combine({ backend: ['akto'], mode, input_type, verdict: ['allow', 'block', 'modify', 'flagged'] }),
      ...combine({
        backend: ['prompt-injection', 'secrets'],
        mode,
        input_type,
        verdict: ['allow', 'block', 'modify'],
      }),
    ],
    failures_total: combine({ backend: ['akto'], mode, input_type, kind: FAILURE_KINDS }),
    bypasses_total: combine({ backend: ['akto'], input_type, fallback: ['fail_open', 'defer'] }),
    unjudged_total: combine({ backend: ['akto', 'policies'], content: ['answer', 'media'] }),
    unapplied_redactions_total: combine({ input_type }),
    rejected_total: combine({
      reason: [
        'unauthorized',
        'invalid',
        'too_large',
        'too_many_nodes',
        'too_deep',
        'overloaded',
        'slow',
        'content_encoding',
        'method',
        'not_found',
      ],
    }),
    breaker_state: combine({ backend: ['akto'] }),
    token_refused: combine({ backend: ['akto'] }),
    decision_seconds_count: combine({ input_type }),
    check_seconds_count: combine({ backend: ['akto'], input_type }),
    log_lines_dropped_total: [{}],
    uncaught_errors_total: combine({ kind: ['exception', 'rejection', 'accept'] }),
  };
  for (const [name, rows] of Object.entries(series)) {
    for (const labels of rows)
      expect(metric(text, name, labels), `${name} ${JSON.stringify(labels)}`).toBe(0);
  }
});

test.each<{
  name: string;
  reply: FakeBackend['reply'];
  env?: Record<string, string>;
  status?: number;
  counted: [string, Record<string, string>][];
}>([
  {
    name: 'an allow',
    reply: aktoAllows,
    counted: [
      ['decisions_total', { input_type: 'request', action: 'NONE' }],
      ['verdicts_total', { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: 'allow' }],
    ],
  },
  {
    name: 'a block',
    reply: aktoBlocks('no'),
    counted: [
      ['decisions_total', { input_type: 'request', action: 'BLOCKED' }],
      ['verdicts_total', { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: 'block' }],
    ],
  },
  {
    name: 'a block by a backend that only observes',
    reply: aktoBlocks('no'),
    env: { AKTO_MODE: 'observe' },
    counted: [
      ['decisions_total', { input_type: 'request', action: 'NONE' }],
      ['verdicts_total', { backend: 'akto', mode: 'observe', input_type: 'request', verdict: 'block' }],
    ],
  },
  {
    name: 'a violation that is only reported',
    reply: aktoBlocks('no', 'alert'),
    counted: [
      ['decisions_total', { input_type: 'request', action: 'NONE' }],
      ['verdicts_total', { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: 'flagged' }],
    ],
  },
  {
    name: 'a redaction',
    reply: aktoRedacts('hello', '<word>'),
    counted: [
      ['decisions_total', { input_type: 'request', action: 'GUARDRAIL_INTERVENED' }],
      ['verdicts_total', { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: 'modify' }],
    ],
  },
  {
    name: 'a failure that stops the call',
    reply: (_, response) => void response.writeHead(401).end('<html>'),
    counted: [
      ['decisions_total', { input_type: 'request', action: 'BLOCKED' }],
      ['failures_total', { backend: 'akto', mode: 'enforce', input_type: 'request', kind: 'unauthorized' }],
    ],
  },
  {
    name: 'a bypass under fail_open, which is no allow',
    reply: (_, response) => void response.writeHead(503).end(),
    env: { AKTO_UNREACHABLE_FALLBACK: 'fail_open' },
    counted: [
      ['decisions_total', { input_type: 'request', action: 'NONE' }],
      ['failures_total', { backend: 'akto', mode: 'enforce', input_type: 'request', kind: 'http_status' }],
      ['bypasses_total', { backend: 'akto', input_type: 'request', fallback: 'fail_open' }],
      ['bypassed_calls_total', { action: 'NONE' }],
    ],
  },
  {
    name: 'a bypass under defer',
    reply: (_, response) => void response.end('not JSON'),
    env: { UNREACHABLE_FALLBACK: 'defer' },
    status: 503,
    counted: [
      ['decisions_total', { input_type: 'request', action: 'DEFERRED' }],
      ['failures_total', { backend: 'akto', mode: 'enforce', input_type: 'request', kind: 'not_json' }],
      ['bypasses_total', { backend: 'akto', input_type: 'request', fallback: 'defer' }],
    ],
  },
  {
    name: 'a failure of a backend that only observes, which is no bypass',
    reply: (_, response) => void response.end('{}'),
    env: { AKTO_MODE: 'observe', UNREACHABLE_FALLBACK: 'fail_open' },
    counted: [
      ['decisions_total', { input_type: 'request', action: 'NONE' }],
      ['failures_total', { backend: 'akto', mode: 'observe', input_type: 'request', kind: 'no_verdict' }],
    ],
  },
])('$name is counted as that and nothing else', async ({ reply, env = {}, status = 200, counted }) => {
  const { post, metrics } = await bridgeWith(reply, { BUILTIN_POLICY: 'off', ...env });
  expect((await post()).status).toBe(status);
  const wanted = new Map(counted.map(([name, labels]) => [`${name} ${JSON.stringify(labels)}`, 1]));
  await expect.poll(async () => raised(await metrics())).toEqual(wanted);
});

/** The event counters that are not at zero. */
function raised(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^guardrail_bridge_(\w+_total)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (name === undefined || Number(value) === 0) continue;
    found.set(`${name} {${labels.replaceAll(/(\w+)=/g, '"$1":')}}`, Number(value));
  }
  return found;
}

test('a block by the built-in policy reaches no backend', async () => {
  const { post, metrics } = await bridgeWith(aktoAllows, { BANNED_KEYWORDS: 'hello' });
  await post();
  expect(raised(await metrics())).toEqual(
    new Map([
      ['decisions_total {"input_type":"request","action":"BLOCKED"}', 1],
      ...[
        ['prompt-injection', 'allow'],
        ['secrets', 'allow'],
        ['banned-keywords', 'block'],
      ].map(
        ([backend, verdict]) =>
          [
            `verdicts_total {"backend":"${backend}","mode":"enforce","input_type":"request","verdict":"${verdict}"}`,
            1,
          ] as const,
      ),
    ]),
  );
});

test('the breaker shows in its gauge, and the checks it skips are counted as such', async () => {
  const { post, metrics } = await bridgeWith((_, response) => void response.writeHead(500).end());
  expect(metric(await metrics(), 'breaker_state', { backend: 'akto' })).toBe(0);
  for (let i = 0; i < 7; i++) await post();
  const text = await metrics();
  expect(metric(text, 'breaker_state', { backend: 'akto' })).toBe(2);
  const labels = { backend: 'akto', mode: 'enforce', input_type: 'request' };
  expect(metric(text, 'failures_total', { ...labels, kind: 'http_status' })).toBe(5);
  expect(metric(text, 'failures_total', { ...labels, kind: 'breaker_open' })).toBe(2);
});

test('images that a text-only backend cannot judge are counted', async () => {
  const { post, metrics } = await bridgeWith(aktoAllows);
  await post({ input_type: 'request', texts: ['what is this?'], images: ['https://x.example/a.png'] });
  expect(metric(await metrics(), 'unjudged_total', { backend: 'akto', content: 'media' })).toBe(1);
});

test('media are counted where no backend is asked at all', async () => {
  const bridge = testBridge({});
  closes.push(bridge.close);
  const file = { type: 'file', file: { file_data: `data:text/plain;base64,${'QUFB'.repeat(1000)}` } };
  const rows = [{ role: 'user', content: [file] }];
  await bridge.ask({ input_type: 'request', texts: [], structured_messages: rows });
  await bridge.ask({ input_type: 'response', texts: ['here it is'], images: ['https://x.example/a.png'] });
  expect(await bridge.metric('unjudged_total{backend="policies",content="media"}')).toBe(2);
});

test('responses that a request-only backend cannot judge are counted', async () => {
  const capsule = await startFakeBackend((_, response) => void response.end('{"decision":"deny"}'));
  closes.push(capsule.close);
  const bridge = testBridge({ CAPSULE_LITELLM_ENDPOINT: capsule.url, CAPSULE_LITELLM_TOKEN: 'token' });
  closes.push(bridge.close);
  const body = JSON.stringify({ input_type: 'response', texts: ['hello'] });
  const response = await bridge.app.request('/', { method: 'POST', body });
  expect(await response.json()).toEqual({ action: 'NONE' });
  const text = await (await bridge.app.request('/metrics')).text();
  expect(metric(text, 'unjudged_total', { backend: 'capsule', content: 'answer' })).toBe(1);
  expect(capsule.seen).toEqual([]);
});

test('the page is in the text format of Prometheus', async () => {
  const bridge = testBridge({});
  closes.push(bridge.close);
  const response = await bridge.app.request('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{(?:\w+="[^"]*",?)*\})? \S+|)$/);
  }
});

test('a vendor that refuses the token, the time that it has, and the release are told', async () => {
  const { post, metrics } = await bridgeWith(json({}, 401), { AKTO_GUARDRAIL_TIMEOUT: '1.5' });
  expect(metric(await metrics(), 'token_refused', { backend: 'akto' })).toBe(0);
  await post();
  const text = await metrics();
  expect(metric(text, 'token_refused', { backend: 'akto' })).toBe(1);
  expect(metric(text, 'check_timeout_seconds', { backend: 'akto' })).toBe(1.5);
  expect(metric(text, 'build_info', { release: packageJson.version })).toBe(1);
});
