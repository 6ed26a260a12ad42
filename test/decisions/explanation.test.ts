import { describe, expect, test } from 'vitest';
import { adviceOnDecision } from '../../src/decisions/advice.ts';
import { explanationOf } from '../../src/decisions/explanation.ts';
import type { BackendFinding, DecisionRow } from '../../src/decisions/row.ts';
import { blocked, row } from '../support/decisions.ts';

const finding = (changes: Partial<BackendFinding> = {}): BackendFinding => ({
  ...{ backend: 'lakera', mode: 'enforce', result: 'block', ms: 12.3 },
  ...changes,
});
const policy = { kind: 'secrets', enforced: true, verdict: 'block', reason_code: 'secret_detected' } as const;
const without = { policies: [], by: 'lakera' } as const;
const closed = { ...without, cause: 'fail_closed', category: 'unavailable' } as const;
const redacted = { verdict: 'redact', action: 'GUARDRAIL_INTERVENED', category: null, cause: null } as const;

const CASES: readonly [name: string, row: DecisionRow, says: string, advice: string][] = [
  [
    'a policy',
    blocked('r', {
      policies: [{ ...policy, rules: ['aws-key'], places: [{ message: 3, role: 'user', part: 'content' }] }],
    }),
    'Blocked by the policy secrets of file version v1: rule aws-key matched in message 3 (user).',
    'npm start --silent -- policy replay new.yaml --since 1d',
  ],
  [
    'a policy, for an older message',
    blocked('r', {
      older: true,
      policies: [{ ...policy, rules: ['a', 'b'], places: [{ message: 4, role: 'tool', part: 'result' }] }],
    }),
    'Blocked by the policy secrets of file version v1: rules a, b matched in message 4 (tool), an older one.',
    'begin a new conversation',
  ],
  [
    'a policy, for the call as such',
    blocked('r', {
      by: 'rbac',
      policies: [{ ...policy, kind: 'rbac', reason_code: 'tool_denied', rules: [] }],
    }),
    'Blocked by the policy rbac of file version v1: rule tool_denied matched.',
    'mode: observe under policy.rbac',
  ],
  [
    'a vendor',
    blocked('r', { ...without, backends: [finding({ categories: ['prompt_attack'] })] }),
    'Blocked by lakera: prompt_attack.',
    'npm start --silent -- backend test lakera "text"',
  ],
  [
    'two vendors',
    blocked('r', { ...without, by: 'akto,lakera', backends: [finding(), finding({ backend: 'akto' })] }),
    'Blocked by akto and lakera.',
    'backend test lakera',
  ],
  [
    'a refused token',
    blocked('r', { ...closed, backends: [finding({ result: 'unauthorized', status: 401 })] }),
    'Blocked, as its fallback is fail_closed: lakera gave no verdict (HTTP 401: it refuses our token).',
    'mend its token',
  ],
  [
    'a slow vendor',
    blocked('r', { ...closed, backends: [finding({ result: 'timeout', ms: 5000.4 })] }),
    'Blocked, as its fallback is fail_closed: lakera gave no verdict (no reply within 5000 ms).',
    'unreachable_fallback: fail_open',
  ],
  [
    'policies that do not end',
    blocked('r', { ...closed, by: 'policies' }),
    'Blocked: the policies made no verdict in their time, which no fallback lets pass.',
    'GUARDRAIL_TIMEOUT',
  ],
  [
    'a mistake of ours',
    blocked('r', { ...closed, by: 'bridge' }),
    'Blocked: the bridge could not judge it, by a mistake of its own.',
    'cannot judge',
  ],
  [
    'a body that is late',
    blocked('r', { ...closed, by: 'bridge', shape: 'unread' }),
    'Blocked: the bridge could not judge it in time.',
    'BODY_TIMEOUT',
  ],
  [
    'a redaction that cannot be made',
    blocked('r', {
      cause: 'redaction',
      policies: [
        { ...policy, verdict: 'redact', rules: ['ssn'], places: [{ message: 2, role: 'tool', part: 'id' }] },
      ],
    }),
    'Blocked as what secrets would redact cannot be redacted here: rule ssn matched in an id, a name or an address of message 2 (tool), which no reply can change.',
    'npm start --silent -- doctor',
  ],
  [
    'hidden content',
    blocked('r', { ...without, by: 'bridge', cause: 'hidden_content' }),
    'Blocked: it has more than LiteLLM shows to guardrails, and HIDDEN_CONTENT is block.',
    'HIDDEN_CONTENT=count',
  ],
  [
    'several models',
    blocked('r', { ...without, by: 'bridge', cause: 'several_models' }),
    'Blocked: it asks several models at once, of which LiteLLM shows one.',
    'one call for each',
  ],
  [
    'its size',
    blocked('r', { ...without, by: 'bridge', cause: 'refused', shape: 'unread' }),
    'Blocked unread: it is larger than MAX_BODY_MB, or has more parts than MAX_JSON_NODES.',
    'MAX_BODY_MB',
  ],
  [
    'its form',
    blocked('r', { ...without, by: 'bridge', cause: 'unreadable', shape: 'unread' }),
    'Blocked unread: it is no call that LiteLLM sends, or nested too deep.',
    'npm start --silent -- doctor',
  ],
];

describe('a block says why, and what can be done: for', () => {
  test.each(CASES)('%s', (_, about, says, advice) => {
    expect(explanationOf(about)).toBe(says);
    expect(adviceOnDecision(about, { replays: true, hasPolicyFile: true }).join('\n')).toContain(advice);
  });
});

describe('other decisions say what happened:', () => {
  test.each<[name: string, row: DecisionRow, says: string]>([
    ['nothing', row(), 'Allowed.'],
    [
      'a policy that observes',
      row({ policies: [{ ...policy, enforced: false, rules: ['a'] }] }),
      'Allowed, but secrets would block.',
    ],
    [
      'a vendor that was outvoted',
      row({ backends: [finding()] }),
      'Allowed, but lakera would block, and was outvoted.',
    ],
    [
      'a vendor that is down under fail_open',
      row({ backends: [finding({ result: 'http_status', status: 502 })] }),
      'Allowed, but lakera gave no verdict (HTTP 502).',
    ],
    [
      'a redaction',
      row({
        ...redacted,
        by: 'secrets',
        policies: [{ ...policy, verdict: 'redact', rules: ['a', 'b', 'c', 'd', 'e', 'f'] }],
      }),
      'Redacted by secrets: rules a, b, c, d and 2 more matched; the rest went on.',
    ],
    [
      'history',
      row({ ...redacted, verdict: 'remove', removed: ['lakera'] }),
      'Went on without text of older messages that lakera had blocked.',
    ],
    [
      'LiteLLM decides',
      row({
        verdict: 'defer',
        action: 'DEFERRED',
        by: 'lakera',
        backends: [finding({ result: 'breaker_open' })],
      }),
      'Left to LiteLLM with a 503, as its fallback is defer: lakera gave no verdict (not asked, as it kept failing).',
    ],
    [
      'nobody waited',
      row({ verdict: 'cancelled', action: 'CANCELLED' }),
      'Not decided: LiteLLM hung up before there was a verdict.',
    ],
  ])('%s', (_, about, says) => {
    expect(explanationOf(about)).toBe(says);
  });
});

test.each([
  ['content', 3, 'in message 3 (user)'],
  ['arguments', 3, 'in the arguments of a tool call of message 3 (user)'],
  ['result', 3, 'in message 3 (user)'],
  ['result', null, 'in the result of a tool'],
  ['tools', null, 'in the definition of a tool'],
  ['text', null, 'in a text'],
  ['response', null, 'in the response'],
] as const)('a place is told in words: %s of %s', (part, message, says) => {
  const places = [{ message, role: message === null ? null : 'user', part }];
  expect(explanationOf(blocked('r', { policies: [{ ...policy, rules: ['a'], places }] }))).toContain(
    `matched ${says}.`,
  );
});
