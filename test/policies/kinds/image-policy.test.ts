import { expect, test } from 'vitest';
import { imagePolicy } from '../../../src/policies/kinds/image-policy.ts';
import { callPolicy } from '../../support/call-policy.ts';

const part = (type: string) => ({
  structured_messages: [{ role: 'user', content: [{ type: 'text', text: 'Look' }, { type }] }],
});

test.each([
  ['an image is media', part('image_url'), true],
  ['audio is media', part('input_audio'), true],
  ['a file is media', part('file'), true],
  ['an image beside the rows is media', { images: ['https://example.com/a.png'] }, true],
  [
    'an image in a response is media',
    { input_type: 'response', images: ['data:image/png;base64,AAAA'] },
    true,
  ],
  ['text is no media', part('text'), false],
  ['words about images are no media', { texts: ['image_url'] }, false],
])('%s', (_, fields, isMedia) => {
  expect(callPolicy(imagePolicy, {}).check(fields)).toBe(isMedia ? 'media_not_allowed media' : undefined);
  const asking = callPolicy(imagePolicy, { action: 'backend' });
  expect(asking.check(fields)).toBeUndefined();
  expect(asking.needsMediaBackend(fields)).toBe(isMedia);
  const allowing = callPolicy(imagePolicy, { action: 'allow' });
  expect(allowing.check(fields)).toBeUndefined();
  expect(allowing.needsMediaBackend(fields)).toBeUndefined();
});

test('image-policy refuses any action but block and backend', () => {
  expect(() => callPolicy(imagePolicy, { action: 'redact' })).toThrow();
});
