import { expect, test } from 'vitest';
import { sizeLimits } from '../../../src/policies/kinds/size-limits.ts';
import { callPolicy } from '../../support/call-policy.ts';

const rows = (...contents: string[]) => contents.map((content) => ({ role: 'user', content }));

test.each([
  ['passes a request of as many bytes as allowed', 1000, undefined],
  ['refuses a request of one byte more', 1001, 'request_too_large max-request-bytes'],
])('%s', (_, bytes, refusal) => {
  const { check } = callPolicy(sizeLimits, { max_request_bytes: 1000 });
  expect(check({}, { bytes })).toBe(refusal);
  expect(check({ input_type: 'response' }, { bytes })).toBeUndefined();
});

test.each([
  ['passes as many messages as allowed', 3, undefined],
  ['refuses one message more', 4, 'too_many_messages max-messages'],
])('%s', (_, count, refusal) => {
  const { check } = callPolicy(sizeLimits, { max_messages: 3 });
  expect(check({ structured_messages: rows(...Array<string>(count).fill('hello')) })).toBe(refusal);
});

const LONG = 'text_too_long max-text-chars';
test.each([
  ['passes a text as long as allowed', { texts: ['x'.repeat(10)] }, undefined],
  ['refuses a text of one character more', { texts: ['x'.repeat(11)] }, LONG],
  ['counts the characters of all texts', { texts: ['x'.repeat(5), 'x'.repeat(6)] }, LONG],
  [
    'counts texts that the rows repeat once',
    { texts: ['x'.repeat(10)], structured_messages: rows('x'.repeat(10)) },
    undefined,
  ],
  [
    'counts a system prompt that stands only in the rows',
    { texts: ['x'], structured_messages: rows('y'.repeat(10), 'x') },
    LONG,
  ],
  ['counts a character of two code units once', { texts: ['😀'.repeat(10)] }, undefined],
  ['refuses one such character more', { texts: [`${'😀'.repeat(10)}x`] }, LONG],
  ['counts a lone surrogate as a character', { texts: ['\ud83d'.repeat(10)] }, undefined],
  ['refuses one lone surrogate more', { texts: ['\ud83d'.repeat(11)] }, LONG],
  ['refuses a text that is far too long', { texts: ['x'.repeat(100_000)] }, LONG],
  ['judges no response', { texts: ['x'.repeat(11)], input_type: 'response' }, undefined],
])('%s', (_, fields, refusal) => {
  expect(callPolicy(sizeLimits, { max_text_chars: 10 }).check(fields)).toBe(refusal);
});

test('size-limits without a limit warns', () => {
  expect(callPolicy(sizeLimits, {}).warned).toEqual(['max_request_bytes no limit is set']);
});

test.each([0, -1, 1.5, '5'])('size-limits refuses %j as a limit', (max_messages) => {
  expect(() => callPolicy(sizeLimits, { max_messages })).toThrow();
});
