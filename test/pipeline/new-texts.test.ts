import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { callOf, toolCall } from '../support/call.ts';
import { BLOCK, backend, DOWN, fails, judgeOf, open } from '../support/judging.ts';
import type { rewritesOf } from '../support/passages.ts';
import { spanVendor } from '../support/span-vendor.ts';

const reads = { reads: 'texts' } as const;

/** A backend that reads texts, and keeps what it was asked about each time. */
function reader(verdict: (texts: readonly string[]) => Verdict = () => ALLOW) {
  const asked: string[][] = [];
  const check: Check = async (_, { texts }) => {
    const now = texts.map(({ text }) => text);
    asked.push(now);
    return verdict(now);
  };
  return { asked, check };
}

const chat = (...turns: readonly string[]) =>
  callOf({
    texts: turns,
    structured_messages: turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
  });

describe('a backend that judges texts', () => {
  test('is asked about the new texts of a conversation alone', async () => {
    const a = reader();
    const judge = judgeOf([backend('a', a.check, reads)]);
    await judge.judge(chat('first question'));
    await judge.judge(chat('first question', 'first answer', 'second question'));
    await judge.judge(chat('first question', 'first answer', 'second question'));
    expect(a.asked).toEqual([['first question'], ['first answer', 'second question']]);
    expect(judge.unasked).toEqual(['a']);
  });

  test('is asked once about texts that are alike, and about no ids, keys, blanks and definitions', async () => {
    const a = reader();
    const judge = judgeOf([backend('a', a.check, reads)]);
    await judge.judge(
      callOf({
        texts: ['the same', 'the same', ' '],
        tool_calls: [toolCall('{"q":"tides"}')],
        tools: [{ type: 'function', function: { name: 'look_up', description: 'Looks something up' } }],
      }),
    );
    expect(a.asked).toEqual([['the same', 'look_up', '{"q":"tides"}']]);
  });

  test('is asked about a text for each author and direction of its own', async () => {
    const a = reader();
    const judge = judgeOf([backend('a', a.check, reads)]);
    await judge.judge(chat('yes'));
    await judge.judge(chat('why', 'yes', 'yes'));
    await judge.judge(callOf({ input_type: 'response', litellm_call_id: 'r', texts: ['yes'] }));
    expect(a.asked).toEqual([['yes'], ['why', 'yes'], ['yes']]);
  });

  test('is asked about a text for each caller and model of their own', async () => {
    const a = reader();
    const judge = judgeOf([backend('a', a.check, reads)]);
    const said = (fields: object) => judge.judge(callOf({ texts: ['question'], ...fields }));
    await said({ request_data: { user_api_key_user_id: 'ada' }, model: 'house' });
    await said({ request_data: { user_api_key_user_id: 'ada', user_api_key_spend: 1 }, model: 'house' });
    await said({ request_data: { user_api_key_user_id: 'bob' }, model: 'house' });
    await said({ request_data: { user_api_key_user_id: 'bob' }, model: 'other' });
    expect(a.asked).toHaveLength(3);
  });

  test.each<{ name: string; verdict: Verdict }>([
    { name: 'blocked', verdict: BLOCK },
    { name: 'only flagged', verdict: { kind: 'allow', flagged: 'alert' } },
  ])('is asked again about what it has $name', async ({ verdict }) => {
    const a = reader(() => verdict);
    const judge = judgeOf([backend('a', a.check, reads)], { removesHistory: false });
    await judge.judge(chat('question'));
    await judge.judge(chat('question'));
    expect(a.asked).toEqual([['question'], ['question']]);
  });

  test('is asked again after a failure', async () => {
    let isDown = true;
    const a = reader();
    const check: Check = (...all) => (isDown ? fails(DOWN)(...all) : a.check(...all));
    const judge = judgeOf([backend('a', check, { ...reads, ...open })]);
    await judge.judge(chat('question'));
    isDown = false;
    await judge.judge(chat('question'));
    expect(a.asked).toEqual([['question']]);
  });

  test('is asked again about a text that it has redacted, and about no other', async () => {
    const a = spanVendor(/dana/g, '<P>');
    const judge = judgeOf([backend('a', a.check, reads)]);
    const first = await judge.decide(chat('mail dana', 'to whom?', 'mail dana'));
    expect(first.outcome).toMatchObject({ kind: 'modify' });
    const { texts } = first.outcome as { texts: Parameters<typeof rewritesOf>[0] };
    expect([...texts.values()]).toEqual(['mail <P>', 'mail <P>']);
    await judge.judge(chat('mail dana', 'to whom?', 'mail dana', 'done', 'thanks'));
    expect(a.asked).toEqual(['mail dana', 'to whom?', 'mail dana', 'done', 'thanks']);
  });

  test('is asked about media that are new, though no text is', async () => {
    const calls: GuardrailCall[] = [];
    const check: Check = async (call) => {
      calls.push(call);
      return ALLOW;
    };
    const media = { request: true, response: true, media: true };
    const judge = judgeOf([backend('a', check, { ...reads, judges: media })]);
    const image = (name: string) =>
      callOf({ texts: ['look'], images: [`https://images.example/${name}.png`] });
    for (const name of ['one', 'one', 'two']) await judge.judge(image(name));
    const more = { texts: ['look', 'and now?'], images: ['https://images.example/two.png'] };
    await judge.judge(callOf(more));
    expect(calls.map(({ images, passages }) => [images[0], passages.media])).toEqual([
      ['https://images.example/one.png', 1],
      ['https://images.example/two.png', 1],
      [undefined, 0],
    ]);
  });

  test('of another name is asked on its own', async () => {
    const [a, b] = [reader(), reader()];
    const judge = judgeOf([backend('a', a.check, reads), backend('b', b.check, reads)]);
    await judge.judge(chat('question'));
    expect([a.asked, b.asked]).toEqual([[['question']], [['question']]]);
  });
});

describe('a response that grows', () => {
  const SENTENCE = 'The library opens at nine and serves tea to those who ask for it. ';
  const WORDS = SENTENCE.repeat(400);
  const response = (text: string, id = 'c1') =>
    callOf({ input_type: 'response', litellm_call_id: id, texts: [text] });

  test.each([300, 1000, 4320, 5000, 20_000])(
    'of %i characters costs a backend that judges texts at most 1.2 times its length',
    async (chars) => {
      const a = spanVendor(/forbidden/g, '#');
      const judge = judgeOf([backend('a', a.check, reads)], { growth: 6 });
      for (let end = 20; end < chars + 20; end += 20)
        await judge.judge(response(WORDS.slice(0, Math.min(end, chars))));
      await judge.settled();
      expect(a.chars()).toBeLessThanOrEqual(1.2 * chars);
      expect(WORDS.slice(0, chars).endsWith(a.asked.at(-1)!.slice(-20))).toBe(true);
    },
  );

  test('is shown to the backend with the line or sentence in which it was judged last', async () => {
    const a = spanVendor(/Dana Whitfield/g, '<P>');
    const judge = judgeOf([backend('a', a.check, reads)]);
    const before = `${SENTENCE}${SENTENCE}${SENTENCE}It is the house of Dana Whit`;
    await judge.judge(response(before));
    const decision = await judge.decide(response(`${before}field, they say.`));
    expect(a.asked[1]).toBe(`${SENTENCE}It is the house of Dana Whitfield, they say.`);
    expect(decision.outcome).toMatchObject({ kind: 'modify' });
  });

  test('keeps what was cut from it, though the backend is asked about its end alone', async () => {
    const a = spanVendor(/Dana Whitfield/g, '<P>');
    const judge = judgeOf([backend('a', a.check, reads)]);
    const before = `It is the house of Dana Whitfield. ${SENTENCE}${SENTENCE}${SENTENCE}`;
    const decisions = [
      await judge.decide(response(before)),
      await judge.decide(response(`${before}More.`)),
      await judge.decide(response(`${before}More.`)),
    ];
    expect(a.asked.slice(1).join('')).not.toContain('Dana');
    expect(a.asked).toHaveLength(2);
    for (const { outcome } of decisions) {
      const { texts } = outcome as { texts: Parameters<typeof rewritesOf>[0] };
      expect([...texts.values()][0]).toMatch(/^It is the house of <P>\. The library/);
    }
  });
});
