import { describe, expect, test } from 'vitest';
import { contentTexts, textsOutsideMessages, withTexts } from '../../src/guardrail/passages.ts';
import { keysOf } from '../../src/guardrail/read-passages.ts';
import { callOf, toolCall } from '../support/call.ts';
import { textsOf } from '../support/passages.ts';

const passagesIn = (fields: Record<string, unknown>) => callOf(fields).passages.all;
const placesOf = (fields: Record<string, unknown>) =>
  passagesIn(fields).map(({ place, text }) => `${place}: ${text}`);
const wordsOf = (fields: Record<string, unknown>) => passagesIn(fields).map(({ text }) => text);
const user = (content: unknown) => ({ role: 'user', content });

/** An id as OpenAI draws it. */
const NEVER = 'call_Fq3gLBBKzmZ1dUTCI4IyGb8f';

describe('every text of a call is a passage', () => {
  test('in texts, rows, tool calls and descriptions of tools, with its place', () => {
    const places = placesOf({
      texts: ['one', ''],
      structured_messages: [
        { role: 'system', content: 'two' },
        user([{ type: 'text', text: 'three' }, 'four']),
        { role: 'assistant', content: null, tool_calls: [toolCall('{"five":5}', 'six', NEVER)] },
        { role: 'assistant', function_call: { name: 'seven', arguments: 'eight' } },
        { role: 'tool', tool_call_id: NEVER, name: 'nine', content: 'ten' },
      ],
      tool_calls: [toolCall('eleven', 'twelve', NEVER)],
      tools: [{ type: 'function', function: { name: 'a', description: 'thirteen' } }],
    });
    expect(places).toEqual(
      expect.arrayContaining([
        'text: one',
        'message: two',
        'message: three',
        'message: four',
        'message_tool_call: {"five":5}',
        'message_tool_call: eight',
        'message: ten',
        'tool_call: eleven',
        'tool: thirteen',
      ]),
    );
    expect(places.join()).not.toMatch(/assistant|system/);
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
  ])('also in the description of a tool: %s', (_, tool) => {
    expect(placesOf({ tools: [tool] })).toContain('tool: plums');
  });

  test('but not the bytes of an image', () => {
    const url = `data:image/png;base64,${'QUJD'.repeat(500)}`;
    expect(placesOf({ structured_messages: [user([{ type: 'image_url', image_url: { url } }])] })).toEqual(
      [],
    );
  });

  test('also if it only looks like bytes', () => {
    const text = `plums ${'QUJD'.repeat(500)}`;
    expect(placesOf({ structured_messages: [user([{ type: 'custom', data: text }])] })).toHaveLength(1);
    expect(placesOf({ structured_messages: [user('QUJD'.repeat(500))] })).toHaveLength(1);
  });
});

describe('a text that a message repeats', () => {
  test('makes one passage', () => {
    const rows = [user('one'), user('two')];
    expect(wordsOf({ texts: ['one', 'two'], structured_messages: rows })).toEqual(['one', 'two']);
  });

  test.each([
    { name: 'rows first', texts: ['one'], rows: ['zero', 'one'] },
    { name: 'texts first', texts: ['zero', 'one'], rows: ['one', 'two'] },
    { name: 'another order', texts: ['one', 'two'], rows: ['two', 'one', 'three'] },
    { name: 'repeated rows', texts: ['one'], rows: ['one', 'one', 'two'] },
    { name: 'no texts', texts: [], rows: ['one'] },
  ])('never hides another: $name', ({ texts, rows }) => {
    const words = wordsOf({ texts, structured_messages: rows.map(user) });
    expect(new Set(words)).toEqual(new Set([...texts, ...rows]));
  });

  test.each([
    { texts: ['one', 'two'], rows: ['one', 'two'], alone: [] },
    { texts: ['one', 'two'], rows: ['one'], alone: ['two'] },
    { texts: ['one', 'two'], rows: ['two'], alone: ['one'] },
    { texts: ['one', 'two'], rows: ['system', 'two', 'one'], alone: [] },
    { texts: ['one', '', 'two'], rows: ['one', 'two'], alone: [] },
    { texts: ['one'], rows: [], alone: ['one'] },
  ])('differs from one that stands in texts alone: $texts, $rows', ({ texts, rows, alone }) => {
    expect(textsOutsideMessages(callOf({ texts, structured_messages: rows.map(user) }))).toEqual(alone);
  });
});

describe('a passage', () => {
  test('has its path, and that of the message that repeats it', () => {
    const [text, part, input] = passagesIn({
      texts: ['one'],
      structured_messages: [
        user('one'),
        { role: 'tool', content: [{ type: 'text', text: 'two' }] },
        { role: 'assistant', content: [{ type: 'tool_use', input: { deep: ['three'] } }] },
      ],
    }).filter(({ isKey }) => !isKey);
    const keys = [text!.path, text!.messagePath!, part!.path, input!.path].map(keysOf);
    expect(keys).toEqual([
      ['texts', 0],
      ['structured_messages', 0, 'content'],
      ['structured_messages', 1, 'content', 0, 'text'],
      ['structured_messages', 2, 'content', 0, 'input', 'deep', 0],
    ]);
  });

  test.each([
    { role: 'user', author: 'user' },
    { role: 'system', author: 'operator' },
    { role: 'developer', author: 'operator' },
    { role: 'assistant', author: 'model' },
    { role: 'tool', author: 'tool' },
    { role: 'function', author: 'tool' },
    { role: 7, author: 'user' },
  ])('in a message of role $role is by the $author', ({ role, author }) => {
    const fields = { texts: ['x'], structured_messages: [{ role, content: 'x' }] };
    const known = typeof role === 'string' ? role : null;
    expect(passagesIn(fields)).toMatchObject([{ text: 'x', role: known, author }]);
  });

  test('outside of messages has as author whoever can have written it', () => {
    const fields = { texts: ['x'], tool_calls: [toolCall('y')], tools: [{ description: 'z' }] };
    const authors = (input_type: string) =>
      Object.fromEntries(passagesIn({ input_type, ...fields }).map(({ text, author }) => [text, author]));
    expect(authors('request')).toMatchObject({ x: 'user', y: 'model', z: 'tool' });
    expect(authors('response')).toMatchObject({ x: 'model', y: 'model', z: 'tool' });
  });

  test('in JSON within a string names the string', () => {
    const json = String.raw`{"to":"a\nb"}`;
    const [outer, ...nested] = passagesIn({ tool_calls: [{ function: { arguments: json } }] });
    expect(nested.map(({ text, place, within }) => [text, place, within === outer])).toEqual([
      ['to', 'nested', true],
      ['a\nb', 'nested', true],
    ]);
  });
});

test('the characters of a call are those of all passages, with repeated texts once', () => {
  const fields = { texts: ['one'], structured_messages: [user('one'), user('four')] };
  expect(callOf(fields).passages.chars).toBe(7);
});

describe('new texts', () => {
  const rewritten = (fields: Record<string, unknown>, rewrites: Record<string, string>) => {
    const call = callOf(fields);
    return withTexts(call, textsOf(call, rewrites));
  };

  test('replace whole strings and no structure', () => {
    const row = {
      role: 'user',
      name: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'a', text: 'a b' },
      ],
    };
    expect(rewritten({ structured_messages: [row] }, { user: '*', a: '#' }).structured_messages).toEqual([
      {
        role: 'user',
        name: '*',
        content: [
          { type: 'text', text: '#' },
          { type: 'a', text: 'a b' },
        ],
      },
    ]);
  });

  test('replace a text in the message that repeats it too, and passages keep their positions', () => {
    const call = rewritten({ texts: ['a', 'b'], structured_messages: [user('b'), user('a')] }, { a: '#' });
    expect([call.texts, call.structured_messages]).toEqual([
      ['#', 'b'],
      [user('b'), user('#')],
    ]);
    expect(call.passages.all.map(({ text, index }) => [index, text])).toEqual([
      [0, '#'],
      [1, 'b'],
    ]);
  });

  test('leave the original and everything that is no text unchanged', () => {
    const row = { role: 'user', content: null, n: 1, b: true, list: [null, 'a'] };
    const call = callOf({ structured_messages: [row, user('other')] });
    const copy = withTexts(call, textsOf(call, { a: '#' }));
    expect(copy.structured_messages[0]).toEqual({ ...row, list: [null, '#'] });
    expect(call.structured_messages[0]).toEqual(row);
    expect(copy.structured_messages[1]).toBe(call.structured_messages[1]);
  });

  test('keep __proto__ as a key like any other', () => {
    const row = JSON.parse('{"__proto__":{"content":"a"}}');
    const [copy] = rewritten({ structured_messages: [row] }, { a: '#' }).structured_messages;
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"content":"#"}}');
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
])('the media of a call are counted: $name', ({ fields, parts }) => {
  expect(callOf(fields).passages.media).toBe(parts);
});

test('passages hold the texts of parts, of unknown parts and of documents, and of no other media', () => {
  const parts = [
    { type: 'text', text: 'one' },
    { type: { toString: 1 }, title: 'two' },
    { type: 'Document', source: { type: 'text', data: 'three' } },
    { type: 'Image_File', image_file: { file_id: 'four' } },
  ];
  expect(contentTexts(parts)).toEqual(['one', 'two', 'three']);
});
