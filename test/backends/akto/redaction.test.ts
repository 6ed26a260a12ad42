import { describe, expect, test } from 'vitest';
import { payloadOf, requestBody, responseBody } from '../../../src/backends/akto/payload.ts';
import { type Checked, redactionOf } from '../../../src/backends/akto/redaction.ts';
import type { GuardrailCall } from '../../../src/guardrail/call.ts';
import { callOf, toolCall } from '../../support/call.ts';
import { rewritesOf } from '../../support/passages.ts';

const user = (content: unknown) => ({ role: 'user', content });
const part = (text: string) => ({ type: 'text', text });

function checkedRequest(call: GuardrailCall): Checked {
  const body = requestBody(call, { flatten: true, drop: new Set(['stream', 'tools']) });
  return { body, joined: call.structured_messages, passages: call.passages };
}

function checkedResponse(call: GuardrailCall): Checked {
  return { body: responseBody(call), joined: [], passages: call.passages };
}

const payloadIn = ({ body }: Checked) => payloadOf(JSON.stringify(body));

/** The rewrites that come of a vendor which replaces one word wherever it stands in the payload. */
function redact(checked: Checked, from: string, to: string) {
  const texts = redactionOf(payloadIn(checked).replaceAll(from, to), checked);
  return texts && rewritesOf(texts);
}

describe('a redaction of a request', () => {
  test('is mapped to the strings that changed', () => {
    const call = callOf({
      texts: ['dana wrote', 'hello'],
      structured_messages: [user('dana wrote'), user('hello')],
    });
    expect(redact(checkedRequest(call), 'dana', '****')).toEqual({ 'dana wrote': '**** wrote' });
  });

  test('of joined parts is mapped back by their lines', () => {
    const call = callOf({ structured_messages: [user([part('one\nline dana'), part('two'), part('dana')])] });
    expect(redact(checkedRequest(call), 'dana', '****')).toEqual({
      'one\nline dana': 'one\nline ****',
      dana: '****',
    });
  });

  test('that changes the number of lines of joined parts cannot be mapped', () => {
    const call = callOf({ structured_messages: [user([part('one'), part('two')])] });
    expect(redact(checkedRequest(call), 'one\\\\ntwo', '****')).toBeNull();
    const one = callOf({ structured_messages: [user([part('one\ntwo')])] });
    expect(redact(checkedRequest(one), 'one\\\\ntwo', '****')).toEqual({ 'one\ntwo': '****' });
  });

  test('of joined parts reaches the same words elsewhere', () => {
    const rows = [user([part('mail'), part('dana')]), user('mail\ndana')];
    const call = callOf({ texts: ['mail', 'dana', 'mail\ndana'], structured_messages: rows });
    const rewrites = redact(checkedRequest(call), 'dana', '****');
    expect(rewrites === null || call.texts.map((text) => rewrites[text] ?? text).join()).not.toContain(
      'dana',
    );
  });

  test('reaches parts that were joined to the same text in two ways', () => {
    const rows = [user([part('a\ndana'), part('b')]), user([part('a'), part('dana\nb')])];
    const call = callOf({ texts: ['a\ndana', 'b', 'a', 'dana\nb'], structured_messages: rows });
    const rewrites = redact(checkedRequest(call), 'dana', '****');
    expect(rewrites === null || call.texts.map((text) => rewrites[text] ?? text).join()).not.toContain(
      'dana',
    );
  });

  test('that makes two of equal strings cannot be mapped', () => {
    const call = callOf({ structured_messages: [user('dana'), user('dana')] });
    const checked = checkedRequest(call);
    const json = payloadIn(checked);
    let count = 0;
    expect(
      redactionOf(
        json.replaceAll('dana', () => `****${count++}`),
        checked,
      ),
    ).toBeNull();
    const texts = redactionOf(json.replace('dana', '****'), checked);
    expect([texts?.size, texts && rewritesOf(texts)]).toEqual([2, { dana: '****' }]);
  });

  test('survives keys that mean something to JavaScript', () => {
    const row = JSON.parse(
      '{"role":"user","content":"dana","__proto__":{"content":"dana"},"constructor":"dana"}',
    );
    const call = callOf({ structured_messages: [row] });
    expect(redact(checkedRequest(call), 'dana', '****')).toEqual({ dana: '****' });
    expect(({} as Record<string, unknown>).content).toBeUndefined();
  });

  test('may be empty', () => {
    const call = callOf({ texts: ['dana'] });
    expect(redact(checkedRequest(call), 'dana', '')).toEqual({ dana: '' });
  });

  test.each([
    ['a string', 'x'],
    ['a number', 7],
    ['an empty object', {}],
    ['a body of null', { body: null }],
    ['a body that is cut off', { body: '{"model":"","messages":[{"role"' }],
  ])('that comes back as %s cannot be mapped', (_, modified) => {
    expect(redactionOf(modified, checkedRequest(callOf({ texts: ['dana'] })))).toBeNull();
  });
});

describe('a redaction of a response', () => {
  const call = callOf({
    input_type: 'response',
    texts: ['dana wrote', 'hello'],
    tool_calls: [toolCall('{"to":"dana"}'), toolCall('{"to":"emil"}')],
  });

  test('is mapped to the texts that changed', () => {
    expect(redact(checkedResponse(call), 'dana wrote', '****')).toEqual({ 'dana wrote': '****' });
  });

  test('of tool-call arguments never becomes a rewrite of the texts alone', () => {
    const rewrites = redact(checkedResponse(call), 'emil', '****');
    expect(rewrites === null || Object.keys(rewrites).some((text) => text.includes('emil'))).toBe(true);
  });
});
