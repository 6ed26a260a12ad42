import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { REMOVED } from '../../src/policies/turns.ts';
import { testBridge } from '../support/bridge.ts';
import { fill } from '../support/credentials.ts';

const SECRET = `ghp_${fill(36)}`;
const MAIL = 'ada.canary@example.org';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** A bridge that blocks secrets and redacts addresses, with its audit log. */
function bridgeWith(secrets: object = {}, env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'blocked-history-'));
  closes.push(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'policy.yaml');
  const policy = { secrets: { action: 'block', ...secrets } };
  const chain = ['secrets', 'pii-detector', 'audit-logger'];
  writeFileSync(file, JSON.stringify({ policies: { chain }, policy }));
  const bridge = testBridge({ POLICY_FILE: file, DATA_DIR: join(dir, 'data'), TELEMETRY: 'off', ...env });
  closes.push(() => bridge.close());
  const ask = async (rows: readonly { role: string; content: string }[]) => {
    const texts = rows.map(({ content }) => content);
    const call = { input_type: 'request', litellm_version: '1.110.2', texts, structured_messages: rows };
    return (await bridge.ask({ ...call, request_data: { user_api_key_hash: 'hash-1' } })).reply;
  };
  const rows = () =>
    readdirSync(join(dir, 'data', 'audit'))
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) =>
        readFileSync(join(dir, 'data', 'audit', name), 'utf8')
          .split('\n')
          .filter(Boolean),
      )
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((row) => 'action' in row);
  return { ...bridge, ask, rows };
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('a call from which only blocked history is removed', () => {
  test('is counted and logged as that, and not as redacted', async () => {
    const bridge = bridgeWith();
    expect(await bridge.ask([user(`is ${SECRET} ok?`), user('hello')])).toEqual({
      action: 'GUARDRAIL_INTERVENED',
      texts: [`is ${REMOVED} ok?`, 'hello'],
    });
    expect(await bridge.metric('removed_history_total{backend="secrets"}')).toBe(1);
    expect(await bridge.metric('removed_history_total{backend="pii-detector"}')).toBe(0);
    expect(bridge.lines.map(({ msg }) => msg)).not.toContain('redacted');
    expect(bridge.lines.find(({ msg }) => msg === 'blocked history removed')).toMatchObject({
      action: 'GUARDRAIL_INTERVENED',
      backends: ['secrets'],
      count: 1,
    });
    expect(bridge.lines.find(({ msg }) => msg === 'policy')).toMatchObject({ verdict: 'remove' });
    expect(JSON.stringify(bridge.lines)).not.toContain(SECRET);
  });

  test('stands in the audit log as that', async () => {
    const bridge = bridgeWith();
    await bridge.ask([user(SECRET), user('hello')]);
    await bridge.ask([user(SECRET), user(MAIL)]);
    await bridge.ask([user('hello')]);
    await bridge.close();
    const said = { reason_code: 'secret_detected', rules: ['github-token'], removed: ['secrets'] };
    expect(bridge.rows()).toMatchObject([
      { verdict: 'remove', action: 'GUARDRAIL_INTERVENED', by: 'secrets', ...said },
      { verdict: 'redact', by: 'pii-detector,secrets', reason_code: 'pii_detected', removed: ['secrets'] },
      { verdict: 'allow', by: null, removed: [] },
    ]);
  });
});

test('a call that is redacted too is counted and logged as both', async () => {
  const bridge = bridgeWith();
  const reply = await bridge.ask([user(SECRET), user(`mail ${MAIL}`)]);
  expect(reply.texts).toEqual([REMOVED, 'mail [EMAIL_ADDRESS]']);
  const told = bridge.lines.filter(({ msg }) => msg === 'redacted' || msg === 'blocked history removed');
  expect(told).toMatchObject([{ backends: ['secrets'] }, { backends: ['pii-detector'] }]);
});

test('a policy that only observes counts what it would block once, and not again in each later turn', async () => {
  const bridge = bridgeWith({ mode: 'observe' });
  const labels = '{policy="secrets",rule="default",team=""}';
  await bridge.ask([user(SECRET)]);
  await bridge.ask([user(SECRET), assistant('Yes.'), user('hello')]);
  await bridge.ask([user(SECRET), assistant('Yes.'), user('hello'), assistant('Hello.'), user('bye')]);
  expect(await bridge.metric(`would_block_total${labels}`)).toBe(1);
  expect(await bridge.metric('removed_history_total{backend="secrets"}')).toBe(0);
});

test.each([
  {
    message: undefined,
    refusal: 'Error 400: Blocked by security policy. Reference: 0123456789abcdef',
    is: REMOVED,
  },
  {
    message: undefined,
    refusal: 'Error 400: Blocked by security policy. [policy] Reference: 0123456789abcdef',
    is: REMOVED,
  },
  { message: 'Not allowed here ({ref}).', refusal: 'API Error: Not allowed here (abc).', is: REMOVED },
  { message: 'No. {reason}', refusal: 'No. I would rather not.', is: 'No. I would rather not.' },
  { message: undefined, refusal: 'Yes, it is valid.', is: 'Yes, it is valid.' },
  {
    message: undefined,
    refusal: `Reference: 0123456789abcdef ${'and so on '.repeat(200)}`,
    is: `Reference: 0123456789abcdef ${'and so on '.repeat(200)}`,
  },
])(
  'of what the model seems to have said, refusals alone are removed: $message $#',
  async ({ message, refusal, is }) => {
    const bridge = bridgeWith({}, message === undefined ? {} : { BLOCKED_MESSAGE: message });
    const reply = await bridge.ask([user(SECRET), assistant(refusal), user('hello')]);
    expect(reply.texts).toEqual([REMOVED, is, 'hello']);
  },
);

test('a refusal stays where nothing was blocked', async () => {
  const rows = [user('hello'), assistant('Reference: 0123456789abcdef'), user('bye')];
  expect(await bridgeWith().ask(rows)).toEqual({ action: 'NONE' });
});

test('BLOCKED_HISTORY=block blocks each later turn', async () => {
  const bridge = bridgeWith({}, { BLOCKED_HISTORY: 'block' });
  expect(await bridge.ask([user(SECRET), user('hello')])).toMatchObject({ action: 'BLOCKED' });
  expect(await bridge.metric('removed_history_total{backend="secrets"}')).toBe(0);
});
