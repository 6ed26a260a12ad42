import { expect, test } from 'vitest';
import { imagePolicy } from '../../../src/policies/kinds/image-policy.ts';
import { callPolicy } from '../../support/call-policy.ts';

const part = (type: string) => ({
  structured_messages: [{ role: 'user', content: [{ type: 'text', text: 'Look' }, { type }] }],
});

test.each([
  ['an image', part('image_url'), true],
  ['audio', part('input_audio'), true],
  ['a file', part('file'), true],
  ['an image that stands beside the rows', { images: ['https://example.com/a.png'] }, true],
  ['an image in an answer', { input_type: 'response', images: ['data:image/png;base64,AAAA'] }, true],
  ['text', part('text'), false],
  ['words about images', { texts: ['image_url'] }, false],
])('%s', (_, fields, isMedia) => {
  expect(callPolicy(imagePolicy, {}).check(fields)).toBe(isMedia ? 'media_not_allowed media' : undefined);
  const asking = callPolicy(imagePolicy, { action: 'backend' });
  expect(asking.check(fields)).toBeUndefined();
  expect(asking.needsMediaBackend(fields)).toBe(isMedia);
  const allowing = callPolicy(imagePolicy, { action: 'allow' });
  expect(allowing.check(fields)).toBeUndefined();
  expect(allowing.needsMediaBackend(fields)).toBeUndefined();
});

test('another action is a mistake', () => {
  expect(() => callPolicy(imagePolicy, { action: 'redact' })).toThrow();
});
