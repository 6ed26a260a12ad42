import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { auditRow } from '../../src/audit/row.ts';
import { decisionRow } from '../../src/decisions/decision-row.ts';
import { keptContentOf } from '../../src/decisions/kept-content.ts';
import { Caller } from '../../src/guardrail/caller.ts';
import type { CheckResult, Decision } from '../../src/guardrail/decision.ts';
import { Redactor } from '../../src/records/redact/redact.ts';
import { callOf } from '../support/call.ts';
import { undecided } from '../support/decision.ts';
import { policyResult } from '../support/policies.ts';

const CANARY = 'canary-b7c1';
const HASH = 'ab12'.repeat(16);

const call = callOf({
  litellm_call_id: 'call-1',
  litellm_trace_id: 'trace-1',
  litellm_version: '1.110.2',
  model: 'gpt-5',
  texts: [CANARY],
  structured_messages: [{ role: 'user', content: CANARY }],
  request_data: {
    user_api_key_hash: HASH,
    user_api_key_alias: 'nightly',
    user_api_key_team_alias: 'payments',
    user_api_key_user_id: 'ada',
    user_api_key_end_user_id: 'customer-7',
  },
});

const check = { mode: 'enforce', unreachableFallback: 'fail_closed', seconds: 0.0123 } as const;

function decision(changes: Partial<Decision> = {}): Decision {
  return { ...undecided(call), caller: new Caller(call), ...changes };
}

test('a row names who, what and why, and nothing of the content', () => {
  const checks: CheckResult[] = [
    { ...check, backend: 'lakera', verdict: { kind: 'block', reason: CANARY, categories: ['jailbreak'] } },
    { ...check, backend: 'akto', failure: { kind: 'http_status', status: 502 }, effect: 'next' },
  ];
  const row = decisionRow(
    decision({
      outcome: { kind: 'block', cause: 'verdict', by: 'lakera', reason: CANARY, message: CANARY },
      ref: '0123456789abcdef',
      checks,
      policies: {
        ...policyResult,
        version: 'v7',
        callerRule: 'staff',
        notes: [
          { kind: 'secrets', enforced: true, verdict: 'allow', reasonCode: '', rules: [] },
          { kind: 'pii-detector', enforced: false, verdict: 'redact', reasonCode: 'pii', rules: ['email'] },
        ],
      },
    }),
  );
  expect(row).toMatchObject({
    ref: '0123456789abcdef',
    litellm_call_id: 'call-1',
    litellm_trace_id: 'trace-1',
    litellm_version: '1.110.2',
    input_type: 'request',
    shape: 'conversation',
    model: 'gpt-5',
    team: 'payments',
    key: 'nightly',
    user: 'ada',
    end_user: 'customer-7',
    verdict: 'block',
    action: 'BLOCKED',
    category: 'policy',
    cause: 'verdict',
    by: 'lakera',
    policy_version: 'v7',
    caller_rule: 'staff',
    policies: [
      { kind: 'pii-detector', enforced: false, verdict: 'redact', reason_code: 'pii', rules: ['email'] },
    ],
    allowed: ['secrets'],
    backends: [
      { backend: 'lakera', mode: 'enforce', result: 'block', ms: 12.3, categories: ['jailbreak'] },
      { backend: 'akto', mode: 'enforce', result: 'http_status', ms: 12.3, status: 502 },
    ],
  });
  expect(JSON.stringify(row)).not.toContain(CANARY);
});

test.each<[string, Partial<Decision>, string]>([
  ['an allowed call', {}, 'allow'],
  ['one of which only history is removed', { removed: ['secrets'], outcome: modified([]) }, 'remove'],
  ['a redacted one', { outcome: modified(['secrets']) }, 'redact'],
  ['one that is left to LiteLLM', { outcome: { kind: 'defer', by: 'akto' } }, 'defer'],
  ['one that nobody waits for', { outcome: { kind: 'cancelled' } }, 'cancelled'],
])('%s has its word', (_, changes, verdict) => {
  expect(decisionRow(decision(changes))).toMatchObject({ verdict, ref: null, category: null, cause: null });
});

test.each([
  ['x\ud800', 'x\ufffd'],
  ['\udc00x', '\ufffdx'],
  [`${'x'.repeat(255)}\ud83d\ude00`, `${'x'.repeat(255)}\ufffd`],
])('half a character in an id, sent or left by the cut, is kept as a character: %#', (id, kept) => {
  const call = callOf({ litellm_call_id: id, litellm_trace_id: id, model: id, texts: ['text'] });
  const row = decisionRow({ ...undecided(call), caller: new Caller(call) });
  expect([row.litellm_call_id, row.litellm_trace_id, row.model]).toEqual([kept, kept, kept]);
});

test('texts that a client chooses are of bounded length, and a key without an alias has the beginning of its hash', () => {
  const long = 'x'.repeat(5000);
  const request_data = { user_api_key_hash: HASH, user_api_key_end_user_id: long };
  const odd = callOf({ litellm_call_id: long, litellm_trace_id: long, model: long, texts: [], request_data });
  const row = decisionRow({ ...undecided(odd), caller: new Caller(odd) });
  expect(JSON.stringify(row).length).toBeLessThan(2000);
  expect(row.key).toBe(HASH.slice(0, 16));
});

test('a key that stands where its hash should is told as a hash', () => {
  const key = 'portal-token-9f8e7d6c5b4a3f2e1d0c';
  const odd = callOf({ texts: [], request_data: { user_api_key_hash: key } });
  const of = { ...undecided(odd), caller: new Caller(odd) };
  const sha256 = createHash('sha256').update(key).digest('hex');
  expect(decisionRow(of).key).toBe(sha256.slice(0, 16));
  expect(auditRow(of).key).toBe(sha256);
  const none = { remove: [], noContentTeams: new Set<string>(), noContentKeys: new Set<string>() };
  const redactor = new Redactor({ content: 'full', ...none });
  const kept = keptContentOf(Buffer.from(JSON.stringify(odd)), redactor);
  expect(JSON.stringify(kept)).not.toContain(key);
});

test('the master key has the word of LiteLLM', () => {
  const master = callOf({ texts: [], request_data: { user_api_key_hash: 'litellm_proxy_master_key' } });
  expect(decisionRow({ ...undecided(master), caller: new Caller(master) }).key).toBe(
    'litellm_proxy_master_key',
  );
});

function modified(by: string[]): Decision['outcome'] {
  return { kind: 'modify', by, texts: new Map(), form: 'texts' };
}

describe('a row tells', () => {
  const note = {
    kind: 'secrets',
    enforced: true,
    verdict: 'block',
    reasonCode: 'secret_detected',
    rules: [],
  } as const;
  const block = { kind: 'block', cause: 'verdict', by: 'secrets', reason: '' } as const;

  test('where a policy found what, and that it stands in an older message', () => {
    const places = [{ message: 3, role: 'user', part: 'content' }] as const;
    const policies = { ...policyResult, notes: [{ ...note, places }] };
    expect(decisionRow(decision({ policies, outcome: { ...block, older: true } }))).toMatchObject({
      older: true,
      policies: [{ kind: 'secrets', places }],
    });
  });

  test.each<[string, Partial<Extract<CheckResult, { verdict: unknown }>>['verdict'], string | undefined]>([
    ['blocks', { kind: 'block', reason: `Prompt injection in ${CANARY}` }, 'Prompt injection […]'],
    ['only reports', { kind: 'allow', flagged: `violence: ${CANARY.toUpperCase()}` }, 'violence […]'],
    ['quotes all that it says', { kind: 'block', reason: CANARY }, undefined],
  ])('what a vendor says that %s', (_, verdict, reason) => {
    const checks: CheckResult[] = [{ ...check, backend: 'lakera', verdict: verdict! }];
    expect(decisionRow(decision({ checks })).backends[0]?.reason).toBe(reason);
  });

  const named = {
    litellm_version: '1.110.2',
    litellm_call_id: 'c',
    request_headers: { 'user-agent': 'x' },
    model: 'm',
  };
  const rows = { structured_messages: [{ role: 'user', content: 'a' }], texts: ['a'] };
  const told = (name: string) => ({ ...named, request_headers: { [name]: '[present]' } });
  test.each<[string, Record<string, unknown>, string | null, string | null, boolean | undefined]>([
    ['a chat', { ...named, ...rows }, null, null, undefined],
    ['messages', { ...told('anthropic-version'), ...rows }, '/v1/messages', null, undefined],
    ['Gemini', { ...told('X-Goog-Api-Client'), texts: ['a'] }, 'generateContent', null, undefined],
    ['a document', { ...named, texts: ['https://a.example/b.pdf'] }, '/v1/ocr', null, undefined],
    ['a tool', { ...named, model: null, texts: ['a'], tools: [{}] }, 'MCP tools/call', null, undefined],
    [
      'a result',
      { litellm_version: '1.110.2', input_type: 'response', texts: ['a'] },
      'MCP tools/call',
      'post_mcp_call',
      undefined,
    ],
    ['a response', { ...named, input_type: 'response', texts: ['a'] }, null, 'post_call', undefined],
    [
      'a stream',
      {
        ...named,
        input_type: 'response',
        texts: ['a'],
        additional_provider_specific_params: { stream: true },
      },
      null,
      'post_call',
      true,
    ],
  ])(
    'the endpoint, mode and stream of %s as far as the call tells',
    (_, fields, endpoint, mode, streamed) => {
      const row = decisionRow(decision({ call: callOf(fields) }));
      expect([row.endpoint, row.mode, row.streamed]).toEqual([endpoint, mode, streamed]);
    },
  );
});
