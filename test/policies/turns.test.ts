import { describe, expect, test } from 'vitest';
import { newPassages, turnPlaces } from '../../src/policies/turns.ts';
import { callOf, toolCall } from '../support/call.ts';

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown, more = {}) => ({ role: 'assistant', content, ...more });
const tool = (content: string) => ({ role: 'tool', tool_call_id: 'call_1', content });
const part = (text: string) => ({ type: 'text', text });
const reminder = '<system-reminder>\nbe brief\n</system-reminder>';

/** A call with these messages, and their texts as LiteLLM sends them. */
function conversation(rows: readonly { content: unknown }[], more: Record<string, unknown> = {}) {
  const texts = rows.flatMap(({ content }) =>
    Array.isArray(content) ? content.flatMap(({ text }) => text ?? []) : (content ?? []),
  );
  return callOf({ litellm_version: '1.110.2', texts, structured_messages: rows, ...more });
}

describe.each<{
  name: string;
  rows: { role: string; content: unknown }[];
  older: string[];
  newest: string[];
}>([
  { name: 'one prompt', rows: [user('a')], older: [], newest: ['a'] },
  {
    name: 'a session',
    rows: [{ role: 'system', content: 's' }, user('a'), assistant('b'), user('c')],
    older: ['a', 'b'],
    newest: ['c'],
  },
  { name: 'two prompts in a row', rows: [user('a'), user('b')], older: ['a'], newest: ['b'] },
  {
    name: 'a message of several parts',
    rows: [user([part(reminder), part('a'), part('b')])],
    older: [],
    newest: [reminder, 'a', 'b'],
  },
  {
    name: 'results of tools after the prompt',
    rows: [user('a'), assistant('b'), tool('c'), user([part(reminder)])],
    older: [],
    newest: ['a'],
  },
  {
    name: 'results of tools before the prompt',
    rows: [user('a'), assistant('b'), tool('c'), user([part(reminder), part('d')])],
    older: ['a', 'b', 'c'],
    newest: [reminder, 'd'],
  },
  {
    name: 'a system prompt in the middle',
    rows: [user('a'), { role: 'developer', content: 'd' }, user('b')],
    older: ['a'],
    newest: ['b'],
  },
  ...['', ' \n', reminder, `${reminder}\n${reminder}`, '<environment_context>x</environment_context>'].map(
    (nothing) => ({
      name: `a last message of nothing but ${JSON.stringify(nothing)}`,
      rows: [user('a'), assistant('b'), user('c'), user(nothing)],
      older: ['a', 'b'],
      newest: ['c'],
    }),
  ),
  {
    name: 'a last message that only begins as one of the harness',
    rows: [user('a'), user('<system-reminder>b')],
    older: ['a'],
    newest: ['<system-reminder>b'],
  },
  {
    name: 'a last message of an image',
    rows: [user('a'), user([{ type: 'image_url', image_url: { url: 'https://a' } }])],
    older: ['a'],
    newest: ['https://a'],
  },
  {
    name: 'a last message of parts without anything',
    rows: [user('a'), user([{ type: 'text' }, {}, part('')])],
    older: [],
    newest: ['a'],
  },
  { name: 'no message of a user', rows: [assistant('a'), tool('b')], older: [], newest: [] },
])('$name', ({ rows, older, newest }) => {
  const call = conversation(rows);
  const placed = (place: string) =>
    call.passages.all.filter((passage) => turnPlaces(call)(passage) === place).map(({ text }) => text);

  test('is told apart from older turns', () => {
    expect(placed('older').filter((text) => text !== 'call_1')).toEqual(older);
    expect(placed('newest')).toEqual(newest);
  });
});

describe('tool calls that stand beside the messages', () => {
  const called = (id: string, args: string) => assistant(null, { tool_calls: [toolCall(args, 'look', id)] });
  const rows = [user('a'), called('1', '{"q":"old"}'), user('b'), called('2', '{"q":"new"}')];
  const olderOf = (tool_calls: unknown[]) => {
    const call = conversation(rows, { tool_calls });
    const placeOf = turnPlaces(call);
    return call.passages.all.filter(
      ({ place, path }) =>
        place === 'tool_call' && path.key === 'arguments' && placeOf({ path } as never) === 'older',
    );
  };
  const [first, second] = [toolCall('{"q":"old"}', 'look', '1'), toolCall('{"q":"new"}', 'look', '2')];

  test.each([
    ['are older as their messages are', [first, second], ['{"q":"old"}']],
    ['are not older in another order', [second, first], []],
    ['are not older if there are fewer', [first], []],
  ])('%s', (_name, toolCalls, older) => {
    expect(olderOf(toolCalls).map(({ text }) => text)).toEqual(older);
  });
});

test('a text that no message repeats is in no turn', () => {
  const call = callOf({ texts: ['alone', 'a', 'b'], structured_messages: [user('a'), user('b')] });
  expect(call.passages.all.map(turnPlaces(call))).toEqual(['elsewhere', 'older', 'newest']);
});

test.each([
  ['the newest message', [user('a'), assistant('b'), user([part(reminder), part('c')])], [reminder, 'c']],
  ['the last results of tools', [user('a'), assistant('b'), tool('c'), assistant('d'), tool('e')], ['e']],
])('new in a call is %s', (_name, rows, texts) => {
  const said = newPassages(conversation(rows)).map(({ text }) => text);
  expect(said.filter((text) => text !== 'call_1')).toEqual(texts);
});
