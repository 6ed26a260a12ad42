import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { createHttp } from '../../src/backends/http.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { createLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { Observer } from '../../src/observability/observer.ts';
import type { JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { Judge } from '../../src/pipeline/judge.ts';
import { OutOfTime } from '../../src/policies/budget.ts';
import { callOf, toolCall } from '../support/call.ts';
import { fill } from '../support/credentials.ts';
import { BLOCK, backend, DOWN, fails, judgeOf, later, modify, says, UNMAPPABLE } from '../support/judging.ts';
import { metric } from '../support/listen.ts';
import { rewritesOf } from '../support/passages.ts';
import { engineOf, type PolicyDocument } from '../support/policies.ts';

const SECRET = `ghp_${fill(36)}`;

/** A check that keeps its calls. */
function recording(verdict: Verdict = ALLOW) {
  const calls: GuardrailCall[] = [];
  const check: Check = async (call) => {
    calls.push(call);
    return verdict;
  };
  return { calls, check };
}

const SECRETS: PolicyDocument = { chain: ['secrets'] };
const judging = (document: PolicyDocument, ...backends: JudgingBackend[]) =>
  judgeOf(backends, { engine: engineOf(document).engine });
const call = (fields: Record<string, unknown>) => callOf({ litellm_version: '1.106.2', ...fields });
const LEAK = call({ texts: ['hello', `the key is ${SECRET}`] });
const work = () => new AbortController();

describe('text that the policies redact', () => {
  test('is gone from all that a vendor sees', async () => {
    const a = recording();
    await judging(SECRETS, backend('a', a.check)).judge(
      call({
        texts: [`1 ${SECRET}`, 'clean'],
        structured_messages: [
          { role: 'system', content: `2 ${SECRET}` },
          { role: 'user', content: [{ type: 'text', text: `3 ${SECRET}` }] },
          { role: 'assistant', content: null, tool_calls: [toolCall(`{"four":"${SECRET}"}`)] },
          { role: 'tool', tool_call_id: 'call_1', content: `5 ${SECRET}` },
        ],
        tool_calls: [toolCall(`{"six":"${SECRET}"}`)],
        tools: [{ type: 'function', function: { name: 'n', description: `7 ${SECRET}` } }],
      }),
      work(),
    );
    const { passages, ...seen } = a.calls[0]!;
    expect(JSON.stringify(passages.all)).not.toContain(SECRET.slice(4, 20));
    expect(JSON.stringify(seen)).not.toContain(SECRET.slice(4, 20));
    expect(JSON.stringify(seen).match(/\[REDACTED\]/g)).toHaveLength(7);
    expect(seen).toMatchObject({
      texts: ['1 [REDACTED]', 'clean'],
      tool_calls: [toolCall('{"six":"[REDACTED]"}')],
      structured_messages: [{ role: 'system' }, { role: 'user' }, { role: 'assistant' }, { role: 'tool' }],
    });
  });

  test('is gone from all that an observing vendor sees', async () => {
    const a = recording();
    const judge = judging(SECRETS, backend('a', a.check, { mode: 'observe' }));
    expect(await judge.judge(LEAK, work())).toMatchObject({ kind: 'modify', by: ['secrets'] });
    await judge.settled();
    expect(a.calls[0]?.texts).toEqual(['hello', 'the key is [REDACTED]']);
  });

  const original = `the key is ${SECRET}`;
  test.each<{
    name: string;
    verdict: Parameters<typeof says>[0];
    is: object;
    rewrites?: Record<string, string>;
  }>([
    {
      name: 'stays redacted where a vendor allows',
      verdict: ALLOW,
      is: { kind: 'modify', by: ['secrets'] },
      rewrites: { [original]: 'the key is [REDACTED]' },
    },
    {
      name: 'is redacted further by a vendor',
      verdict: modify('the key is [REDACTED]', 'the *** is [REDACTED]'),
      is: { kind: 'modify', by: ['secrets', 'a'] },
      rewrites: { [original]: 'the *** is [REDACTED]' },
    },
    {
      name: 'stays redacted where a vendor redacts another text',
      verdict: modify('hello', '*'),
      is: { kind: 'modify', by: ['secrets', 'a'] },
      rewrites: { hello: '*', [original]: 'the key is [REDACTED]' },
    },
    {
      name: 'does not matter where a vendor blocks',
      verdict: BLOCK,
      is: { kind: 'block', cause: 'verdict', by: 'a' },
    },
    {
      name: 'is blocked where a vendor redacts a text that cannot be found',
      verdict: UNMAPPABLE,
      is: { kind: 'block', cause: 'redaction', by: 'a' },
    },
  ])('$name', async ({ verdict, is, rewrites }) => {
    const decision = await judging(SECRETS, backend('a', says(verdict))).judge(LEAK, work());
    expect(decision).toMatchObject(is);
    if (decision.kind === 'modify') expect(rewritesOf(decision.texts)).toEqual(rewrites);
  });

  test('is redacted further only where it has been redacted, or stood there so before', async () => {
    const a = () => backend('a', says(modify('the key is [REDACTED]', '***')));
    const twice = call({ texts: [original, 'the key is [REDACTED]'] });
    const decision = await judging(SECRETS, a()).judge(twice, work());
    expect(decision.kind === 'modify' && rewritesOf(decision.texts)).toEqual({
      'the key is [REDACTED]': '***',
      [original]: '***',
    });
    const once = await judging(SECRETS, a()).judge(LEAK, work());
    expect(once.kind === 'modify' && rewritesOf(once.texts)).toEqual({ [original]: '***' });
  });

  test('blocks the call where a vendor would leave it to LiteLLM', async () => {
    const a = backend('a', fails(DOWN), { unreachableFallback: 'defer' });
    expect(await judging(SECRETS, a).judge(LEAK, work())).toMatchObject({
      kind: 'block',
      cause: 'redaction',
      by: 'secrets',
    });
    expect(await judging(SECRETS, a).judge(call({ texts: ['clean'] }), work())).toEqual({
      kind: 'defer',
      by: 'a',
    });
  });

  test('stays redacted where a vendor that fails open gives no verdict', async () => {
    const a = backend('a', fails(DOWN), { unreachableFallback: 'fail_open' });
    expect(await judging(SECRETS, a).judge(LEAK, work())).toMatchObject({
      kind: 'modify',
      by: ['secrets'],
    });
  });
});

test('a call that the policies block goes to no vendor', async () => {
  const [a, b] = [recording(), recording()];
  const judge = judging(
    { chain: ['secrets'], policy: { secrets: { action: 'block' } } },
    backend('a', a.check),
    backend('b', b.check, { mode: 'observe' }),
  );
  expect(await judge.judge(LEAK, work())).toMatchObject({
    kind: 'block',
    cause: 'verdict',
    by: 'secrets',
    reason: 'secret_detected',
  });
  await judge.settled();
  expect([a.calls.length, b.calls.length]).toEqual([0, 0]);
});

describe('a caller rule', () => {
  const rules = (rule: object): PolicyDocument => ({
    chain: ['secrets'],
    rules: [{ name: 'one', match: { team: 'payments' }, ...rule }],
  });
  const mine = (text: string) =>
    call({ texts: [text], request_data: { user_api_key_team_alias: 'payments' } });
  const others = (text: string) => call({ texts: [text] });

  test.each([
    [[], []],
    [['b'], ['b']],
    [
      ['b', 'a'],
      ['b', 'a'],
    ],
    [undefined, ['a', 'b']],
  ])('with backends %j has these checked: %j', async (backends, asked) => {
    const [a, b] = [recording(), recording()];
    const judge = judging(rules({ backends }), backend('a', a.check), backend('b', b.check));
    expect(await judge.judge(mine('x'), work())).toEqual({ kind: 'allow' });
    expect(judge.outcomes().map((outcome) => outcome.split(' ')[0])).toEqual(asked);
    await judge.judge(others('y'), work());
    expect(judge.outcomes()).toHaveLength(asked.length + 2);
  });

  test('without backends still has the policies applied', async () => {
    const judge = judging(rules({ backends: [] }), backend('a', says(BLOCK)));
    expect(await judge.judge(mine(SECRET), work())).toMatchObject({ kind: 'modify', by: ['secrets'] });
  });

  test('that observes passes calls that a vendor would block or redact', async () => {
    for (const [verdict, kind] of [
      [BLOCK, 'block'],
      [modify('x', '*'), 'modify'],
    ] as const) {
      const judge = judging(rules({ mode: 'observe' }), backend('a', says(verdict)));
      expect(await judge.judge(mine('x'), work())).toEqual({ kind: 'allow' });
      await judge.settled();
      expect(judge.outcomes()).toEqual([`a ${kind}`]);
      expect(await judge.judge(others('x'), work())).toMatchObject({ kind });
    }
  });

  test('that enforces makes an observing vendor act', async () => {
    const judge = judging(rules({ mode: 'enforce' }), backend('a', says(BLOCK), { mode: 'observe' }));
    expect(await judge.judge(mine('x'), work())).toMatchObject({ kind: 'block', by: 'a' });
    expect(await judge.judge(others('x'), work())).toEqual({ kind: 'allow' });
  });

  test.each([
    ['fail_open', { kind: 'allow' }],
    ['fail_closed', { kind: 'block', cause: 'fail_closed', by: 'a' }],
    ['defer', { kind: 'defer', by: 'a' }],
  ] as const)('decides with %s what a vendor without a verdict means', async (unreachable_fallback, is) => {
    for (const own of ['fail_closed', 'fail_open', 'defer'] as const) {
      const judge = judging(
        rules({ unreachable_fallback }),
        backend('a', fails(DOWN), { unreachableFallback: own }),
      );
      expect(await judge.judge(mine('x'), work())).toMatchObject(is);
    }
  });

  test('does not reuse verdicts for calls under another rule', async () => {
    const a = recording();
    const judge = judging(rules({ mode: 'enforce' }), backend('a', a.check));
    const response = { input_type: 'response', litellm_call_id: 'c', texts: ['x'] };
    const both = [{ user_api_key_team_alias: 'payments' }, {}].map((request_data) =>
      call({ ...response, request_data }),
    );
    for (const one of [...both, ...both]) await judge.judge(one, work());
    expect(a.calls).toHaveLength(2);
  });
});

describe('media', () => {
  const POLICY = { chain: ['image-policy'], policy: { 'image-policy': { action: 'backend' } } };
  const image = call({ texts: ['look'], images: ['https://pictures.example/a.png'] });
  const judges = { request: true, response: false, media: true };
  const notJudged = { kind: 'block', cause: 'verdict', by: 'image-policy', reason: 'media_not_judged' };

  test.each<{ name: string; backends: () => JudgingBackend[]; is: object }>([
    { name: 'no vendor are blocked', backends: () => [], is: notJudged },
    {
      name: 'a vendor that judges no media are blocked',
      backends: () => [backend('a', says(ALLOW))],
      is: notJudged,
    },
    {
      name: 'a vendor that only observes are blocked',
      backends: () => [backend('a', says(ALLOW), { judges, mode: 'observe' })],
      is: notJudged,
    },
    {
      name: 'a vendor that judges and allows them pass',
      backends: () => [backend('a', says(ALLOW), { judges })],
      is: { kind: 'allow' },
    },
    {
      name: 'a vendor that blocks them are blocked by it',
      backends: () => [backend('a', later(BLOCK), { judges })],
      is: { kind: 'block', by: 'a' },
    },
    {
      name: 'a vendor that is down and fails closed are blocked by its failure',
      backends: () => [backend('a', fails(DOWN), { judges })],
      is: { kind: 'block', cause: 'fail_closed' },
    },
  ])('with $name', async ({ backends, is }) => {
    expect(await judging(POLICY, ...backends()).judge(image, work())).toMatchObject(is);
  });

  test('in a response need a vendor that judges responses', async () => {
    const response = call({
      input_type: 'response',
      texts: ['here'],
      images: ['https://pictures.example/a.png'],
    });
    expect(
      await judging(POLICY, backend('a', says(ALLOW), { judges })).judge(response, work()),
    ).toMatchObject(notJudged);
  });

  test('need no vendor where a call has none', async () => {
    expect(await judging(POLICY).judge(call({ texts: ['look'] }), work())).toEqual({ kind: 'allow' });
  });

  test('are blocked where the caller rule names no vendor that judges them', async () => {
    const document = { ...POLICY, rules: [{ name: 'one', backends: ['b'] }] };
    const judge = judging(document, backend('a', says(ALLOW), { judges }), backend('b', says(ALLOW)));
    expect(await judge.judge(image, work())).toMatchObject(notJudged);
  });
});

describe('policies that throw', () => {
  const CONTENT = 'the words of the caller';

  /** A judge with the counters and the log of the bridge. */
  function failing(error: unknown, check: Check) {
    const lines: Record<string, unknown>[] = [];
    const metrics = createMetrics({ backends: ['a'], policies: ['secrets'], findings: [] }, () => []);
    const log = createLog('trace', () => {}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const engine = {
      judge: async () => {
        throw error;
      },
    };
    const judge = new Judge({
      engine: () => engine,
      policyTimeoutMs: 5000,
      backends: () => [backend('a', check, { unreachableFallback: 'fail_open' })],
      streamCheckGrowth: 1,
      http: createHttp(),
      observer: new Observer(metrics, log),
      rewriteForm: () => 'texts',
      wired: () => ({ wiring: 'plain', unapplied: undefined }),
      unseen: () => undefined,
      removesHistory: true,
      isRefusal: () => false,
    });
    return {
      judge,
      lines,
      count: async (name: string, labels: Record<string, string>) =>
        metric(await metrics.text(), name, labels),
    };
  }

  const labels = { backend: 'policies', input_type: 'request' };
  test.each([
    { error: new OutOfTime(), kind: 'timeout' },
    { error: new TypeError(`cannot read ${CONTENT}`), kind: 'bug' },
    { error: new RangeError('Maximum call stack size exceeded'), kind: 'bug' },
    { error: undefined, kind: 'bug' },
  ])('$error.name block under any fallback, are counted as $kind and logged', async ({ error, kind }) => {
    const a = recording();
    const { judge, lines, count } = failing(error, a.check);
    const one = call({ litellm_call_id: 'c', texts: [CONTENT] });
    const input = { call: one, bytes: 2, scope: work(), request: () => undefined };
    const { outcome, policies } = await judge.judge(input);
    expect(outcome).toMatchObject({ kind: 'block', cause: 'fail_closed', by: 'policies' });
    expect(policies).toBeUndefined();
    expect(a.calls).toHaveLength(0);
    expect(await count('failures_total', { ...labels, mode: 'enforce', kind })).toBe(1);
    expect(lines.find(({ msg }) => msg === 'policies gave no verdict')).toMatchObject({
      level: 'error',
      litellm_call_id: 'c',
    });
    expect(JSON.stringify(lines)).not.toContain(CONTENT);
  });
});

test('a call that a reload finds under way is judged by the backends that its policies name', async () => {
  const rules = [{ name: 'all', backends: ['a'] }];
  const { engine } = engineOf({ ...SECRETS, rules });
  let inForce = [backend('a', says(BLOCK))];
  const judge = judgeOf(() => inForce, { engine });
  const decision = judge.judge(call({ texts: ['a long text. '.repeat(50_000)] }), work());
  inForce = [backend('a-2', says(BLOCK))];
  expect(await decision).toMatchObject({ kind: 'block', by: 'a' });
});
