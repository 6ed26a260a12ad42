import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { memoryBytes } from '../../src/guardrail/memory.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { callOf, toolCall } from '../support/call.ts';
import { BLOCK, backend, DOWN, fails, hanging, judgeOf, modify, says } from '../support/judging.ts';
import { textsOf } from '../support/passages.ts';

/** A check that keeps its calls, and says the same each time. */
function recording(verdict: Verdict | ((call: GuardrailCall) => Verdict) = ALLOW) {
  const calls: GuardrailCall[] = [];
  const check: Check = async (call) => {
    calls.push(call);
    return typeof verdict === 'function' ? verdict(call) : verdict;
  };
  const chars = () => calls.reduce((sum, { texts }) => sum + texts.join('').length, 0);
  return { calls, check, chars };
}

const response = (text: string, id = 'c1', more: Record<string, unknown> = {}) =>
  callOf({ input_type: 'response', litellm_call_id: id, texts: [text], ...more });

const WORDS = 'one answer of many words, each of them new and none of them bad; '.repeat(200);

/** A stream of `chars` characters, in rounds of `step`. */
const rounds = (chars: number, step = 20) =>
  Array.from({ length: Math.ceil(chars / step) }, (_, i) =>
    response(WORDS.slice(0, Math.min(chars, (i + 1) * step))),
  );

describe('a streamed response', () => {
  test.each([
    { chars: 4320, times: 1.2 },
    { chars: 4340, times: 2.2 },
    { chars: 12_345, times: 2.2 },
  ])('of $chars characters costs a backend at most $times times its length', async ({ chars, times }) => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const round of rounds(chars)) expect(await judge.judge(round)).toEqual({ kind: 'allow' });
    await judge.settled();
    expect(a.chars()).toBeLessThanOrEqual(times * chars + 20);
    expect(a.calls.at(-1)?.texts[0]).toSatisfy((text: string) => WORDS.slice(0, chars).endsWith(text));
  });

  test('is judged to its end, though no call is marked as the last', async () => {
    const a = recording((call) => (call.texts[0]?.includes('forbidden') ? BLOCK : ALLOW));
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const text of ['A first part of it, ', 'A first part of it, then forbidden']) {
      expect(await judge.judge(response(text))).toEqual({ kind: 'allow' });
    }
    await judge.settled();
    expect(judge.late.map((late) => 'verdict' in late && late.verdict.kind)).toEqual(['block']);
    expect(await judge.judge(response('A first part of it, then forbidden words'))).toMatchObject({
      kind: 'block',
    });
  });

  test('is judged to its end when another response comes under its id', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(response('A first part of it, '));
    await judge.judge(response('A first part of it, and an end'));
    await judge.judge(response('Quite another answer'));
    await judge.settled();
    expect(a.calls.map(({ texts }) => texts[0])).toContain('A first part of it, and an end');
  });

  test('of another key is another response, even under the same id', async () => {
    const a = recording((call) => (call.request_data.user_api_key_hash === 'k1' ? BLOCK : ALLOW));
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const user_api_key_hash of ['k1', 'k2']) {
      const decision = await judge.judge(
        response('the same words', 'c1', { litellm_version: '1.106.2', request_data: { user_api_key_hash } }),
      );
      expect(decision.kind).toBe(user_api_key_hash === 'k1' ? 'block' : 'allow');
    }
  });

  test('of another trace is another response, even under the same id', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const litellm_trace_id of ['t1', 't2', 't1']) {
      await judge.judge(response('the same words', 'c1', { litellm_trace_id }));
    }
    expect(a.calls).toHaveLength(2);
  });

  test('with tool calls has ended, and is judged as a whole', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(response('I will look it up'));
    const last = response('I will look it up.', 'c1', { tool_calls: [toolCall('{}')] });
    await judge.judge(last);
    expect(a.calls).toEqual([response('I will look it up'), last]);
  });

  test('that does not begin like the one before is another response, even under the same id', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(response('a'.repeat(500)));
    await judge.judge(response('b'.repeat(600)));
    expect(a.calls).toHaveLength(2);
  });

  test.each<{ name: string; check: Check }>([
    { name: 'a redaction', check: recording(modify(WORDS.slice(0, 20), 'y')).check },
    { name: 'a violation that is only flagged', check: recording({ kind: 'allow', flagged: 'alert' }).check },
    { name: 'a failure', check: fails(DOWN) },
  ])('is checked in each round after $name', async ({ check }) => {
    let checks = 0;
    const counted: Check = (...all) => {
      checks++;
      return check(...all);
    };
    const judge = judgeOf([backend('a', counted, { unreachableFallback: 'fail_open' })], { growth: 6 });
    for (const round of rounds(100)) await judge.judge(round);
    expect(checks).toBe(5);
  });

  test('is checked in each round where the growth is 1, and the same text never twice', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)]);
    for (const round of rounds(100)) await judge.judge(round);
    await judge.judge(response(WORDS.slice(0, 100)));
    expect(a.calls).toHaveLength(5);
  });

  test('without an id is checked each time', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    const nameless = callOf({ input_type: 'response', texts: ['some words'] });
    await judge.judge(nameless);
    await judge.judge(nameless);
    expect(a.calls).toHaveLength(2);
  });

  test('that is blocked late stays blocked while it goes on, and the next one under its id does not', async () => {
    const a = recording((call) => (call.texts[0]?.includes('forbidden') ? BLOCK : ALLOW));
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const text of ['A first part of it, ', 'A first part of it, then forbidden']) {
      await judge.judge(response(text));
    }
    await judge.settled();
    const longer = await judge.judge(response('A first part of it, then forbidden words'));
    expect(longer).toMatchObject({ kind: 'block', by: 'a' });
    expect(await judge.judge(response('Good morning! A clean response under the same id'))).toEqual({
      kind: 'allow',
    });
    expect(await judge.judge(response('Another clean response'))).toEqual({ kind: 'allow' });
  });
});

describe('a streamed response whose texts move', () => {
  const several = (texts: readonly string[], more: Record<string, unknown> = {}) =>
    callOf({ input_type: 'response', litellm_call_id: 'm', texts, ...more });
  const FOUND = 'High water is at 14:20 today, and low water six hours later. ';

  test.each([
    {
      name: 'titles of a search come before it',
      before: [FOUND],
      now: [['Tide tables', 'https://tides.example', `${FOUND}Mind the wind. `]],
    },
    {
      name: 'another choice begins after it, with a lower number',
      before: [FOUND],
      now: [['No idea', `${FOUND}Mind the wind. `]],
    },
    { name: 'its parts stand apart', before: [`${FOUND}Mind`], now: [[FOUND, 'Mind the wind. ']] },
  ])('is one response where $name', async ({ before, now }) => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(several(before));
    for (const texts of now) await judge.judge(several(texts));
    await judge.settled();
    // The rest waited for the end, and nothing was judged as the rest of another response
    expect(a.calls.map(({ texts }) => texts)).toEqual([before, now.at(-1)]);
  });

  test('is one response where its arguments stand apart in the last round', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    const last = several([FOUND], { tool_calls: [toolCall('{"q":"tides of the harbour"}')] });
    await judge.judge(several([FOUND]));
    await judge.judge(several([`${FOUND}{"q":"tides of`]));
    await judge.judge(last);
    await judge.settled();
    expect(a.calls).toEqual([several([FOUND]), last]);
  });

  test('is judged to its end where a client hangs up and the rest is garbled, and blocks no other', async () => {
    const a = recording((call) => (call.texts[0]?.includes('waterwater') ? BLOCK : ALLOW));
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(several([FOUND]));
    await judge.judge(several([`${FOUND}Low water`]));
    await judge.judge(several([`${FOUND}Low waterwater`]));
    await judge.settled();
    expect(judge.late).toHaveLength(1);
    expect(await judge.judge(several(['Another response under the same id']))).toEqual({ kind: 'allow' });
    expect(
      await judge.judge(callOf({ input_type: 'response', litellm_call_id: 'n', texts: [FOUND] })),
    ).toEqual({ kind: 'allow' });
  });

  test('is another one where something of the earlier round is missing', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    await judge.judge(several([FOUND]));
    await judge.judge(several([`${FOUND}And the rest of it`]));
    await judge.judge(several(['Tide tables', 'https://tides.example']));
    await judge.settled();
    expect(a.calls.map(({ texts }) => texts[0])).toContain(`${FOUND}And the rest of it`);
  });
});

describe('checks after the end of responses', () => {
  test('by a backend that hangs hold no more than there is memory for, and keep nobody from ending', async () => {
    const s = hanging();
    let isAsked = false;
    const check: Check = (call, context) => (isAsked ? s.check(call, context) : says(ALLOW)(call, context));
    const judge = judgeOf([backend('a', check, { timeoutMs: 3_600_000 })], { growth: 6 });
    const text = 'x'.repeat(250_000);
    const calls = 25;
    const round = (i: number, end: string) =>
      judge.judge(callOf({ input_type: 'response', litellm_call_id: `${i}`, texts: [`${text}${end}`] }));
    for (let i = 0; i < calls; i++) await round(i, '');
    isAsked = true;
    for (let i = 0; i < calls; i++) await round(i, ' and its end');
    const settled = judge.settled();
    await expect.poll(() => s.signals.length).toBe(calls);
    const running = s.signals.filter(({ aborted }) => !aborted).length;
    expect(running).toBeGreaterThan(0);
    expect(running * 500_000).toBeLessThan(memoryBytes('waiting checks') / 2);
    await settled;
    expect(judge.late).toHaveLength(calls);
  }, 30_000);
});

describe('a redaction after the end of a response', () => {
  test('cannot be put into a longer one, which is blocked', async () => {
    const a = recording((call) =>
      call.texts[0]?.includes('dana')
        ? { kind: 'modify', texts: textsOf(call, { [call.texts[0] as string]: 'x' }) }
        : ALLOW,
    );
    const judge = judgeOf([backend('a', a.check)], { growth: 6 });
    for (const text of ['A first part of it, ', 'A first part of it, by dana'])
      await judge.judge(response(text));
    await judge.settled();
    expect(await judge.judge(response('A first part of it, by dana and more'))).toMatchObject({
      kind: 'block',
      cause: 'redaction',
    });
  });

  test('is checked with the request that the response belongs to', async () => {
    const asked: unknown[] = [];
    const check: Check = async (call, { request }) => {
      asked.push([call.texts[0], request()?.texts[0]]);
      return ALLOW;
    };
    const judge = judgeOf([backend('a', check)], { growth: 6 });
    let request = callOf({ texts: ['first question'] });
    const round = (text: string) => judge.judge(response(text), new AbortController(), () => request);
    await round('A first part of it, ');
    await round('A first part of it, and an end');
    request = callOf({ texts: ['second question'] });
    await judge.settled();
    expect(asked.at(-1)).toEqual(['A first part of it, and an end', 'first question']);
  });
});

describe('a request', () => {
  const turn = (...texts: string[]) => callOf({ litellm_call_id: 'r', texts });

  test('is checked as a whole each time', async () => {
    const a = recording();
    const judge = judgeOf([backend('a', a.check)]);
    for (const call of [turn('x'), turn('x', 'y')]) await judge.judge(call);
    expect(a.calls).toEqual([turn('x'), turn('x', 'y')]);
  });

  test('that was blocked, or could not be judged, is checked again', async () => {
    for (const check of [recording(BLOCK).check, fails(DOWN)]) {
      const judge = judgeOf([backend('a', check, { unreachableFallback: 'fail_open' })]);
      await judge.judge(turn('x'));
      await judge.judge(turn('x'));
      expect(judge.outcomes()).toHaveLength(2);
    }
  });

  test('that one backend has allowed is still checked by the other', async () => {
    const a = recording();
    const b = recording();
    const judge = judgeOf([backend('a', a.check), backend('b', b.check)]);
    await judge.judge(turn('x'));
    expect([a.calls.length, b.calls.length]).toEqual([1, 1]);
  });
});
