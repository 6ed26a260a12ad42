import { expect, test } from 'vitest';
import { createRequestMemory } from '../../src/http/request-memory.ts';

const MB = 1024 * 1024;
const body = (text: string, length = text.length) => Buffer.from(text.padEnd(length));

test('a request is recalled as it was remembered, and the last one of an id wins', () => {
  const memory = createRequestMemory();
  memory.remember('a', body('first'));
  memory.remember('b', body('other'));
  memory.remember('a', body('second'));
  expect(String(memory.recall('a'))).toBe('second');
  expect(String(memory.recall('b'))).toBe('other');
  expect(memory.recall('c')).toBeUndefined();
});

test('the oldest requests make room, and what is kept stays within the bound', () => {
  const memory = createRequestMemory({ maxBytes: 4 * MB });
  for (let i = 0; i < 100; i++) memory.remember(`id-${i}`, body(`body ${i}`, MB / 4));
  const kept = Array.from({ length: 100 }, (_, i) => memory.recall(`id-${i}`));
  expect(kept.filter(Boolean).length).toBeLessThanOrEqual(16);
  expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(12);
  for (const [i, bytes] of kept.entries()) if (bytes) expect(String(bytes).trim()).toBe(`body ${i}`);
});

test('a body larger than a slab is kept, one larger than everything is not', () => {
  const memory = createRequestMemory({ maxBytes: 4 * MB });
  memory.remember('large', body('large', 3 * MB));
  memory.remember('small', body('small'));
  expect(memory.recall('large')?.length).toBe(3 * MB);
  memory.remember('too large', body('x', 5 * MB));
  expect(memory.recall('too large')).toBeUndefined();
  expect(String(memory.recall('small'))).toBe('small');
});

test('an old request is not recalled', () => {
  let time = 0;
  const memory = createRequestMemory({ maxAgeMs: 1000, now: () => time });
  memory.remember('a', body('a'));
  time = 1001;
  expect(memory.recall('a')).toBeUndefined();
});
