import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type CallRefusal, createRefuseCall } from '../../src/calls/refusal.ts';
import { BLOCK_CATEGORIES, type BlockCategory } from '../../src/guardrail/category.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { fill } from '../support/credentials.ts';
import { json, startFakeBackend } from '../support/fake-backend.ts';

const SECRET = `ghp_${fill(36)}`;
const NOWHERE = { AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:1', AKTO_API_KEY: 'key' };
const OLDER = 'An older message of this conversation is the cause.';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** Asks a bridge with these policies about one call. */
async function replyTo(call: object, policy: object = {}, env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'blocked-reason-'));
  closes.push(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'policy.yaml');
  writeFileSync(file, JSON.stringify({ policies: { chain: Object.keys(policy) }, policy }));
  const chosen = Object.keys(policy).length > 0 ? { POLICY_FILE: file } : {};
  const bridge = testBridge({ ...chosen, ...env });
  closes.push(() => bridge.close());
  const body = { input_type: 'request', litellm_version: '1.110.2', litellm_call_id: 'call-1', ...call };
  return String((await bridge.ask(body)).reply.blocked_reason);
}

const rows = (...contents: readonly string[]) => ({
  texts: contents,
  structured_messages: contents.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content })),
});
const blocking = { secrets: { action: 'block' } };

type Case = {
  readonly why: string;
  readonly is: BlockCategory;
  readonly call: object;
  readonly policy?: object;
  readonly env?: Record<string, string>;
};

const cases: readonly Case[] = [
  { why: 'a policy blocks', is: 'policy', call: { texts: [SECRET] }, policy: blocking },
  {
    why: 'a redaction would be dropped',
    is: 'policy',
    call: { texts: ['ada@example.org'], additional_provider_specific_params: { mode: 'during_call' } },
    policy: { 'pii-detector': {} },
  },
  { why: 'a vendor is down', is: 'unavailable', call: { texts: ['hello'] }, env: NOWHERE },
  {
    why: 'a policy about sizes blocks',
    is: 'too_large',
    call: { texts: ['a longer text'] },
    policy: { 'size-limits': { max_text_chars: 5 } },
  },
  {
    why: 'the key has no role',
    is: 'not_allowed',
    call: { texts: ['hello'] },
    policy: { rbac: { deny_if_missing: ['user_id'] } },
  },
  {
    why: 'a tool is not allowed',
    is: 'not_allowed',
    call: {
      texts: ['hello'],
      tools: [{ type: 'function', function: { name: 'delete_all', parameters: {} } }],
    },
    policy: { 'agent-firewall': { denied_tools: ['delete_all'] } },
  },
  { why: 'several models are named', is: 'several_models', call: { texts: ['hello'], model: 'a,b' } },
  {
    why: 'more was sent than is shown',
    is: 'hidden',
    call: { ...rows('hello'), request_headers: { 'content-length': '9000' } },
    env: { HIDDEN_CONTENT: 'block' },
  },
  { why: 'it cannot be read', is: 'unreadable', call: { texts: 'hello' } },
];

describe('a blocked client reads', () => {
  test.each(cases)('[$is] if $why', async ({ is, call, policy, env }) => {
    const reason = await replyTo(call, policy, env);
    expect(reason).toMatch(new RegExp(`^[A-Z][^[]+\\. \\[${is}\\] Reference: [0-9a-f]{16}$`));
    const own = { ...env, BLOCKED_MESSAGE: 'No ({category}). Ask about {ref}.' };
    expect(await replyTo(call, policy, own)).toMatch(
      new RegExp(`^No \\(${is}\\)\\. Ask about [0-9a-f]{16}\\.$`),
    );
  });

  test('[policy] if a vendor blocks, and nothing of its reason', async () => {
    const akto = await startFakeBackend(
      json({ data: { guardrailsResult: { Allowed: false, Reason: 'rate_limit', Behaviour: 'block' } } }),
    );
    closes.push(() => akto.close());
    expect(await replyTo({ texts: ['hello'] }, {}, aktoAt(akto.url))).toMatch(
      /^Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}$/,
    );
  });

  test.each([
    [{ rate_limit: 1 }, 'rate_limit'],
    [{ max_actions_per_session: 1 }, 'session_limit'],
  ])('what an agent has to do where %j is reached', async (limits, category) => {
    const dir = mkdtempSync(join(tmpdir(), 'blocked-reason-'));
    closes.push(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'policy.yaml');
    const policy = { 'agent-firewall': limits };
    writeFileSync(file, JSON.stringify({ policies: { chain: ['agent-firewall'] }, policy }));
    const bridge = testBridge({ POLICY_FILE: file });
    closes.push(() => bridge.close());
    const call = (id: string) => ({
      ...{ input_type: 'response', litellm_call_id: id, litellm_trace_id: 'session', texts: [] },
      tool_calls: [{ id, type: 'function', function: { name: 'search', arguments: '{}' } }],
      request_headers: { 'x-litellm-session-id': 'session' },
    });
    await bridge.ask(call('a'));
    const { reply } = await bridge.ask(call('b'));
    expect(reply.blocked_reason).toMatch(new RegExp(`^Blocked by security policy\\. \\[${category}\\] `));
  });
});

describe('an older message as the cause', () => {
  test.each([
    ['blocks each later turn', { BLOCKED_HISTORY: 'block' }, {}],
    ['cannot be removed', {}, { additional_provider_specific_params: { mode: 'during_call' } }],
  ])('is told where it %s', async (_, env, more) => {
    const reason = await replyTo({ ...rows(SECRET, 'Yes.', 'hello'), ...more }, blocking, env);
    expect(reason).toMatch(new RegExp(`^Blocked by security policy\\. ${OLDER} \\[policy\\] Reference: `));
  });

  test('is told where it would be redacted, and cannot be', async () => {
    const call = {
      ...rows('ada@example.org', 'Yes.', 'hello'),
      additional_provider_specific_params: { mode: 'during_call' },
    };
    expect(await replyTo(call, { 'pii-detector': {} })).toContain(OLDER);
  });

  test.each([
    ['the newest message too', rows(SECRET, 'Yes.', `or ${SECRET}`)],
    ['the newest message alone', rows('hello', 'Yes.', SECRET)],
    ['a text that belongs to no message', { texts: [SECRET] }],
  ])('is not told of %s', async (_, call) => {
    const reason = await replyTo(call, blocking, { BLOCKED_HISTORY: 'block' });
    expect(reason).toMatch(/^Blocked by security policy\. \[policy\] /);
  });

  test('stands in BLOCKED_MESSAGE where {older} does', async () => {
    const env = { BLOCKED_HISTORY: 'block', BLOCKED_MESSAGE: 'No. {older} Ask.' };
    expect(await replyTo(rows(SECRET, 'Yes.', 'hello'), blocking, env)).toBe(`No. ${OLDER} Ask.`);
    expect(await replyTo(rows(SECRET), blocking, env)).toBe('No. Ask.');
  });
});

describe('a refusal before a call', () => {
  const refuse = createRefuseCall({
    metrics: { rejected_total: { inc() {} }, finding_calls_total: { inc() {} } } as never,
    log: { warn: () => {} },
    blockedMessage: undefined,
    unread() {},
    maxBodyBytes: 1000,
  });
  const REFUSALS: readonly (readonly [CallRefusal['reason'], BlockCategory])[] = [
    ['too_large', 'too_large'],
    ['too_many_nodes', 'too_large'],
    ['overloaded', 'unavailable'],
    ['slow', 'unavailable'],
    ['bug', 'unavailable'],
    ['invalid', 'unreadable'],
    ['too_deep', 'unreadable'],
    ['content_encoding', 'unreadable'],
  ];

  test.each(REFUSALS)('for %s says [%s] at each door', (reason, category) => {
    for (const door of [undefined, 'akto', 'capsule'] as const) {
      const { status, body } = refuse({ status: 400, reason, message: 'no' }, door);
      expect(status).toBe(200);
      expect(String(body)).toMatch(
        new RegExp(`Not allowed: [^[]+\\. \\[${category}\\] Reference: [0-9a-f]{16}`),
      );
    }
  });

  test('for a wrong key has no category', () => {
    const { status, body } = refuse({ status: 401, reason: 'unauthorized', message: 'no' });
    expect(status).toBe(401);
    expect(body).not.toContain('[');
  });
});

test('the guide to operations explains each category', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../examples/operations/README.md'), 'utf8');
  const [section = ''] = /^## What a blocked client is told\n.*?(?=^## )/ms.exec(guide) ?? [];
  const names = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(names).toEqual(Object.keys(BLOCK_CATEGORIES));
});
