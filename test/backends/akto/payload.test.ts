import { describe, expect, test } from 'vitest';
import {
  answerPayload,
  type CheckedPayload,
  requestPayload,
  wrapped,
  wrappedInJson,
} from '../../../src/backends/akto/payload.ts';
import { callOf, toolCall } from '../../support/call.ts';
import { rewritesOf } from '../../support/passages.ts';

const DEFAULTS = { flatten: true, drop: new Set(['stream', 'tools']) };
const bodyOf = ({ body }: CheckedPayload) => JSON.parse(body) as Record<string, unknown>;
const user = (content: unknown) => ({ role: 'user', content });
const part = (text: string) => ({ type: 'text', text });

/** The rewrites that come of a vendor which replaces one word wherever it stands in the payload. */
function redact({ body, mapBack }: CheckedPayload, from: string, to: string) {
  const texts = mapBack(wrapped(body).replaceAll(from, to));
  return texts && rewritesOf(texts);
}

describe('the checked copy of a request', () => {
  test('joins text parts, since Akto reads only content that is a plain string', () => {
    const image = { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } };
    const call = callOf({
      structured_messages: [user([part('one'), image, part('two'), 'three', part('')])],
    });
    expect(bodyOf(requestPayload(call, DEFAULTS)).messages).toEqual([user('one\ntwo\nthree')]);
    expect(bodyOf(requestPayload(call, { ...DEFAULTS, flatten: false })).messages).toEqual(
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
    expect(Object.keys(bodyOf(requestPayload(call, DEFAULTS)))).toEqual(['model', 'messages', 'tool_calls']);
    const whole = requestPayload(call, { flatten: true, drop: new Set() });
    expect(bodyOf(whole).tools).toEqual(call.tools);
    const bare = requestPayload(call, { flatten: true, drop: new Set(['tools', 'tool_calls', 'model']) });
    expect(bodyOf(bare)).toEqual({ messages: [user('a')] });
  });

  test('holds texts that no message repeats as messages of the user', () => {
    const call = callOf({ texts: ['first', 'alone', ''], structured_messages: [user('first')] });
    expect(bodyOf(requestPayload(call, DEFAULTS)).messages).toEqual([user('first'), user('alone')]);
  });

  test.each([
    { name: 'a tool result', content: [{ type: 'tool_result', tool_use_id: 't', content: 'plums' }] },
    { name: 'parts of a tool result', content: [{ type: 'tool_result', content: [part('plums')] }] },
    { name: 'a document', content: [{ type: 'document', source: { type: 'text', data: 'plums' } }] },
    { name: 'a refusal', content: [{ type: 'refusal', refusal: 'plums' }] },
    { name: 'thinking', content: [{ type: 'thinking', thinking: 'plums' }] },
  ])('holds what stands in $name', ({ content }) => {
    const call = callOf({ texts: ['plums'], structured_messages: [user(content)] });
    expect(JSON.stringify(bodyOf(requestPayload(call, DEFAULTS)))).toContain('plums');
    const alone = callOf({ texts: [], structured_messages: [user(content)] });
    expect(JSON.stringify(bodyOf(requestPayload(alone, DEFAULTS)))).toContain('plums');
  });

  test.each([[null], ['a string'], [7], [['a list']]])('takes a message that is none: %j', (row) => {
    const call = callOf({ texts: ['a'], structured_messages: [row, user('a')] });
    expect(bodyOf(requestPayload(call, DEFAULTS)).messages).toContainEqual(user('a'));
  });
});

describe('a redaction of a request', () => {
  test('is mapped to the strings that changed', () => {
    const call = callOf({
      texts: ['dana wrote', 'hello'],
      structured_messages: [user('dana wrote'), user('hello')],
    });
    expect(redact(requestPayload(call, DEFAULTS), 'dana', '****')).toEqual({ 'dana wrote': '**** wrote' });
  });

  test('of joined parts is mapped back by their lines', () => {
    const call = callOf({ structured_messages: [user([part('one\nline dana'), part('two'), part('dana')])] });
    expect(redact(requestPayload(call, DEFAULTS), 'dana', '****')).toEqual({
      'one\nline dana': 'one\nline ****',
      dana: '****',
    });
  });

  test('that changes the number of lines of joined parts cannot be mapped', () => {
    const call = callOf({ structured_messages: [user([part('one'), part('two')])] });
    expect(redact(requestPayload(call, DEFAULTS), 'one\\\\ntwo', '****')).toBeNull();
    const one = callOf({ structured_messages: [user([part('one\ntwo')])] });
    expect(redact(requestPayload(one, DEFAULTS), 'one\\\\ntwo', '****')).toEqual({ 'one\ntwo': '****' });
  });

  test('of joined parts reaches the same words that stand unjoined elsewhere', () => {
    const rows = [user([part('mail'), part('dana')]), user('mail\ndana')];
    const call = callOf({ texts: ['mail', 'dana', 'mail\ndana'], structured_messages: rows });
    const rewrites = redact(requestPayload(call, DEFAULTS), 'dana', '****');
    expect(rewrites === null || call.texts.map((text) => rewrites[text] ?? text).join()).not.toContain(
      'dana',
    );
  });

  test('reaches parts that were joined to the same text in two ways', () => {
    const rows = [user([part('a\ndana'), part('b')]), user([part('a'), part('dana\nb')])];
    const call = callOf({ texts: ['a\ndana', 'b', 'a', 'dana\nb'], structured_messages: rows });
    const rewrites = redact(requestPayload(call, DEFAULTS), 'dana', '****');
    expect(rewrites === null || call.texts.map((text) => rewrites[text] ?? text).join()).not.toContain(
      'dana',
    );
  });

  test('that makes two of equal strings cannot be mapped', () => {
    const call = callOf({ structured_messages: [user('dana'), user('dana')] });
    const { body, mapBack } = requestPayload(call, DEFAULTS);
    const json = wrapped(body);
    let count = 0;
    expect(mapBack(json.replaceAll('dana', () => `****${count++}`))).toBeNull();
    const texts = mapBack(json.replace('dana', '****'));
    expect([texts?.size, texts && rewritesOf(texts)]).toEqual([2, { dana: '****' }]);
  });

  test('survives keys that mean something to JavaScript', () => {
    const row = JSON.parse(
      '{"role":"user","content":"dana","__proto__":{"content":"dana"},"constructor":"dana"}',
    );
    const call = callOf({ structured_messages: [row] });
    expect(redact(requestPayload(call, DEFAULTS), 'dana', '****')).toEqual({ dana: '****' });
    expect(({} as Record<string, unknown>).content).toBeUndefined();
  });

  test('may be empty', () => {
    const call = callOf({ texts: ['dana'] });
    expect(redact(requestPayload(call, DEFAULTS), 'dana', '')).toEqual({ dana: '' });
  });

  test.each([
    ['a string', 'x'],
    ['a number', 7],
    ['an empty object', {}],
    ['a body of null', { body: null }],
    ['a body that is cut off', { body: '{"model":"","messages":[{"role"' }],
  ])('that comes back as %s cannot be mapped', (_, modified) => {
    expect(requestPayload(callOf({ texts: ['dana'] }), DEFAULTS).mapBack(modified)).toBeNull();
  });
});

describe('a redaction of an answer', () => {
  const call = callOf({
    input_type: 'response',
    texts: ['dana wrote', 'hello'],
    tool_calls: [toolCall('{"to":"dana"}'), toolCall('{"to":"emil"}')],
  });

  test('is mapped to the texts that changed', () => {
    expect(redact(answerPayload(call), 'dana wrote', '****')).toEqual({ 'dana wrote': '****' });
  });

  test('of tool-call arguments never becomes a rewrite of the texts alone', () => {
    const rewrites = redact(answerPayload(call), 'emil', '****');
    expect(rewrites === null || Object.keys(rewrites).some((text) => text.includes('emil'))).toBe(true);
  });

  test('takes tool calls without arguments', () => {
    const odd = callOf({ input_type: 'response', texts: [], tool_calls: [null, {}, { function: {} }] });
    expect(bodyOf(answerPayload(odd))).toMatchObject({ choices: [{ message: { content: '\n\n' } }] });
  });
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
    expect(wrappedInJson(body)).toBe(JSON.stringify(wrapped(body)));
  }
});
