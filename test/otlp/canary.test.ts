import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { fakeBackend } from '../support/closing.ts';
import { silence } from '../support/fake-backend.ts';
import { collector, tracedBridge, untilThere } from './world.ts';

const CANARIES = {
  prompt: 'canary-prompt-7Q2',
  response: 'canary-response-7Q2',
  argument: 'canary-argument-7Q2',
  header: 'canary-header-7Q2',
  vendor: 'canary-reason-of-a-vendor-7Q2',
  vendorKey: 'canary-key-of-a-vendor-7Q2',
  bridgeKey: 'canary-key-of-the-bridge-7Q2',
  email: 'canary-7Q2@example.com',
  endUser: 'canary-end-user-7Q2',
  word: 'canaryword7q2',
  state: 'canary state 7Q2',
};
/** The hash of a virtual key: log lines name it, spans its beginning. */
const KEY = `${'a'.repeat(48)}ca4a51e5ca4a51e5`;
const TOKEN = 'token-of-the-collector-7Q2';

test('no content and no secret goes out, whatever happens to a call; the token of the collector in its header alone', async () => {
  const seen = await collector();
  const [allows, blocks, silent] = await Promise.all([
    fakeBackend(aktoAllows),
    fakeBackend(aktoBlocks(CANARIES.vendor)),
    fakeBackend(silence),
  ]);
  const dir = mkdtempSync(join(tmpdir(), 'otlp-'));
  const file = join(dir, 'policy.yaml');
  const entry = (name: string, url: string, more = '') =>
    `  - { name: ${name}, kind: akto, url: "${url}", secret: { env: VENDOR_TOKEN }${more} }`;
  writeFileSync(
    file,
    [
      'policies: { chain: [prompt-injection, secrets, banned-keywords] }',
      `policy: { banned-keywords: { keywords: [${CANARIES.word}] } }`,
      'backends:',
      entry('allows', allows.url),
      entry('blocks', blocks.url, ', mode: observe'),
      entry('silent', silent.url, ', timeout: 0.1, unreachable_fallback: fail_open'),
    ].join('\n'),
  );
  const bridge = tracedBridge(seen.url, {
    ...{ POLICY_FILE: file, VENDOR_TOKEN: CANARIES.vendorKey, DATA_DIR: dir, LOG_LEVEL: 'debug' },
    BRIDGE_API_KEYS: CANARIES.bridgeKey,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${TOKEN}`,
  });
  const key = { 'x-api-key': CANARIES.bridgeKey };
  const call = {
    input_type: 'request',
    litellm_call_id: 'call-1',
    model: 'gpt-4o',
    texts: [CANARIES.prompt],
    structured_messages: [{ role: 'user', content: CANARIES.prompt }],
    tool_calls: [{ id: 'a', function: { name: 'f', arguments: `{"a":"${CANARIES.argument}"}` } }],
    request_headers: {
      authorization: CANARIES.header,
      'x-secret': CANARIES.header,
      traceparent: CANARIES.header,
      tracestate: CANARIES.state,
    },
    request_data: {
      user_api_key_hash: KEY,
      user_api_key_user_email: CANARIES.email,
      user_api_key_user_id: CANARIES.email,
      user_api_key_end_user_id: CANARIES.endUser,
      user_api_key_team_id: 'team',
    },
  };
  await bridge.ask(call, key);
  await bridge.ask({ ...call, litellm_call_id: 'call-2', texts: [`${CANARIES.word} here`] }, key);
  await bridge.ask(
    { ...call, litellm_call_id: 'call-3', input_type: 'response', texts: [CANARIES.response] },
    key,
  );
  await bridge.ask({ texts: CANARIES.prompt, input_type: CANARIES.prompt }, key);
  await bridge.ask(call, { 'x-api-key': CANARIES.header });
  bridge.uncaught(new Error(CANARIES.prompt), 'exception');
  await untilThere(() => seen.records.some(({ body }) => body === 'blocked') && seen.spans.length > 3);
  await bridge.close();
  expect(seen.spans.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['check blocks', 'check silent', 'policy banned-keywords', 'guardrail response']),
  );
  expect(seen.records.map(({ body }) => body)).toEqual(expect.arrayContaining(['uncaught error', 'policy']));
  const sent = Buffer.concat(seen.requests.map(({ bytes }) => bytes)).toString('latin1');
  expect(sent).toContain('litellm.call_id');
  for (const [what, canary] of Object.entries(CANARIES)) expect(sent.includes(canary), what).toBe(false);
  expect(JSON.stringify(seen.spans)).not.toContain(KEY);
  expect(sent).not.toContain(TOKEN);
  expect(seen.requests[0]?.headers.authorization).toBe(TOKEN);
  expect(JSON.stringify(bridge.lines)).not.toContain(TOKEN);
  const shown = await (await bridge.app.request('/metrics')).text();
  expect(shown).not.toContain(TOKEN);
});
