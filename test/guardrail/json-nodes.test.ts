import { expect, test } from 'vitest';
import { countNodes } from '../../src/guardrail/json-nodes.ts';
import { randomFrom } from '../support/random.ts';

const next = randomFrom(11);
const int = (end: number) => Math.floor(next() * end);
const PIECES = ['"', '\\', '\\"', ',', '[', '{', '}', ']', ':', 'a', '\u20ac', '\ud83d\ude00', '\n', ' '];

function text(): string {
  return Array.from({ length: int(60) }, () => PIECES[int(PIECES.length)]).join('');
}

/** A value and the number of its nodes: one for each list, object, and item behind the first. */
function value(depth: number): [unknown, number] {
  const kind = depth === 0 ? 0 : int(4);
  if (kind === 0) return [text(), 0];
  if (kind === 1) return [[null, true, -1.5e9, ''][int(4)], 0];
  const items = Array.from({ length: int(6) }, () => value(depth - 1));
  const nodes = 1 + Math.max(0, items.length - 1) + items.reduce((sum, [, inner]) => sum + inner, 0);
  if (kind === 2) return [items.map(([item]) => item), nodes];
  return [Object.fromEntries(items.map(([item], i) => [`${text()}${i}x`, item])), nodes];
}

test('nodes of any JSON are counted, and signs within strings are none', () => {
  for (let i = 0; i < 3000; i++) {
    const [document, nodes] = value(5);
    for (const indent of [undefined, 1]) {
      expect(countNodes(Buffer.from(JSON.stringify(document, null, indent)), Infinity)).toBe(nodes);
    }
  }
});

test.each(['', '"', '"\\', '"a\\"', `"${'a'.repeat(50)}`, `"${'\\'.repeat(51)}`, '{"a', '[[[', ',,"'])(
  'what is no JSON ends: %s',
  (json) => {
    expect(countNodes(Buffer.from(json), Infinity)).toBeLessThanOrEqual(json.length);
  },
);

test('counting stops at the bound', () => {
  expect(countNodes(Buffer.from('['.repeat(1000)), 10)).toBe(11);
});
