import { expect, test } from 'vitest';
import { conversationOf, newestTurn, newestUserText } from '../../../src/backends/preset/conversation.ts';
import { callOf, toolCall } from '../../support/call.ts';

const messagesOf = (call: Record<string, unknown>, request?: Record<string, unknown>) => {
  const asked = request && callOf(request);
  return conversationOf(callOf(call), () => asked);
};
const plain = (messages: ReturnType<typeof messagesOf>) =>
  messages.map(({ role, content }) => [role, content]);

test('contents of parts, results of tools and arguments of tool calls become text', () => {
  const structured_messages = [
    { role: 'system', content: 'be kind' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
    { role: 'assistant', content: null, tool_calls: [toolCall('{"city":"Lisbon"}')] },
    { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
  ];
  const messages = messagesOf({ texts: ['one', 'two'], structured_messages });
  const [system, user, assistant, tool] = plain(messages);
  expect([system, user, tool]).toEqual([
    ['system', 'be kind'],
    ['user', 'one\ntwo'],
    ['tool', 'sunny'],
  ]);
  expect(assistant?.[0]).toBe('assistant');
  expect(assistant?.[1]).toContain('{"city":"Lisbon"}');
});

test('texts that stand in no message follow as one, under the role of their author', () => {
  expect(plain(messagesOf({ texts: ['plums', 'pears'] }))).toEqual([['user', 'plums\npears']]);
  const response = { input_type: 'response', texts: ['so'], tool_calls: [toolCall('{"a":1}')] };
  expect(plain(messagesOf(response))).toEqual([['assistant', expect.stringContaining('so\n')]]);
});

test('a response comes after its request, which nothing can change any more', () => {
  const request = { texts: ['how?'], structured_messages: [{ role: 'user', content: 'how?' }] };
  const messages = messagesOf({ input_type: 'response', texts: ['so'] }, request);
  expect(plain(messages)).toEqual([
    ['user', 'how?'],
    ['assistant', 'so'],
  ]);
  expect(messages.map(({ parts }) => parts.length)).toEqual([0, 1]);
});

test('the newest turn begins with what the user said last', () => {
  const structured_messages = ['system', 'user', 'assistant', 'user', 'assistant', 'tool'].map((role, i) => ({
    role,
    content: `${role} ${i}`,
  }));
  const call = { texts: ['user 1', 'user 3'], structured_messages };
  expect(plain(newestTurn(messagesOf(call))).map(([, content]) => content)).toEqual([
    ...['system 0', 'user 3', 'assistant 4', 'tool 5'],
  ]);
  expect(newestUserText(callOf(call))).toBe('user 3');
  expect(newestUserText(undefined)).toBeUndefined();
});
