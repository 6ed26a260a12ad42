import { describe, expect, test } from 'vitest';
import { type JsonLimits, MAX_DEPTH, measureBody, measureJson } from '../../src/guardrail/json-nodes.ts';
import { randomFrom } from '../support/random.ts';

const next = randomFrom(11);
const int = (end: number) => Math.floor(next() * end);
const PIECES = [
  '"',
  '\\',
  '\\"',
  ',',
  '[',
  '{',
  '}',
  ']',
  ':',
  'a',
  '\u20ac',
  '\ud83d\ude00',
  '\ud800',
  '\n',
  ' ',
];
const UNLIMITED: JsonLimits = {
  maxJsonNodes: Number.POSITIVE_INFINITY,
  maxJsonDepth: Number.POSITIVE_INFINITY,
};

/** As a rule short; some are longer than what is looked at letter by letter. */
function text(): string {
  return Array.from({ length: int(int(10) === 0 ? 400 : 20) }, () => PIECES[int(PIECES.length)]).join('');
}

function value(depth: number): unknown {
  const kind = depth === 0 ? 0 : int(4);
  if (kind === 0) return text();
  if (kind === 1) return [null, true, -1.5e9, ''][int(4)];
  const items = Array.from({ length: int(6) }, () => value(depth - 1));
  return kind === 2 ? items : Object.fromEntries(items.map((item, i) => [`${text()}${i}x`, item]));
}

/** One for each list, object, and item behind the first. */
function nodesOf(document: unknown): number {
  if (typeof document !== 'object' || document === null) return 0;
  const items = Object.values(document);
  return 1 + Math.max(0, items.length - 1) + items.reduce<number>((sum, item) => sum + nodesOf(item), 0);
}

function depthOf(document: unknown): number {
  if (typeof document !== 'object' || document === null) return 0;
  return 1 + Object.values(document).reduce<number>((most, item) => Math.max(most, depthOf(item)), 0);
}

/** The same JSON with other escapes, which mean the same. */
const escaped = (json: string) =>
  json
    .replace(/\\./g, (pair) => (pair === '\\"' && int(2) === 0 ? '\\u0022' : pair))
    .replaceAll('\u20ac', '\\u20ac');

function randomDocuments(): string[] {
  return Array.from({ length: 1500 }, () => value(6)).flatMap((document) => {
    const json = JSON.stringify(document);
    return [json, escaped(json), JSON.stringify(document, null, 1)];
  });
}

test('nodes and levels of any JSON are counted, and signs within strings are none', () => {
  for (const json of randomDocuments()) {
    const parsed: unknown = JSON.parse(json);
    const bytes = Buffer.from(json);
    const [nodes, depth] = [nodesOf(parsed), depthOf(parsed)];
    expect(measureJson(bytes, UNLIMITED)).toEqual({ nodes, beyond: undefined });
    const exact = { maxJsonNodes: nodes, maxJsonDepth: depth };
    expect(measureJson(bytes, exact)).toEqual({ nodes, beyond: undefined });
    if (depth === 0) continue;
    expect(measureJson(bytes, { ...exact, maxJsonDepth: depth - 1 }).beyond).toBe('maxJsonDepth');
    expect(measureJson(bytes, { ...UNLIMITED, maxJsonNodes: nodes - 1 }).beyond).toBe('maxJsonNodes');
  }
});

test('a short body is within the same limits as by the scan, and its nodes are told unless it has few brackets', () => {
  for (const json of randomDocuments()) {
    const body = Buffer.from(json);
    for (const maxJsonDepth of [1, 2, 4, 6]) {
      const limits = { maxJsonNodes: 20_000, maxJsonDepth };
      const short = measureBody(body, limits);
      expect(short.beyond).toBe(measureJson(body, limits).beyond);
      if (short.beyond === undefined && short.nodes > 0) expect(short.nodes).toBe(nodesOf(JSON.parse(json)));
      if (short.text !== undefined) expect(short.text).toBe(body.toString());
    }
  }
});

test('a short body with more bytes than there may be nodes is counted', () => {
  const body = Buffer.from(`[${'1,'.repeat(1500)}1]`);
  expect(measureBody(body, { maxJsonNodes: 1000, maxJsonDepth: 128 }).beyond).toBe('maxJsonNodes');
  expect(measureBody(body, { maxJsonNodes: 1501, maxJsonDepth: 128 })).toMatchObject({ nodes: 1501 });
});

test('bytes that are no UTF-8 hide neither the end of a string nor what follows', () => {
  for (const odd of [[0xe2], [0xf0, 0x9f], [0xed, 0xa0, 0x80], [0xff], [0xc3, 0x5c, 0x5c]]) {
    const body = Buffer.concat([Buffer.from('["'), Buffer.from(odd), Buffer.from('",[[1,2]]]')]);
    const parsed: unknown = JSON.parse(body.toString());
    expect(measureJson(body, UNLIMITED)).toEqual({ nodes: nodesOf(parsed), beyond: undefined });
  }
});

describe('what is no JSON ends', () => {
  const NONE = ['', '"', '"\\', 'a\\"', `"${'a'.repeat(50)}`, '{"a', '[[[', ',,"', '\ufeff[]', '}}}}[[', ']'];
  const slashes = [22, 23, 24, 25, 51].flatMap((count) => [
    `"${'\\'.repeat(count)}`,
    `"${'\\'.repeat(count)}"`,
  ]);

  test.each([...NONE, ...slashes])('%s', (json) => {
    expect(measureJson(Buffer.from(json), UNLIMITED).nodes).toBeLessThanOrEqual(json.length);
    expect(measureBody(Buffer.from(json), { maxJsonNodes: 1000, maxJsonDepth: 128 }).beyond).toBeUndefined();
  });

  test('whatever is cut off a document, or broken in it', () => {
    for (const json of randomDocuments()) {
      const bytes = Buffer.from(json);
      const cut = bytes.subarray(0, int(bytes.length));
      expect(measureJson(cut, UNLIMITED).nodes).toBeLessThanOrEqual(cut.length);
      bytes[int(bytes.length)] = int(256);
      expect(measureJson(bytes, UNLIMITED).nodes).toBeLessThanOrEqual(bytes.length);
    }
  });
});

test.each([
  ['maxJsonNodes', '{},'],
  ['maxJsonNodes', '1,'],
  ['maxJsonDepth', '['],
  ['maxJsonDepth', '{"a":'],
] as const)('counting stops at %s: %s', (limit, piece) => {
  const { nodes, beyond } = measureJson(Buffer.from(piece.repeat(100_000)), {
    maxJsonNodes: 20,
    maxJsonDepth: 10,
  });
  expect(beyond).toBe(limit);
  expect(nodes).toBeLessThanOrEqual(21);
});

test('the deepest JSON that may be read exhausts no stack', () => {
  const deep: unknown = JSON.parse(`${'{"a":'.repeat(2 * MAX_DEPTH)}1${'}'.repeat(2 * MAX_DEPTH)}`);
  expect(JSON.stringify(structuredClone(deep))).toHaveLength(12 * MAX_DEPTH + 1);
});
