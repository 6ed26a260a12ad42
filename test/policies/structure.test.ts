import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { toolCall } from '../support/call.ts';
import { fill } from '../support/credentials.ts';
import { engineOf, type PolicyDocument } from '../support/policies.ts';

const AWS = `AKIA${'IQ7BZK4W2T5RDMLX'}`;
const HEX = '0123456789ab'.repeat(2);
const CARD = '4111111111111111';

/** A conversation with a tool call of this id, in the newest turn or in an older one. */
const withId = (id: string, isOlder = false) => {
  const call = { ...toolCall('{}'), id };
  const rows = [
    { role: 'user', content: 'look it up' },
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: id, content: 'found' },
    ...(isOlder ? [{ role: 'user', content: 'thanks' }] : []),
  ];
  const texts = rows.flatMap(({ content }) => content ?? []);
  return { litellm_version: '1.110.2', texts, structured_messages: rows, tool_calls: [call] };
};
const secrets = (options: object): PolicyDocument => ({ chain: ['secrets'], policy: { secrets: options } });
const pii = (options: object): PolicyDocument => ({
  chain: ['pii-detector'],
  policy: { 'pii-detector': options },
});

describe('an id that looks drawn at random', () => {
  test.each([
    `call_${AWS}`,
    `tool_${AWS}`,
    `rs_${AWS}1234567890ab`.slice(0, 23),
    `tooluse_0-${AWS}`.slice(0, 30),
    `call_${HEX}cdef__thought__${AWS}/${'Eq0BAP3EO7'.repeat(9)}`,
    `call_x__thought__${AWS}-${'Eq0BAP3EO7'.repeat(9)}`,
    `call_x__thought__ghp_${fill(36)}`,
  ])('is blocked for a credential with a beginning of its own: %s', async (id) => {
    const { judge } = engineOf(secrets({ action: 'block', tokens_only: true }));
    expect(await judge(withId(id))).toMatchObject({ verdict: 'block' });
  });

  test.each([
    'call_AP3EO7IBbluZIy5aB1cD2eF3',
    'AP33EO7IBbluZIy5',
    'AP4UyXKVfsbe1RhtWG57OzoYHw0ULOrE',
    `call_${HEX}cdef__thought__${'Eq0B/AP3EO7IBbluZIy5'.repeat(20)}==`,
  ])('is nothing else, whatever chance has put into it: %s', async (id) => {
    const { judge } = engineOf({
      chain: ['secrets', 'pii-detector', 'prompt-injection'],
      policy: { secrets: { action: 'block', high_entropy: true }, 'pii-detector': { action: 'block' } },
    });
    expect(await judge(withId(id))).toMatchObject({ verdict: 'allow' });
  });

  test('passes a session with thousands of tool calls', async () => {
    const { judge } = engineOf({
      chain: ['secrets', 'pii-detector'],
      policy: { secrets: { action: 'block' } },
    });
    const calls = Array.from({ length: 5000 }, () => ({
      ...toolCall('{}'),
      id: `tooluse_${randomBytes(17).toString('base64url').slice(0, 21)}7`,
    }));
    expect(await judge({ tool_calls: calls })).toMatchObject({ verdict: 'allow' });
  });
});

describe('an id that is a number', () => {
  test.each([false, true])('is no personal data to redact, in an older turn: %s', async (isOlder) => {
    const { judge } = engineOf(pii({ action: 'redact' }));
    const { verdict, texts, notes } = await judge(withId(CARD, isOlder));
    expect([verdict, texts.size, notes[0]?.rules]).toEqual(['allow', 0, []]);
  });

  test('stays as it is where a text beside it is redacted', async () => {
    const { judge } = engineOf(pii({ action: 'redact' }));
    const { texts } = await judge({ ...withId(CARD), texts: ['ada@example.org'] });
    expect([...texts.keys()].map(({ text }) => text)).toEqual(['ada@example.org']);
  });

  test('blocks where personal data does, and does not end the session', async () => {
    const { judge } = engineOf(pii({ action: 'block' }));
    expect(await judge(withId(CARD))).toMatchObject({ verdict: 'block' });
    expect(await judge(withId(CARD, true))).toMatchObject({ verdict: 'allow', removed: [] });
  });
});

test('an id that is an address is judged by every policy', async () => {
  const { judge } = engineOf(pii({ action: 'redact' }));
  expect(await judge(withId('ada@example.org'))).toMatchObject({ verdict: 'redact' });
});
