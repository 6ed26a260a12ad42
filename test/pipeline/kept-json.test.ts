import { expect, test } from 'vitest';
import { withKeptJson } from '../../src/pipeline/kept-json.ts';
import { callOf, toolCall } from '../support/call.ts';

const MARKER = '<PHONE_NUMBER>';

/** A redaction of the arguments of a tool call, told as spans or as a new text. */
function redactionOf(args: string, found: RegExp, told: 'spans' | 'text') {
  const messages = [{ role: 'assistant', content: null, tool_calls: [toolCall(args)] }];
  const { passages } = callOf({ structured_messages: messages });
  const passage = passages.all.find(({ path }) => path.key === 'arguments')!;
  const edits = [...args.matchAll(found)].map(({ index, 0: { length } }) => ({
    ...{ start: index, end: index + length, text: MARKER },
  }));
  const texts = new Map([[passage, args.replace(found, MARKER)]]);
  const kept = withKeptJson({ texts, edits: told === 'spans' ? new Map([[passage, edits]]) : undefined });
  return kept?.texts.get(passage) ?? null;
}

test.each(['spans', 'text'] as const)(
  'arguments stay JSON where a number is redacted, told as %s',
  (told) => {
    expect(redactionOf('{"to":2125550147,"n":[1,2]}', /\d{10}/g, told)).toBe(
      '{"to":"<PHONE_NUMBER>","n":[1,2]}',
    );
    expect(redactionOf('{"to":"212 555 0147"}', /\d{3} \d{3} \d{4}/g, told)).toBe('{"to":"<PHONE_NUMBER>"}');
  },
);

test.each(['spans', 'text'] as const)(
  'arguments that cannot stay JSON are no redaction, told as %s',
  (told) => {
    expect(redactionOf('{"name":"Dana Roe","city":"Cork"}', /Roe","city/g, told)).toBe(null);
  },
);

test.each(['spans', 'text'] as const)('neighbours among numbers become strings, told as %s', (told) => {
  const rows = [
    ['[1000000000,1000000001]', '["<PHONE_NUMBER>","<PHONE_NUMBER>"]'],
    [
      '{"a":[1000000000, 1000000001,\n1000000002],"b":true}',
      '{"a":["<PHONE_NUMBER>", "<PHONE_NUMBER>",\n"<PHONE_NUMBER>"],"b":true}',
    ],
    ['{"a":-5550003333,"b":"x, \\"1"}', '{"a":"-<PHONE_NUMBER>","b":"x, \\"1"}'],
    ['[5550003333.5, 1e9, null]', '["<PHONE_NUMBER>.5", 1e9, null]'],
  ] as const;
  for (const [args, becomes] of rows) expect(redactionOf(args, /\d{10}/g, told)).toBe(becomes);
});

test('arguments that were no JSON may become anything', () => {
  expect(redactionOf('{"to":2125550147', /\d{10}/g, 'spans')).toBe('{"to":<PHONE_NUMBER>');
});
