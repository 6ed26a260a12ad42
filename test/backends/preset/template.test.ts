import { expect, test } from 'vitest';
import { compileJson, compileText, type Scope } from '../../../src/backends/preset/template.ts';

type Source = Readonly<Record<string, unknown>>;

const scope: Scope<Source> = {
  known: { 'options.limit': 3, 'options.names': ['a', 'b'], secret: 'key' },
  values: {
    text: ({ text }) => text,
    list: ({ list }) => list,
    'tool.name': ({ tool }) => tool,
  },
};
const json = (node: unknown, source: Source = {}) => {
  const template = compileJson(node, scope);
  const made = typeof template === 'function' ? template(source) : template;
  return made === undefined ? undefined : JSON.parse(made);
};

test.each([
  { node: { a: [1, true, null, 'x'] }, expected: { a: [1, true, null, 'x'] } },
  { node: '$text', source: { text: 'say "plums"\n' }, expected: 'say "plums"\n' },
  { node: '$list', source: { list: [{ a: 1 }] }, expected: [{ a: 1 }] },
  { node: '$options.limit', expected: 3 },
  { node: 'up to $options.limit of $options.names', expected: 'up to 3 of ["a","b"]' },
  { node: '\u0024{text}s and $text.', source: { text: 'plum' }, expected: 'plums and plum.' },
  { node: '$$text costs $5', expected: '$text costs $5' },
  { node: '$tool.name', source: { tool: 'read' }, expected: 'read' },
  { node: { a: '$text', b: 1 }, expected: { b: 1 } },
  { node: { a: 'by $text', b: { c: '$text' } }, expected: { b: {} } },
  { node: ['$text', 'x'], expected: ['x'] },
  { node: { a: '$text?' }, expected: { a: '' } },
  { node: { a: '$text?' }, source: { text: 'why?' }, expected: { a: 'why?' } },
  { node: { a: '$options.other' }, expected: {} },
  {
    node: [{ $each: 'list', as: { name: '$item.name', of: '$text' } }, 'end'],
    source: { list: [{ name: 'a' }, {}], text: 't' },
    expected: [{ name: 'a', of: 't' }, { of: 't' }, 'end'],
  },
  { node: [{ $each: 'options.names', as: { rule: '$item' } }], expected: [{ rule: 'a' }, { rule: 'b' }] },
  { node: [{ $each: 'list', as: '$item' }], expected: [] },
])('$node becomes $expected', ({ node, source, expected }) => {
  expect(json(node, source)).toEqual(expected);
});

test('what is the same for every call is written once', () => {
  expect(compileJson({ a: '$options.limit', b: ['x'] }, scope)).toBe('{"a":3,"b":["x"]}');
  expect(compileText('Bearer $secret', scope)).toBe('Bearer key');
  expect(compileText('$options.other', scope)).toBeUndefined();
});
