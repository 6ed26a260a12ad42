import { expect, test } from 'vitest';
import { decisionRow } from '../../src/decisions/decision-row.ts';
import { Caller } from '../../src/guardrail/caller.ts';
import type { CheckResult, Decision } from '../../src/guardrail/decision.ts';
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

test('texts that a client chooses are of bounded length, and a key without an alias has the beginning of its hash', () => {
  const long = 'x'.repeat(5000);
  const request_data = { user_api_key_hash: HASH, user_api_key_end_user_id: long };
  const odd = callOf({ litellm_call_id: long, litellm_trace_id: long, model: long, texts: [], request_data });
  const row = decisionRow({ ...undecided(odd), caller: new Caller(odd) });
  expect(JSON.stringify(row).length).toBeLessThan(2000);
  expect(row.key).toBe(HASH.slice(0, 16));
});

function modified(by: string[]): Decision['outcome'] {
  return { kind: 'modify', by, texts: new Map(), form: 'texts' };
}
