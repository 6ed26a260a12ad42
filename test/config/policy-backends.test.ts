import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { capsuleAllows, capsuleDenies } from '../support/capsule.ts';
import { fakeBackend } from '../support/closing.ts';
import { capitals, fill } from '../support/credentials.ts';
import { json, text } from '../support/fake-backend.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'policy-backends-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A bridge with a policy file of these lines. */
function bridgeOf(lines: string, env: Record<string, string> = {}, dir = folder()) {
  const file = join(dir, 'policy.yaml');
  writeFileSync(file, lines);
  const bridge = testBridge({ POLICY_FILE: file, TOKEN: 'token-of-the-environment', ...env });
  onTestFinished(() => bridge.close());
  const rewrite = (more: string) => {
    writeFileSync(file, more);
    bridge.reloadPolicies();
  };
  return { ...bridge, rewrite };
}

const CALL = { input_type: 'request', litellm_call_id: 'call-1', texts: ['When does the library open?'] };

test('backends of the policy file are asked, several of one kind, each with its own token', async () => {
  const first = await fakeBackend(aktoAllows);
  const second = await fakeBackend(aktoBlocks('no'));
  const { ask } = bridgeOf(
    `
backends:
  - { name: akto-a, kind: akto, url: ${first.url}, secret: { env: TOKEN } }
  - { name: akto-b, kind: akto, url: ${second.url}/base/, secret: { env: OTHER }, account_id: "77" }
`,
    { OTHER: 'other-token' },
  );
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect(first.seen[0]?.headers.authorization).toBe('token-of-the-environment');
  expect(second.seen[0]?.headers.authorization).toBe('other-token');
  expect(second.seen[0]?.path).toMatch(/^\/base\/api\/http-proxy/);
  expect(second.seen[0]?.body).toMatchObject({ akto_account_id: '77' });
});

test('rules pick them by name, beside those of the environment', async () => {
  const own = await fakeBackend(capsuleDenies('no'));
  const file = await fakeBackend(aktoAllows);
  const { ask } = bridgeOf(
    `
backends: [{ name: akto-a, kind: akto, url: "${file.url}", secret: { env: TOKEN } }]
rules: [{ name: payments, match: { team: payments }, backends: [akto-a] }]
`,
    { CAPSULE_LITELLM_ENDPOINT: own.url, CAPSULE_LITELLM_TOKEN: 'x' },
  );
  const team = { ...CALL, request_data: { user_api_key_team_id: 'payments' } };
  expect((await ask(team)).reply.action).toBe('NONE');
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect([own.seen.length, file.seen.length]).toEqual([1, 2]);
});

test('a changed backend takes over at the reload, with its breaker, and one that is gone is asked no more', async () => {
  const down = await fakeBackend(text('down', 503));
  const up = await fakeBackend(capsuleAllows);
  const entry = (url: string) =>
    `backends: [{ name: house, kind: capsule, url: "${url}", secret: { env: TOKEN }, unreachable_fallback: fail_closed }]`;
  const { ask, rewrite, metric, app } = bridgeOf(entry(down.url));
  for (let n = 0; n < 5; n++) await ask(CALL);
  rewrite(entry(up.url));
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect(
    await metric('failures_total{backend="house",mode="enforce",input_type="request",kind="breaker_open"}'),
  ).toBe(1);
  expect(await (await app.request('/readyz')).json()).toMatchObject({ unhappy: ['house'] });
  rewrite(`backends: [{ name: other, kind: capsule, url: "${up.url}", secret: { env: TOKEN } }]`);
  expect((await ask(CALL)).reply.action).toBe('NONE');
  expect(
    await metric('verdicts_total{backend="other",mode="enforce",input_type="request",verdict="allow"}'),
  ).toBe(1);
  expect(await metric('breaker_state{backend="house"}')).toBeUndefined();
});

test('a secret is read again from its file, and a file that is gone leaves the last one in force', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'token'), 'first-token\n');
  const vendor = await fakeBackend(capsuleAllows);
  const lines = `backends: [{ name: house, kind: capsule, url: "${vendor.url}", secret: { file: token } }]`;
  const { ask, reloadPolicies, policies, lines: log } = bridgeOf(lines, {}, dir);
  await ask(CALL);
  writeFileSync(join(dir, 'token'), 'second-token\n');
  reloadPolicies();
  await ask(CALL);
  rmSync(join(dir, 'token'));
  reloadPolicies();
  await ask(CALL);
  expect(vendor.seen.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first-token',
    'Bearer second-token',
    'Bearer second-token',
  ]);
  expect(policies?.().files).toEqual([join(dir, 'token')]);
  expect(log.at(-1)?.msg ?? log.map(({ msg }) => msg)).toBeDefined();
  expect(JSON.stringify(log)).toContain('the file token cannot be read (ENOENT)');
  expect(JSON.stringify(log)).not.toMatch(/first-token|second-token/);
});

test('a backend that refuses our token is unhappy at the first refusal, and healthy once it is mended, without traffic', async () => {
  const vendor = await fakeBackend(text('no', 401));
  const entry = `backends: [{ name: house, kind: capsule, url: "${vendor.url}", secret: { env: TOKEN }, unreachable_fallback: fail_open }]`;
  const { ask, app, metric } = bridgeOf(entry);
  const ready = async () => (await (await app.request('/readyz')).json()) as { unhappy: string[] };
  expect((await ask(CALL)).reply.action).toBe('NONE');
  expect(
    await metric('failures_total{backend="house",mode="enforce",input_type="request",kind="unauthorized"}'),
  ).toBe(1);
  expect(await ready()).toMatchObject({
    unhappy: ['house'],
    backends: { house: { healthy: false, breaker: 'closed', unauthorized: true } },
  });
  vendor.reply = capsuleAllows;
  await expect.poll(ready, { timeout: 15_000, interval: 100 }).toMatchObject({ unhappy: [] });
});

test('a call that a backend is not asked about does not make a refused secret good', async () => {
  const preset = `{ title: Acme, judges: [request], reads: texts, authors: [tool], asks: [{ path: '', body: { text: $text } }], reply: { allow: [{ /ok: true }] } }`;
  const vendor = await fakeBackend(json({}, 401));
  const { ask, app, metric } = bridgeOf(
    `backends: [{ name: house, kind: http, url: "${vendor.url}", unreachable_fallback: fail_open, preset: ${preset} }]`,
  );
  const ready = async () => (await (await app.request('/readyz')).json()) as { unhappy: string[] };
  const saying = (role: string) => ({
    ...CALL,
    texts: [`The ${role} says this`],
    structured_messages: [{ role, content: `The ${role} says this` }],
  });
  await ask(saying('tool'));
  await ask(saying('user'));
  expect(vendor.seen).toHaveLength(1);
  expect(await metric('unasked_total{backend="house",input_type="request"}')).toBe(1);
  expect(await ready()).toMatchObject({ unhappy: ['house'] });
  vendor.reply = json({ ok: true });
  await expect.poll(ready, { timeout: 15_000, interval: 100 }).toMatchObject({ unhappy: [] });
  expect(vendor.seen.at(-1)?.body).toEqual({ text: 'The library opens at nine.' });
});

describe('a mistake is told with its line', () => {
  const good = 'name: house, kind: capsule, url: "http://localhost:1"';
  test.each([
    [
      'a misspelt kind',
      '{ name: a, kind: capsul }',
      'backends[0].kind: "capsul" is no kind of backend; did you mean capsule?',
    ],
    ['no kind', '{ name: a }', 'backends[0].kind: is missing'],
    [
      'a misspelt key',
      `{ ${good}, secret: { env: TOKEN }, timout: 3 }`,
      'backends[0].timout: is not known; did you mean timeout?',
    ],
    [
      'a literal secret',
      `{ ${good}, secret: tok-en }`,
      'backends[0].secret: must be {env: NAME} or {file: path}: a secret does not stand in this file',
    ],
    [
      'a secret in the place of its name',
      `{ ${good}, secret: { env: my-password-1 } }`,
      'backends[0].secret.env: is no name of a variable, such as LAKERA_KEY; the secret itself stands in the environment',
    ],
    [
      'a secret that could be a name in its place',
      `{ ${good}, secret: { env: hunter2pass } }`,
      'backends[0].secret: the variable is not set in the environment',
    ],
    [
      'a literal secret of digits',
      `{ ${good}, secret: 12345678 }`,
      'backends[0].secret: must be {env: NAME} or {file: path}: a secret does not stand in this file',
    ],
    [
      'a secret of digits in the place of its name',
      `{ ${good}, secret: { file: 12345678 } }`,
      'backends[0].secret: must be {env: NAME} or {file: path}: a secret does not stand in this file',
    ],
    [
      'a secret in capitals in the place of its name',
      `{ ${good}, secret: { env: ${capitals(24)} } }`,
      'backends[0].secret: the variable is not set in the environment',
    ],
    [
      'a secret in the place of its file',
      `{ ${good}, secret: { file: sk-${fill(30)} } }`,
      'backends[0].secret: the file cannot be read (ENOENT)',
    ],
    [
      'a password in an address',
      '{ name: a, kind: capsule, url: "https://user:hunter2@vendor.example" }',
      'backends[0].url: write an address like https://host.example/path, without credentials, query or fragment',
    ],
    [
      'a key in an address',
      '{ name: a, kind: capsule, url: "https://vendor.example/x?key=hunter2" }',
      'backends[0].url: write an address like https://host.example/path, without credentials, query or fragment',
    ],
    [
      'a variable that is not set',
      `{ ${good}, secret: { env: NOT_SET } }`,
      'backends[0].secret: NOT_SET is not set in the environment',
    ],
    [
      'a file that is not there',
      `{ ${good}, secret: { file: none } }`,
      'backends[0].secret: the file none cannot be read (ENOENT)',
    ],
    [
      'no secret',
      `{ ${good} }`,
      'backends[0].secret: is missing; set it, or CAPSULE_LITELLM_TOKEN in the environment: {env: NAME} or {file: path}',
    ],
    [
      'no address',
      '{ name: a, kind: akto }',
      'backends[0].url: is missing; set it, or AKTO_GUARDRAIL_API_BASE in the environment',
    ],
    [
      'an address that is none',
      '{ name: a, kind: akto, url: akto }',
      'backends[0].url: write an address like https://host.example/path, without credentials, query or fragment, not "akto"',
    ],
    [
      'a mode that is none',
      `{ ${good}, secret: { env: TOKEN }, mode: shadows }`,
      'backends[0].mode: must be enforce or observe or shadow, not "shadows"; did you mean shadow?',
    ],
    [
      'a percentage beyond 100',
      `{ ${good}, secret: { env: TOKEN }, sample: 101 }`,
      'backends[0].sample: must be at most 100, not 101',
    ],
    [
      'a timeout of nothing',
      `{ ${good}, secret: { env: TOKEN }, timeout: 0 }`,
      'backends[0].timeout: must be more than 0 and at most 3600 seconds, not 0',
    ],
    [
      'a name that is none',
      `{ kind: akto, name: "A b", url: "http://localhost:1" }`,
      'backends[0].name: must be in kebab-case, such as lakera-payments, not "A b"',
    ],
    ...['none', 'policies', 'bridge', 'pii-detector'].map((name) => [
      `the name ${name}`,
      `{ name: ${name}, kind: akto, url: "http://localhost:1", secret: { env: TOKEN } }`,
      `backends[0].name: must be another name: this one has a meaning of its own here, not "${name}"`,
    ]),
  ])('%s', (_, entry, message) => {
    expect(() => bridgeOf(`backends:\n  - ${entry}\n`)).toThrow(`line 2: ${message}`);
  });

  test('a name twice, also that of a backend of the environment', () => {
    const lines = `backends:\n  - { ${good}, secret: { env: TOKEN } }\n  - { ${good}, secret: { env: TOKEN } }\n`;
    expect(() => bridgeOf(lines)).toThrow(
      'line 3: backends[1].name: "house" is the name of an earlier backend',
    );
    const env = { CAPSULE_LITELLM_ENDPOINT: 'http://localhost:1', CAPSULE_LITELLM_TOKEN: 'x' };
    expect(() => bridgeOf(lines.replace('house', 'capsule'), env)).toThrow(
      'line 2: backends[0].name: "capsule" is the name of a backend of the environment',
    );
  });
});

test('an entry for the account that the environment has set up is warned about, one for another is not', async () => {
  const vendor = await fakeBackend(capsuleAllows);
  const env = { CAPSULE_LITELLM_ENDPOINT: vendor.url, CAPSULE_LITELLM_TOKEN: 'x', SAME: 'x' };
  const warningsOf = (more: string) =>
    bridgeOf(`backends: [{ name: house, kind: capsule${more} }]`, env).policies?.().warnings.join() ?? '';
  const twice = 'backends[0]: house is the account that variables of the environment set up, too';
  expect(warningsOf('')).toContain(twice);
  expect(warningsOf(`, url: "${vendor.url}/", secret: { env: SAME }`)).toContain(twice);
  expect(warningsOf(', secret: { env: TOKEN }')).not.toContain('is the account');
  expect(warningsOf(', url: "http://localhost:1"')).not.toContain('is the account');
});

test('how often and how long a backend is asked has to make sense', async () => {
  const vendor = await fakeBackend(aktoAllows);
  const entry = (more: string) =>
    `backends: [{ name: house, kind: akto, url: "${vendor.url}", secret: { env: TOKEN }, ${more} }]`;
  expect(() => bridgeOf(entry('hedge_after: 2, timeout: 2'))).toThrow(
    'backends[0].hedge_after: must be less than the timeout of 2 seconds',
  );
  const warningsOf = (more: string) => bridgeOf(entry(more)).policies?.().warnings.join() ?? '';
  expect(warningsOf('sample: 10')).toContain('backends[0].sample: a client can choose an id');
  expect(warningsOf('sample: 10, mode: shadow, hedge_after: 0.3')).toContain(
    'backends[0].hedge_after: does nothing with mode: shadow',
  );
  expect(warningsOf('hedge_after: 0.3')).not.toMatch(/sample|hedge_after/);
});

const preset =
  'title: Acme, judges: [request], reads: texts, secret: none, asks: [{ path: /v, body: { t: $text } }], reply: { block: [{ /b: true }], allow: [{ /b: false }] }';
test.each([
  ['kind: keeptrusts, secret: { env: TOKEN }', 'keeptrusts must not be asked twice about a call'],
  [`kind: http, preset: { idempotent: false, ${preset} }`, 'http must not be asked twice about a call'],
])('no second attempt for a backend that is asked once: %s', (kind, message) => {
  const file = `backends: [{ name: house, ${kind}, url: "http://localhost:1", hedge_after: 0.1 }]`;
  expect(() => bridgeOf(file)).toThrow(`backends[0].hedge_after: cannot be used: ${message}`);
});
