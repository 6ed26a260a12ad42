import { expect, test } from 'vitest';
import { RequestMemory } from '../../src/calls/request-memory.ts';

const MB = 1024 * 1024;
/** The body of a request with one text, of a length at least. */
const body = (text: string, length = 0) =>
  Buffer.from(JSON.stringify({ input_type: 'request', texts: [text] }).padEnd(length));
const textIn = (memory: RequestMemory, key: string) => memory.recall(key)?.texts[0];

test('a request is recalled as it was sent, and the last one of an id wins', () => {
  const memory = new RequestMemory();
  memory.keep('a', body('first'));
  memory.keep('b', body('other'));
  memory.keep('a', body('second'));
  expect(textIn(memory, 'a')).toBe('second');
  expect(textIn(memory, 'b')).toBe('other');
  expect(memory.recall('c')).toBeUndefined();
});

test('the oldest requests make room, and the memory stays within its bound', () => {
  const memory = new RequestMemory({ maxBytes: 4 * MB });
  for (let i = 0; i < 100; i++) memory.keep(`id-${i}`, body(`body ${i}`, MB / 4));
  const kept = Array.from({ length: 100 }, (_, i) => textIn(memory, `id-${i}`));
  expect(kept.filter(Boolean).length).toBeLessThanOrEqual(16);
  expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(12);
  for (const [i, text] of kept.entries()) if (text) expect(text).toBe(`body ${i}`);
});

test('a body larger than a slab is kept, one larger than everything is not', () => {
  const memory = new RequestMemory({ maxBytes: 4 * MB });
  memory.keep('large', body('large', 3 * MB));
  memory.keep('small', body('small'));
  expect(textIn(memory, 'large')).toBe('large');
  memory.keep('too large', body('x', 5 * MB));
  expect(memory.recall('too large')).toBeUndefined();
  expect(textIn(memory, 'small')).toBe('small');
});

test('many small requests are all found, each under its own id', () => {
  const memory = new RequestMemory();
  const ids = Array.from({ length: 20_000 }, (_, i) => `key-${i % 7} id-${i}`);
  for (const id of ids) memory.keep(id, body(id));
  const lost = ids.filter((id) => textIn(memory, id) !== id);
  expect(lost).toEqual([]);
});

test('an id may hold any letters or none, and is not mistaken for another', () => {
  const memory = new RequestMemory();
  const ids = ['', ' ', 'ü', 'u\u0308', '🍰', '\u0000'];
  for (const id of ids) memory.keep(id, body(id));
  expect(ids.map((id) => textIn(memory, id))).toEqual(ids);
});

test('an old request is not recalled', () => {
  let time = 0;
  const memory = new RequestMemory({ maxAgeMs: 1000, now: () => time });
  memory.keep('a', body('a'));
  time = 1001;
  expect(memory.recall('a')).toBeUndefined();
});

test('a request is parsed once for all rounds of its response, and anew when it is sent again', () => {
  const memory = new RequestMemory();
  memory.keep('a', body('first'));
  const first = memory.recall('a');
  expect(memory.recall('a')).toBe(first);
  memory.keep('a', body('second'));
  expect(textIn(memory, 'a')).toBe('second');
});
