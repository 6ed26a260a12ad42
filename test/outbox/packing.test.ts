import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { pack, unpack } from '../../src/outbox/packing.ts';

test.each([
  ['nothing', ''],
  ['a few characters', '{"n":1}'],
  ['a record', `{"text":"${'plum cake '.repeat(1000)}"}`],
  ['other scripts', 'Übergröße 🍰 漢字 '.repeat(100)],
  ['what cannot be packed', randomBytes(3000).toString('base64')],
])('%s comes out as it went in', (_, content) => {
  const packed = pack(content);
  expect(packed.body.length).toBeLessThanOrEqual(Buffer.byteLength(content));
  expect(unpack(packed)).toBe(content);
});

test('a record takes less than half of its size', () => {
  const content = JSON.stringify(
    Array.from({ length: 200 }, (_, i) => ({ role: 'user', content: `plum ${i * 7919}` })),
  );
  expect(pack(content).body.length).toBeLessThan(content.length / 2);
});

test('what is not what was packed is undefined', () => {
  const packed = pack('plum cake '.repeat(100));
  const flipped = Buffer.from(packed.body);
  flipped[20] = (flipped[20] ?? 0) ^ 1;
  expect(unpack({ ...packed, body: flipped })).toBeUndefined();
  expect(unpack({ ...packed, body: packed.body.subarray(0, 10) })).toBeUndefined();
  expect(unpack({ ...packed, checksum: packed.checksum + 1 })).toBeUndefined();
  expect(unpack({ ...packed, codec: 7 })).toBeUndefined();
  expect(unpack({ ...pack('short'), body: Buffer.from('shore') })).toBeUndefined();
});
