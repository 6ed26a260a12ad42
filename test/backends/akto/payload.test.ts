import { describe, expect, test } from 'vitest';
import { payloadInJson, payloadOf, requestBody, responseBody } from '../../../src/backends/akto/payload.ts';
import { callOf, toolCall } from '../../support/call.ts';

const DEFAULTS = { flatten: true, drop: new Set(['stream', 'tools']) };
/** A body as it arrives. */
const bodyOf = (body: object) => JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
const user = (content: unknown) => ({ role: 'user', content });
const part = (text: string) => ({ type: 'text', text });

describe('the body of a request', () => {
  test('joins text parts, since Akto reads only content that is a plain string', () => {
    const image = { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } };
    const call = callOf({
      structured_messages: [user([part('one'), image, part('two'), 'three', part('')])],
    });
    expect(bodyOf(requestBody(call, DEFAULTS)).messages).toEqual([user('one\ntwo\nthree')]);
    expect(bodyOf(requestBody(call, { ...DEFAULTS, flatten: false })).messages).toEqual(
      call.structured_messages,
    );
  });

  test('leaves out the keys in which violations hide', () => {
    const call = callOf({
      model: 'm',
      texts: ['a'],
      tools: [{ type: 'web_search' }],
      tool_calls: [toolCall('{}')],
    });
    expect(Object.keys(bodyOf(requestBody(call, DEFAULTS)))).toEqual(['model', 'messages', 'tool_calls']);
    const whole = requestBody(call, { flatten: true, drop: new Set() });
    expect(bodyOf(whole).tools).toEqual(call.tools);
    const bare = requestBody(call, { flatten: true, drop: new Set(['tools', 'tool_calls', 'model']) });
    expect(bodyOf(bare)).toEqual({ messages: [user('a')] });
  });

  test('holds texts that no message repeats as messages of the user', () => {
    const call = callOf({ texts: ['first', 'alone', ''], structured_messages: [user('first')] });
    expect(bodyOf(requestBody(call, DEFAULTS)).messages).toEqual([user('first'), user('alone')]);
  });

  test.each([
    { name: 'a tool result', content: [{ type: 'tool_result', tool_use_id: 't', content: 'plums' }] },
    { name: 'parts of a tool result', content: [{ type: 'tool_result', content: [part('plums')] }] },
    { name: 'a document', content: [{ type: 'document', source: { type: 'text', data: 'plums' } }] },
    { name: 'a refusal', content: [{ type: 'refusal', refusal: 'plums' }] },
    { name: 'thinking', content: [{ type: 'thinking', thinking: 'plums' }] },
  ])('holds the text in $name', ({ content }) => {
    const call = callOf({ texts: ['plums'], structured_messages: [user(content)] });
    expect(JSON.stringify(bodyOf(requestBody(call, DEFAULTS)))).toContain('plums');
    const alone = callOf({ texts: [], structured_messages: [user(content)] });
    expect(JSON.stringify(bodyOf(requestBody(alone, DEFAULTS)))).toContain('plums');
  });

  test.each([[null], ['a string'], [7], [['a list']]])('takes a row that is no message: %j', (row) => {
    const call = callOf({ texts: ['a'], structured_messages: [row, user('a')] });
    expect(bodyOf(requestBody(call, DEFAULTS)).messages).toContainEqual(user('a'));
  });
});

test('the body of a response takes tool calls without arguments', () => {
  const odd = callOf({ input_type: 'response', texts: [], tool_calls: [null, {}, { function: {} }] });
  expect(bodyOf(responseBody(odd))).toMatchObject({ choices: [{ message: { content: '\n\n' } }] });
});

test.each([
  'plain',
  'a "quote", a \\ and a \\" both, at the end \\',
  'line\nbreak, tab\t, \u0000 and \u007f',
  'Zürich 🍰 \u2028 and half a pair: \ud83c',
  '',
])('a body with the text %j is written into an envelope as JSON.stringify writes it', (text) => {
  for (const body of [text, { [text]: [text] }, JSON.stringify({ inner: text })].map((value) =>
    JSON.stringify(value),
  )) {
    expect(payloadInJson(body)).toBe(JSON.stringify(payloadOf(body)));
  }
});
