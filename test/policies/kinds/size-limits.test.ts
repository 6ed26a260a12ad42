import { expect, test } from 'vitest';
import { sizeLimits } from '../../../src/policies/kinds/size-limits.ts';
import { callPolicy } from '../../support/call-policy.ts';

const rows = (...contents: string[]) => contents.map((content) => ({ role: 'user', content }));

test.each([
  ['as many bytes as allowed', 1000, undefined],
  ['a byte more', 1001, 'request_too_large max-request-bytes'],
])('%s', (_, bytes, refusal) => {
  const { check } = callPolicy(sizeLimits, { max_request_bytes: 1000 });
  expect(check({}, { bytes })).toBe(refusal);
  expect(check({ input_type: 'response' }, { bytes })).toBeUndefined();
});

test.each([
  ['as many messages as allowed', 3, undefined],
  ['one more', 4, 'too_many_messages max-messages'],
])('%s', (_, count, refusal) => {
  const { check } = callPolicy(sizeLimits, { max_messages: 3 });
  expect(check({ structured_messages: rows(...Array<string>(count).fill('hello')) })).toBe(refusal);
});

const LONG = 'text_too_long max-text-chars';
test.each([
  ['as long as allowed', { texts: ['x'.repeat(10)] }, undefined],
  ['one too long', { texts: ['x'.repeat(11)] }, LONG],
  ['all texts together', { texts: ['x'.repeat(5), 'x'.repeat(6)] }, LONG],
  [
    'texts that the rows repeat',
    { texts: ['x'.repeat(10)], structured_messages: rows('x'.repeat(10)) },
    undefined,
  ],
  [
    'a system prompt that stands only in the rows',
    { texts: ['x'], structured_messages: rows('y'.repeat(10), 'x') },
    LONG,
  ],
  ['code points of two units', { texts: ['😀'.repeat(10)] }, undefined],
  ['one code point too many', { texts: [`${'😀'.repeat(10)}x`] }, LONG],
  ['lone surrogates', { texts: ['\ud83d'.repeat(10)] }, undefined],
  ['a lone surrogate too many', { texts: ['\ud83d'.repeat(11)] }, LONG],
  ['far too long', { texts: ['x'.repeat(100_000)] }, LONG],
  ['an answer', { texts: ['x'.repeat(11)], input_type: 'response' }, undefined],
])('%s', (_, fields, refusal) => {
  expect(callPolicy(sizeLimits, { max_text_chars: 10 }).check(fields)).toBe(refusal);
});

test('no limit is worth a warning', () => {
  expect(callPolicy(sizeLimits, {}).warned).toEqual(['max_request_bytes no limit is set']);
});

test.each([0, -1, 1.5, '5'])('%j is no limit', (max_messages) => {
  expect(() => callPolicy(sizeLimits, { max_messages })).toThrow();
});
