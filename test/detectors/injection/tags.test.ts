import { expect, test } from 'vitest';
import { closesItsOwn } from '../../../src/detectors/injection/tags.ts';

/** The closing tags of a text that close one of it, as they are asked for one after the other. */
const own = (text: string) =>
  [...text.matchAll(/<\/([a-z_-]+)>/gi)].map(({ index, 1: name = '' }) => closesItsOwn(text, index, name));

test.each([
  ['<context>a</context>', [true]],
  [`<context>${'a '.repeat(100_000)}</context>`, [true]],
  ['<Context lang="en">a</cONTEXT>', [true]],
  ['<context\n>a</context>', [true]],
  ['</context>', [false]],
  ['a</context>\n<context>b', [false]],
  ['<context>a</context>b</context>', [true, false]],
  ['<context><context>a</context>b</context>', [true, true]],
  ['<context/>a</context>', [false]],
  ['<context-2>a</context>', [false]],
  ['<a><b></a></b></b>', [true, true, false]],
])('%s', (text, expected) => {
  expect(own(text)).toEqual(expected);
});

test('a text can be asked about again, and another between', () => {
  const text = '<a>1</a>2</a>';
  expect([...own(text), ...own('</a>'), ...own(text)]).toEqual([true, false, false, true, false]);
});
