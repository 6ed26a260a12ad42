import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { withTexts } from '../../src/guardrail/passages.ts';
import { rewriteForm } from '../../src/litellm/reply.ts';
import { callOf, toolCall } from '../support/call.ts';
import { backend, judgeOf } from '../support/judging.ts';
import { engineOf } from '../support/policies.ts';
import { rewritingVendor, spanVendor } from '../support/span-vendor.ts';

const reader = (check: Check) => backend('a', check, { reads: 'texts' });
const MAIL = /[\w.]+@[\w.]+/g;
const called = (args: string) => [{ role: 'assistant', content: null, tool_calls: [toolCall(args)] }];
const withArguments = (args: string) =>
  callOf({
    litellm_version: '1.110.2',
    structured_messages: called(args),
    tool_calls: [toolCall(args)],
  });
/** The call as LiteLLM would have it after the decision. */
async function after(args: string, check: Check) {
  const call = withArguments(args);
  const outcome = await judgeOf([reader(check)], { rewriteForm }).judge(call);
  if (outcome.kind !== 'modify') return outcome.kind;
  const [message] = withTexts(call, outcome.texts).structured_messages;
  return (message as { tool_calls: { function: { arguments: string } }[] }).tool_calls[0]!.function.arguments;
}

describe('arguments of a tool that are written with escapes', () => {
  test.each([
    ['a letter', '{"to":"dana\\u0040example.org"}', '{"to":"dana@example.org"}', '{"to":"<M>"}'],
    ['a control', '{"to":"a\\ndana@example.org"}', '{"to":"a\ndana@example.org"}', '{"to":"a\\n<M>"}'],
    ['a key', '{"dana\\u0040example.org":1}', '{"dana@example.org":1}', '{"<M>":1}'],
    ['both halves', '{"a":"\\ud83d\\ude00 d@x.org"}', '{"a":"😀 d@x.org"}', '{"a":"\\ud83d\\ude00 <M>"}'],
    ['half', '{"a":"\\ud83d d\\u0040x.org"}', '{"a":"\ufffd d@x.org"}', '{"a":"\\ud83d <M>"}'],
    [
      'other JSON',
      '{"a":"{\\"m\\":\\"d@x.org\\"}"}',
      '{"a":"{"m":"d@x.org"}"}',
      '{"a":"{\\"m\\":\\"<M>\\"}"}',
    ],
    ['nothing', '{"to":"dana@example.org"}', '{"to":"dana@example.org"}', '{"to":"<M>"}'],
  ])('are shown as they are meant, and redacted where they stand: %s', async (_, args, shown, redacted) => {
    const vendor = spanVendor(MAIL, '<M>');
    expect(await after(args, vendor.check)).toBe(redacted);
    expect(vendor.asked).toContain(shown);
    expect(await after(args, rewritingVendor(MAIL, '<M>').check)).toBe(redacted);
  });

  test('have what a vendor writes escaped', async () => {
    expect(await after('{"to":"dana\\u0040example.org"}', spanVendor(MAIL, '"gone"\n').check)).toBe(
      '{"to":"\\"gone\\"\\n"}',
    );
  });

  test('are shown so after a redaction by the policies, too', async () => {
    const { engine } = engineOf({
      chain: ['dlp-filter'],
      policy: { 'dlp-filter': { blocked_terms: ['falcon'], action: 'redact' } },
    });
    const vendor = spanVendor(MAIL, '<M>');
    await judgeOf([reader(vendor.check)], { engine }).judge(
      withArguments('{"to":"dana\\u0040example.org","project":"falcon"}'),
    );
    expect(vendor.asked.join()).toContain('dana@example.org');
    expect(vendor.asked.join()).not.toContain('falcon');
  });

  test('are shown though the same words were allowed in a message', async () => {
    const args = '{"to":"dana\\u0040example.org"}';
    const vendor = spanVendor(MAIL, '<M>');
    const judge = judgeOf([reader(vendor.check)]);
    const said = [{ role: 'assistant', content: args }];
    await judge.judge(callOf({ texts: [args], structured_messages: said }));
    await judge.judge(withArguments(args));
    expect(vendor.asked).toEqual([args, 'look_up', '{"to":"dana@example.org"}']);
  });

  test('keep what is not redacted, whatever is written as escapes', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const PIECES = ['secret', 'plain', '"', '\\', '\n', '😀', '/', ' ', 'ß'];
    const escaped = (text: string) =>
      [...Array(text.length).keys()]
        .map((i) => {
          const hex = text.charCodeAt(i).toString(16).padStart(4, '0');
          return random(3) === 0 ? `\\u${hex}` : JSON.stringify(text[i]).slice(1, -1);
        })
        .join('');
    for (let round = 0; round < 200; round++) {
      const texts = Array.from({ length: 1 + random(4) }, () =>
        Array.from({ length: 1 + random(8) }, () => PIECES[random(PIECES.length)]).join(''),
      );
      const args = `[${texts.map((text) => `"${escaped(text)}"`).join(', ')}]`;
      const redacted = texts.map((text) => text.replaceAll('secret', '*'));
      const result = await after(args, spanVendor(/secret/g, '*').check);
      expect(result === 'allow' ? texts : JSON.parse(result)).toEqual(redacted);
    }
  });
});
