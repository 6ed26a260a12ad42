import { describe, expect, test } from 'vitest';
import {
  eachNewWord,
  eachWord,
  mediaOf,
  partsOf,
  rewriteWords,
  textsWithoutRow,
} from '../../src/guardrail/words.ts';
import { callOf, toolCall } from '../support/call.ts';

function placesOf(fields: Record<string, unknown>) {
  const places: string[] = [];
  eachWord(callOf(fields), (text, place) => places.push(`${place}: ${text}`));
  return places;
}
function newWordsOf(fields: Record<string, unknown>) {
  const words: string[] = [];
  eachNewWord(callOf(fields), (text) => words.push(text));
  return words;
}
const user = (content: unknown) => ({ role: 'user', content });

describe('every word of a call is visited', () => {
  test('in texts, rows, tool calls and descriptions of tools, with its place', () => {
    const places = placesOf({
      texts: ['one', ''],
      structured_messages: [
        { role: 'system', content: 'two' },
        user([{ type: 'text', text: 'three' }, 'four']),
        { role: 'assistant', content: null, tool_calls: [toolCall('{"five":5}', 'six', 'never')] },
        { role: 'assistant', function_call: { name: 'seven', arguments: 'eight' } },
        { role: 'tool', tool_call_id: 'never', name: 'nine', content: 'ten' },
      ],
      tool_calls: [toolCall('eleven', 'twelve', 'never')],
      tools: [{ type: 'function', function: { name: 'a', description: 'thirteen' } }],
    });
    expect(places).toEqual(
      expect.arrayContaining([
        'texts: one',
        'structured_messages: two',
        'structured_messages: three',
        'structured_messages: four',
        'row_tool_calls: {"five":5}',
        'row_tool_calls: eight',
        'structured_messages: ten',
        'tool_calls: eleven',
        'tools: thirteen',
      ]),
    );
    expect(places.join()).not.toMatch(/never|assistant|system/);
  });

  test.each([
    [
      'a tool result',
      user([{ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'text', text: 'plums' }] }]),
    ],
    ['the input of a tool', user([{ type: 'tool_use', name: 'n', input: { deep: [{ er: 'plums' }] } }])],
    ['a document', user([{ type: 'document', source: { type: 'text', data: 'plums' } }])],
    ['an address', user([{ type: 'image_url', image_url: { url: 'https://example.com/?q=plums' } }])],
    ['a short data address', user([{ type: 'image_url', image_url: { url: 'data:text/plain,plums' } }])],
    ['a refusal', { role: 'assistant', refusal: 'plums' }],
    ['a name', { role: 'user', name: 'plums', content: '' }],
    [
      'a key that means something to JavaScript',
      JSON.parse('{"role":"user","__proto__":{"content":"plums"}}'),
    ],
    ['a row that is only a text', 'plums'],
  ])('also in %s', (_, row) => {
    expect(placesOf({ structured_messages: [row] }).join()).toContain('plums');
  });

  test.each([
    ['the name of an argument', { function: { name: 'a', parameters: { properties: { plums: {} } } } }],
    ['a format', { function: { parameters: { properties: { day: { type: 'string', format: 'plums' } } } } }],
    ['a type', { type: 'plums' }],
    ['a choice', { function: { parameters: { enum: ['plums'] } } }],
    ['an id', { id: 'plums' }],
  ])('also in what a tool says of itself: %s', (_, tool) => {
    expect(placesOf({ tools: [tool] })).toContain('tools: plums');
  });

  test('but not in the bytes of an image', () => {
    const url = `data:image/png;base64,${'QUJD'.repeat(500)}`;
    expect(placesOf({ structured_messages: [user([{ type: 'image_url', image_url: { url } }])] })).toEqual(
      [],
    );
  });

  test('also where a text only looks like bytes', () => {
    const text = `plums ${'QUJD'.repeat(500)}`;
    expect(placesOf({ structured_messages: [user([{ type: 'x', data: text }])] })).toHaveLength(1);
    expect(placesOf({ structured_messages: [user('QUJD'.repeat(500))] })).toHaveLength(1);
  });
});

describe('what merely repeats', () => {
  test('is visited once', () => {
    const rows = [user('one'), user('two')];
    expect(newWordsOf({ texts: ['one', 'two'], structured_messages: rows })).toEqual(['one', 'two']);
  });

  test.each([
    { name: 'rows first', texts: ['one'], rows: ['zero', 'one'] },
    { name: 'texts first', texts: ['zero', 'one'], rows: ['one', 'two'] },
    { name: 'another order', texts: ['one', 'two'], rows: ['two', 'one', 'three'] },
    { name: 'repeated rows', texts: ['one'], rows: ['one', 'one', 'two'] },
    { name: 'no texts', texts: [], rows: ['one'] },
  ])('never hides another word: $name', ({ texts, rows }) => {
    const words = newWordsOf({ texts, structured_messages: rows.map(user) });
    expect(new Set(words)).toEqual(new Set([...texts, ...rows]));
  });

  test.each([
    { texts: ['one', 'two'], rows: ['one', 'two'], alone: [] },
    { texts: ['one', 'two'], rows: ['one'], alone: ['two'] },
    { texts: ['one', 'two'], rows: ['two'], alone: ['one'] },
    { texts: ['one', 'two'], rows: ['system', 'two', 'one'], alone: [] },
    { texts: ['one', '', 'two'], rows: ['one', 'two'], alone: [] },
    { texts: ['one'], rows: [], alone: ['one'] },
  ])('is told from what stands in texts alone: $texts, $rows', ({ texts, rows, alone }) => {
    expect(textsWithoutRow(callOf({ texts, structured_messages: rows.map(user) }))).toEqual(alone);
  });
});

describe('exchanging words', () => {
  test('touches whole strings and no structure', () => {
    const rewrites = new Map([
      ['user', '*'],
      ['a', '#'],
    ]);
    const row = {
      role: 'user',
      name: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'a', text: 'a b' },
      ],
    };
    expect(rewriteWords(row, rewrites)).toEqual({
      role: 'user',
      name: '*',
      content: [
        { type: 'text', text: '#' },
        { type: 'a', text: 'a b' },
      ],
    });
  });

  test('leaves the original and everything that is no text as it was', () => {
    const row = { role: 'user', content: null, n: 1, b: true, list: [null, 'a'] };
    expect(rewriteWords(row, new Map([['a', '#']]))).toEqual({ ...row, list: [null, '#'] });
    expect(row.list).toEqual([null, 'a']);
  });

  test('keeps a __proto__ a key like any other', () => {
    const row = JSON.parse('{"__proto__":{"content":"a"}}');
    const rewritten = rewriteWords(row, new Map([['a', '#']]));
    expect(JSON.stringify(rewritten)).toBe('{"__proto__":{"content":"#"}}');
    expect(({} as { content?: string }).content).toBeUndefined();
  });
});

test.each([
  {
    name: 'none',
    fields: { structured_messages: [user('a'), user([{ type: 'text', text: 'a' }])] },
    parts: 0,
  },
  { name: 'images beside the rows', fields: { images: ['a', 'b'] }, parts: 2 },
  {
    name: 'a part of a row',
    fields: { structured_messages: [user([{ type: 'input_audio', input_audio: {} }])] },
    parts: 1,
  },
  {
    name: 'the same image twice',
    fields: { images: ['a'], structured_messages: [user([{ type: 'image_url', image_url: { url: 'a' } }])] },
    parts: 1,
  },
  ...[
    ...['image', 'audio', 'video', 'file', 'document', 'image_url', 'audio_url', 'video_url', 'image_file'],
    ...['input_image', 'input_audio', 'input_video', 'input_file', 'Image_URL', 'DOCUMENT'],
  ].map((type) => ({ name: type, fields: { structured_messages: [user([{ type }])] }, parts: 1 })),
  {
    name: 'in a tool result',
    fields: { structured_messages: [user([{ type: 'tool_result', content: [{ type: 'document' }] }])] },
    parts: 1,
  },
  ...[{ toString: 1 }, ['image'], 1, null].map((type) => ({
    name: `a type that is ${JSON.stringify(type)}`,
    fields: { structured_messages: [user([{ type }])] },
    parts: 0,
  })),
])('media are counted: $name', ({ fields, parts }) => {
  expect(mediaOf(callOf(fields))).toBe(parts);
});

test('what is said in parts is text, words of unknown parts and of documents, and nothing of other media', () => {
  const parts = [
    { type: 'text', text: 'one' },
    { type: { toString: 1 }, title: 'two' },
    { type: 'Document', source: { type: 'text', data: 'three' } },
    { type: 'Image_File', image_file: { file_id: 'four' } },
  ];
  expect(partsOf(parts)).toEqual(['one', 'two', 'three']);
});
