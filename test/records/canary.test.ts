import { afterAll, afterEach, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';
import { listen } from '../support/listen.ts';
import { connect, rawPost } from '../support/raw-client.ts';

/** Stands in everything that must not come out again. */
const CANARY = 'c4n4ry';
const EMAIL = `ada.${CANARY}@example.com`;
/** Put together here, so that no scanner takes this file for a leak. */
const SECRET = `AKIA${'IQ7BZK4W2T5RDMLX'}`;

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

const toolCall = (args: string) => ({
  id: `call_${CANARY}`,
  type: 'function',
  function: { name: CANARY, arguments: args },
});

const request = {
  input_type: 'request',
  litellm_call_id: 'call-1',
  litellm_trace_id: `trace-${CANARY}`,
  litellm_version: '1.106.2',
  model: `model-${CANARY}`,
  texts: [`prompt ${CANARY}`, `write to ${EMAIL}`],
  structured_messages: [
    { role: 'system', content: `system ${CANARY}` },
    { role: 'user', content: `prompt ${CANARY}` },
    { role: 'user', content: [{ type: 'text', text: `write to ${EMAIL}` }] },
    { role: 'assistant', content: null, tool_calls: [toolCall(`{"q":"${CANARY}"}`)] },
    { role: 'tool', tool_call_id: `call_${CANARY}`, content: `result ${CANARY}` },
  ],
  images: [`https://${CANARY}.example/a.png`],
  tools: [{ type: 'function', function: { name: CANARY } }],
  tool_calls: [toolCall(`{"q":"${CANARY}"}`)],
  request_data: { user_api_key_hash: CANARY, user_api_key_user_email: EMAIL, user_api_key_alias: CANARY },
  request_headers: {
    'x-litellm-session-id': CANARY,
    authorization: `Bearer ${CANARY}`,
    'user-agent': CANARY,
    'content-length': '700',
  },
  additional_provider_specific_params: { [CANARY]: CANARY },
};
const reply = {
  ...request,
  input_type: 'response',
  structured_messages: null,
  texts: [`answer ${CANARY}`, EMAIL],
};

const json = (value: unknown) => JSON.stringify(value);
const verdict = (result: object) => json({ success: true, data: { guardrailsResult: result } });
const sentPayload = ({ body }: { body: unknown }) => {
  const { requestPayload, responsePayload } = body as { requestPayload: string; responsePayload: string };
  return responsePayload === '{}' ? requestPayload : responsePayload;
};

type Reply = FakeBackend['reply'];
type Flow = { name: string; akto: Reply; capsule?: Reply; env?: Record<string, string>; bodies?: unknown[] };

const allow: Reply = (_, response) =>
  void response.end(verdict({ Allowed: true, Reason: CANARY, Metadata: { a: CANARY } }));
const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (_, response) =>
    void response.writeHead(code, CANARY, { ...headers, 'x-reason': CANARY }).end(`<html>${CANARY}</html>`);
const says =
  (text: string): Reply =>
  (_, response) =>
    void response.end(text);

const flows: Flow[] = [
  { name: 'allow', akto: allow },
  {
    name: 'block',
    akto: says(verdict({ Allowed: false, Reason: `because ${CANARY}`, Behaviour: 'block', policy: CANARY })),
    capsule: says(json({ decision: 'deny', reason: CANARY })),
  },
  {
    name: 'a block that is only reported',
    akto: says(verdict({ Allowed: false, Reason: CANARY, Behaviour: 'alert' })),
  },
  {
    name: 'a behaviour of the vendor that nobody knows',
    akto: says(verdict({ Allowed: false, Behaviour: CANARY })),
  },
  {
    name: 'a redaction that blocks',
    akto: (sent, response) =>
      void response.end(
        verdict({
          Allowed: true,
          Modified: true,
          ModifiedPayload: sentPayload(sent).replaceAll('prompt', CANARY),
        }),
      ),
  },
  {
    name: 'a redaction that is applied',
    env: { RESPONSE_REDACTION: 'rewrite' },
    akto: (sent, response) =>
      void response.end(
        verdict({
          Allowed: true,
          Modified: true,
          ModifiedPayload: sentPayload(sent).replaceAll(EMAIL, '<EMAIL>'),
        }),
      ),
  },
  {
    name: 'a redaction of something else',
    akto: says(verdict({ Allowed: true, Modified: true, ModifiedPayload: CANARY })),
  },
  { name: 'server errors', akto: status(500), capsule: status(502) },
  { name: 'refused tokens', akto: status(401, { 'www-authenticate': CANARY }), capsule: status(403) },
  { name: 'redirects', akto: status(302, { location: `http://${CANARY}.example/` }) },
  { name: 'no JSON', akto: says(`<html>${CANARY}</html>`), capsule: says(CANARY) },
  { name: 'wrong shapes', akto: says(json({ data: CANARY })), capsule: says(json({ decision: CANARY })) },
  {
    name: 'wrong types',
    akto: says(verdict({ Allowed: CANARY })),
    capsule: says(json({ decision: 'deny', reason: [CANARY] })),
  },
  {
    name: 'a vendor that could not judge',
    akto: says(verdict({ Allowed: true, failOpen: true, error: CANARY })),
  },
  { name: 'garbage instead of HTTP', akto: (_, response) => void response.socket?.end(`${CANARY}\r\n\r\n`) },
  { name: 'a reset', akto: (_, response) => void response.socket?.resetAndDestroy() },
  {
    name: 'silence',
    akto: () => {},
    capsule: () => {},
    env: { GUARDRAIL_TIMEOUT: '0.05', CAPSULE_LITELLM_TIMEOUT_MS: '50' },
  },
  { name: 'fail_open', akto: status(500), env: { UNREACHABLE_FALLBACK: 'fail_open' } },
  { name: 'defer', akto: status(500), env: { UNREACHABLE_FALLBACK: 'defer' } },
  {
    name: 'observe',
    akto: says(verdict({ Allowed: false, Reason: CANARY })),
    env: { AKTO_MODE: 'observe', CAPSULE_MODE: 'observe' },
  },
  { name: 'a banned keyword', akto: allow, env: { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: CANARY } },
  {
    name: 'a credential',
    akto: allow,
    env: { BUILTIN_POLICY: 'on' },
    bodies: [{ ...request, texts: [`${CANARY} ${SECRET}`] }],
  },
  {
    name: 'content that LiteLLM does not show',
    akto: allow,
    env: { HIDDEN_CONTENT: 'block' },
    bodies: [
      request,
      {
        ...request,
        request_data: { user_api_key_alias: 'desk' },
        request_headers: { 'x-litellm-session-id': CANARY, 'content-length': '90000' },
      },
      { ...request, model: `${CANARY},${CANARY}` },
    ],
  },
  {
    name: 'bad requests',
    akto: allow,
    bodies: [
      CANARY,
      `{"${CANARY}`,
      { input_type: CANARY },
      { [CANARY]: CANARY },
      { ...request, texts: CANARY },
      { ...request, texts: [{ [CANARY]: CANARY }] },
      { ...request, model: { [CANARY]: 1 } },
      { ...request, request_data: CANARY },
      { ...request, tools: JSON.parse(`${'['.repeat(200)}"${CANARY}"${']'.repeat(200)}`) },
      { ...request, texts: [CANARY.repeat(20_000)] },
    ],
  },
];

async function run({ akto, capsule, env, bodies }: Flow, extra: Record<string, string> = {}) {
  const aktoBackend = await startFakeBackend(akto);
  const capsuleBackend = await startFakeBackend(capsule ?? says(json({ decision: 'allow', reason: CANARY })));
  const bridge = testBridge({
    LOG_LEVEL: 'trace',
    MAX_BODY_MB: '0.1',
    BRIDGE_API_KEYS: `key-${CANARY}`,
    AKTO_GUARDRAIL_API_BASE: `${aktoBackend.url}/${CANARY}`,
    AKTO_API_KEY: `token-${CANARY}`,
    AKTO_ACCOUNT_ID: CANARY,
    CAPSULE_LITELLM_ENDPOINT: `${capsuleBackend.url}/${CANARY}`,
    CAPSULE_LITELLM_TOKEN: `token-${CANARY}`,
    ...env,
    ...extra,
  });
  const server = await listen(bridge);
  closes.push(aktoBackend.close, capsuleBackend.close, server.close);
  const replies: string[] = [];
  const post = async (body: unknown, headers: Record<string, string> = {}, path = '/') => {
    const text = typeof body === 'string' ? body : json(body);
    const raw = await connect(server.port);
    raw.write(rawPost(text, { 'x-api-key': `key-${CANARY}`, cookie: CANARY, ...headers, ':path': path }));
    const reply = await raw.reply();
    replies.push(`${reply.status} ${json(reply.headers)} ${reply.body}`);
    raw.destroy();
  };
  for (const body of bodies ?? [request, reply, request, reply, request, request, request]) await post(body);
  await post(request, { 'x-api-key': `wrong-${CANARY}`, authorization: `Bearer ${CANARY}` });
  await post(request, { 'content-encoding': CANARY });
  await post(request, {}, `/${CANARY}?${CANARY}=${CANARY}`);
  await post(request, { ':method': 'PUT' });
  for (const path of ['/metrics', '/readyz', '/healthz']) {
    replies.push(await (await bridge.app.request(path)).text());
  }
  // Waits for the checks of backends that only observe
  await bridge.close();
  return {
    replies,
    log: bridge.lines.map((line) => json(line)),
    seen: [...aktoBackend.seen, ...capsuleBackend.seen],
  };
}

test.each(flows)('$name: no content comes out in log, metrics or replies', async (flow) => {
  const { replies, log, seen } = await run(flow);
  // A rewritten text must carry what was not redacted of it, to LiteLLM alone
  const others = replies.filter((reply) => !reply.includes('"GUARDRAIL_INTERVENED"'));
  if (flow.name === 'a redaction that is applied') expect(others.length).toBeLessThan(replies.length);
  for (const text of [...others, ...log]) {
    expect(text.toLowerCase()).not.toContain(CANARY);
    expect(text).not.toContain(SECRET);
  }
  expect(log.length).toBeGreaterThan(2);
  if (flow.bodies === undefined && !flow.env?.BUILTIN_POLICY) expect(json(seen)).toContain(CANARY);
});

test('BLOCKED_MESSAGE can show the vendor and its reason, in the reply alone', async () => {
  const block = flows.find(({ name }) => name === 'block') as Flow;
  const template = 'Stopped by {backend}: {reason} ({ref}) {unknown}';
  const { replies, log } = await run(
    { ...block, bodies: [request] },
    { BLOCKED_MESSAGE: template, CAPSULE_MODE: 'observe' },
  );
  const { blocked_reason } = JSON.parse((replies[0] ?? '').replace(/^.*? (?=\{"action")/, '')) as {
    blocked_reason: string;
  };
  const [, ref] =
    /^Stopped by akto: because c4n4ry \(([0-9a-f]{16})\) \{unknown\}$/.exec(blocked_reason) ?? [];
  expect(ref).toBeDefined();
  expect(log.filter((line) => line.includes(String(ref)))).toHaveLength(1);
  for (const line of log) expect(line).not.toContain(CANARY);
});

test('the reference of a block finds its line in the log, with the call id', async () => {
  const block = flows.find(({ name }) => name === 'block') as Flow;
  const { replies, log } = await run({ ...block, bodies: [request] });
  const [, ref] = /Reference: ([0-9a-f]{16})/.exec(replies[0] ?? '') ?? [];
  const found = log.filter((line) => line.includes(String(ref))).map((line) => JSON.parse(line) as unknown);
  expect(found).toMatchObject([{ action: 'BLOCKED', litellm_call_id: 'call-1', cause: 'verdict', ref }]);
});

const printed: string[] = [];
const { log: consoleLog, info: consoleInfo, warn: consoleWarn, error: consoleError } = console;
for (const name of ['log', 'info', 'warn', 'error'] as const) {
  console[name] = (...words: unknown[]) => void printed.push(words.map(String).join(' '));
}
afterAll(() => {
  Object.assign(console, { log: consoleLog, info: consoleInfo, warn: consoleWarn, error: consoleError });
});

test('nothing is written past the log', () => {
  expect(printed).toEqual([]);
});
