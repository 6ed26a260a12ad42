import { describe, expect, test } from 'vitest';
import { rewriteForm, rewriteReply } from '../../src/litellm/reply.ts';
import { callOf, toolCall } from '../support/call.ts';
import { growthOf } from '../support/linear.ts';
import { textsOf } from '../support/passages.ts';

const user = (content: unknown) => ({ role: 'user', content });
const NEW = { litellm_version: '1.106.2' };

/** The reply that puts texts in place of others; null where none can. */
function replyWith(fields: Record<string, unknown>, rewrites: Record<string, string>): object | null {
  const call = callOf(fields);
  const texts = textsOf(call, rewrites);
  const form = rewriteForm(call, texts);
  return form === null ? null : rewriteReply(call, texts, form);
}

type Row = {
  name: string;
  call: Record<string, unknown>;
  rewrites: Record<string, string>;
  is: object | null;
};
const masked = { dana: '****' };
const texts = (...list: string[]) => ({ action: 'GUARDRAIL_INTERVENED', texts: list });
const rows = (...list: unknown[]) => ({ action: 'GUARDRAIL_INTERVENED', structured_messages: list });

/** Arguments with an escape, so that what is in them is read too. */
const ESCAPED = (to: string) => String.raw`{"to":"${to}","x":"\n"}`;

describe('the reply that carries a redaction of a request', () => {
  test.each<Row>([
    { name: 'texts alone', call: { texts: ['dana', 'b'] }, rewrites: masked, is: texts('****', 'b') },
    {
      name: 'texts of an old version',
      call: { texts: ['dana'], litellm_version: null },
      rewrites: masked,
      is: texts('****'),
    },
    {
      name: 'texts that rows repeat',
      call: { texts: ['dana', 'b'], structured_messages: [user('dana'), user('b')] },
      rewrites: masked,
      is: texts('****', 'b'),
    },
    {
      name: 'a string that stands twice in each',
      call: { texts: ['dana', 'dana'], structured_messages: [user('dana'), user('dana')] },
      rewrites: masked,
      is: texts('****', '****'),
    },
    {
      name: 'a row alone, the others untouched',
      call: { ...NEW, texts: ['b'], structured_messages: [{ role: 'system', content: 'dana' }, user('b')] },
      rewrites: masked,
      is: rows({ role: 'system', content: '****' }, user('b')),
    },
    ...[{}, { role: 1 }, { role: null }, 'user', null].map((row) => ({
      name: `none where LiteLLM would ignore all rows for one without a role: ${JSON.stringify(row)}`,
      call: { ...NEW, texts: ['b'], structured_messages: [{ role: 'system', content: 'dana' }, row] },
      rewrites: masked,
      is: null,
    })),
    {
      name: 'a part of a row',
      call: { ...NEW, structured_messages: [user([{ type: 'text', text: 'dana' }])] },
      rewrites: masked,
      is: rows(user([{ type: 'text', text: '****' }])),
    },
    {
      name: 'a string in texts once and in rows twice',
      call: {
        ...NEW,
        texts: ['dana'],
        structured_messages: [{ role: 'system', content: 'dana' }, user('dana')],
      },
      rewrites: masked,
      is: rows({ role: 'system', content: '****' }, user('****')),
    },
    {
      name: 'one string in both and another in a row alone',
      call: {
        ...NEW,
        texts: ['dana'],
        structured_messages: [{ role: 'system', content: 'rome' }, user('dana')],
      },
      rewrites: { ...masked, rome: '#' },
      is: rows({ role: 'system', content: '#' }, user('****')),
    },
    {
      name: 'an empty string for a word',
      call: { texts: ['dana', 'b'] },
      rewrites: { dana: '' },
      is: texts('', 'b'),
    },
    {
      name: 'words that are names to JavaScript',
      call: { texts: ['__proto__', 'constructor', 'dana'] },
      rewrites: masked,
      is: texts('__proto__', 'constructor', '****'),
    },
    {
      name: 'one string in texts alone and another in a row alone',
      call: { ...NEW, texts: ['dana'], structured_messages: [{ role: 'system', content: 'rome' }] },
      rewrites: { ...masked, rome: '#' },
      is: null,
    },
    {
      name: 'a string in texts more often than in rows, beside one in a row alone',
      call: {
        ...NEW,
        texts: ['dana', 'dana'],
        structured_messages: [user('dana'), { role: 'system', content: 'rome' }],
      },
      rewrites: { ...masked, rome: '#' },
      is: null,
    },
    ...['1.102.9', '1.80.8', '0.200.0', '', 'unknown', null].map((litellm_version) => ({
      name: `a row alone, to LiteLLM ${litellm_version}`,
      call: { litellm_version, structured_messages: [user('dana')] },
      rewrites: masked,
      is: null,
    })),
    ...['1.103.0', '1.103.0-rc.1', '1.200.1', '2.0.0'].map((litellm_version) => ({
      name: `a row alone, to LiteLLM ${litellm_version}`,
      call: { litellm_version, structured_messages: [user('dana')] },
      rewrites: masked,
      is: rows(user('****')),
    })),
    { name: 'a string that stands nowhere', call: { ...NEW, texts: ['b'] }, rewrites: masked, is: null },
    { name: 'a part of a string', call: { ...NEW, texts: ['dana and b'] }, rewrites: masked, is: null },
    {
      name: 'a role',
      call: { ...NEW, texts: ['a'], structured_messages: [user('a')] },
      rewrites: { user: '*' },
      is: null,
    },
    {
      name: 'tool-call arguments',
      call: { ...NEW, texts: ['a'], tool_calls: [toolCall('dana')] },
      rewrites: masked,
      is: null,
    },
    {
      name: 'tool-call arguments in a row',
      call: {
        ...NEW,
        structured_messages: [{ role: 'assistant', tool_calls: [toolCall('dana')] }],
        tool_calls: [toolCall('dana')],
      },
      rewrites: masked,
      is: rows({ role: 'assistant', tool_calls: [toolCall('****')] }),
    },
    {
      name: 'tool-call arguments in a row that tool_calls does not repeat, as on /v1/responses',
      call: { ...NEW, structured_messages: [{ role: 'assistant', tool_calls: [toolCall('dana')] }] },
      rewrites: masked,
      is: null,
    },
    {
      name: 'tool-call arguments in a row, to LiteLLM 1.102.9',
      call: {
        litellm_version: '1.102.9',
        structured_messages: [{ role: 'assistant', tool_calls: [toolCall('dana')] }],
      },
      rewrites: masked,
      is: null,
    },
    {
      name: 'JSON in tool-call arguments, where the whole of them is rewritten too',
      call: {
        ...NEW,
        structured_messages: [{ role: 'assistant', tool_calls: [toolCall(ESCAPED('dana'))] }],
        tool_calls: [toolCall(ESCAPED('dana'))],
      },
      rewrites: { dana: '****', [ESCAPED('dana')]: ESCAPED('****') },
      is: rows({ role: 'assistant', tool_calls: [toolCall(ESCAPED('****'))] }),
    },
    {
      name: 'JSON in tool-call arguments, which only shows once it is read',
      call: {
        ...NEW,
        structured_messages: [{ role: 'assistant', tool_calls: [toolCall(String.raw`{"to":"\u0064ana"}`)] }],
      },
      rewrites: masked,
      is: null,
    },
    {
      name: 'a key in the arguments of a tool call',
      call: {
        ...NEW,
        structured_messages: [{ role: 'assistant', content: [{ type: 'tool_use', input: { dana: 1 } }] }],
      },
      rewrites: masked,
      is: null,
    },
    {
      name: 'a text that tool-call arguments repeat and no row has',
      call: { ...NEW, texts: ['dana'], tool_calls: [toolCall('dana')] },
      rewrites: masked,
      is: null,
    },
    {
      name: 'the description of a tool',
      call: { ...NEW, texts: ['a'], tools: [{ type: 'function', function: { description: 'dana' } }] },
      rewrites: masked,
      is: null,
    },
  ])('$name', ({ call, rewrites, is }) => {
    expect(replyWith(call, rewrites)).toEqual(is);
  });
});

describe('the reply that carries a redaction of a response', () => {
  const response = { input_type: 'response', ...NEW };
  test.each<Row>([
    {
      name: 'its texts',
      call: { ...response, texts: ['dana', 'b'] },
      rewrites: masked,
      is: texts('****', 'b'),
    },
    {
      name: 'its tool calls',
      call: { ...response, texts: ['b'], tool_calls: [toolCall('dana')] },
      rewrites: masked,
      is: null,
    },
  ])('$name', ({ call, rewrites, is }) => {
    expect(replyWith(call, rewrites)).toEqual(is);
  });
});

test('a reply always has as many texts, or rows, as the call', () => {
  for (let count = 1; count < 20; count++) {
    const list = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 'dana' : `text ${i}`));
    const inTexts = replyWith({ texts: list }, { dana: 'two\nlines' });
    expect(inTexts).toMatchObject({ texts: { length: count } });
    const inRows = replyWith({ ...NEW, structured_messages: list.map(user) }, { dana: '' });
    expect(inRows).toMatchObject({ structured_messages: { length: count } });
  }
});

test('a redaction of many texts in the JSON of one argument takes linear time', () => {
  const prepare = (size: number) => {
    const words = Array.from({ length: size }, (_, i) => `dana ${i}`);
    const tool_calls = [toolCall(JSON.stringify({ words, x: '\n' }))];
    const call = callOf({ ...NEW, structured_messages: [{ role: 'assistant', tool_calls }], tool_calls });
    const rewrite = (text: string) => (text.length > 20 ? '{}' : '****');
    const texts = new Map(
      call.passages.all
        .filter(
          ({ place, isKey, text }) => place !== 'structure' && !isKey && text !== 'x' && text !== 'words',
        )
        .map((passage) => [passage, rewrite(passage.text)]),
    );
    return () => expect(rewriteForm(call, texts)).not.toBeUndefined();
  };
  expect(growthOf(prepare, 2000)).toBeLessThan(3);
});
