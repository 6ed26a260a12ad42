import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Seen } from './client.ts';
import { chat, endpoints, messages, responses } from './endpoints.ts';
import type { Release } from './global-setup.ts';
import { redacted, samples, shownOf } from './policy-samples.ts';
import { type PolicyWorld, policies, startPolicyWorld } from './policy-world.ts';

const secret = samples.github;
const question = 'How long does a plum cake bake?';
const refusal = /Blocked by security policy\. Reference: [0-9a-f]{16}/;

const setups = {
  block: { policy: policies({ secrets: { action: 'block' } }) },
  redact: { policy: policies({ secrets: { action: 'redact' } }), env: { ANSWER_REDACTION: 'rewrite' } },
};

describe.each(inject('releases'))('policies alone behind litellm $version ($kind)', (release) => {
  const isOld = release.kind === 'old';
  let world: PolicyWorld<keyof typeof setups>;

  beforeAll(async () => {
    world = await startPolicyWorld(release, setups);
  });

  afterAll(async () => {
    await world?.stop();
  });

  describe('block', () => {
    const judged = endpoints.filter(({ judged }) => judged[release.kind].request);

    test.each(judged)('a credential never reaches the provider on $name', async (endpoint) => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(`Is ${secret} valid?`), ['block-pre']);

      expectRefused(release, seen);
      expect(world.provider.calls).toEqual([]);
      const allowed = await world.send(endpoint, endpoint.ask(question), ['block-pre']);
      expect(allowed.status).toBe(200);
      expect(world.provider.calls).toHaveLength(1);
    });
  });

  describe('redact in requests', () => {
    const said = (what: string) => `${what} ${secret} and ${secret}, thanks`;
    const gone = (what: string) => `${what} ${redacted} and ${redacted}, thanks`;

    test('chat: every role, text parts and arguments of tool calls', async () => {
      world.provider.reset();
      const conversation = (text: typeof said) => [
        { role: 'system', content: text('System') },
        { role: 'user', content: text('User') },
        { role: 'assistant', content: text('Assistant') },
        { role: 'user', content: [{ type: 'text', text: text('Part') }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            toolCall('call_1', { q: text('Argument') }),
            toolCall('call_2', { q: `two\nlines: "${text('Escaped')}"`, n: 7 }),
            toolCall('call_3', { q: 'plum' }),
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: text('Tool result') },
        { role: 'tool', tool_call_id: 'call_2', content: 'nothing' },
        { role: 'tool', tool_call_id: 'call_3', content: 'nothing' },
        { role: 'user', content: question },
      ];
      const body = { ...chat.ask(''), temperature: 0.5, tools: [look], messages: conversation(said) };
      const seen = await world.send(chat, body, ['redact-pre']);

      expect(seen.status, seen.raw).toBe(200);
      expect(world.provider.calls[0]?.body).toMatchObject({ temperature: 0.5, tools: [look] });
      expect(world.provider.calls[0]?.body.messages).toEqual(conversation(gone));
    });

    test('messages: the system prompt, texts, inputs of tools and their results', async () => {
      world.provider.reset();
      const body = (text: typeof said) => ({
        system: text('System'),
        messages: [
          { role: 'user', content: text('User') },
          {
            role: 'assistant',
            content: [
              { type: 'text', text: text('Assistant') },
              { type: 'tool_use', id: 'toolu_1', name: 'look_up', input: { q: text('Input'), n: 7 } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_1', content: text('Tool result') },
              { type: 'text', text: text('Part') },
            ],
          },
          { role: 'assistant', content: 'Which one?' },
          { role: 'user', content: question },
        ],
      });
      const seen = await world.send(messages, { ...messages.ask(''), ...body(said) }, ['redact-pre']);

      expect(seen.status, seen.raw).toBe(200);
      expect(world.provider.calls[0]?.body).toMatchObject(body(gone));
    });

    test('responses: instructions, inputs, arguments of function calls and their outputs', async () => {
      world.provider.reset();
      const body = (text: typeof said) => ({
        instructions: text('Instructions'),
        input: [
          { role: 'user', content: [{ type: 'input_text', text: text('User') }] },
          {
            type: 'function_call',
            call_id: 'call_1',
            name: 'look_up',
            arguments: JSON.stringify({ q: text('Argument') }),
          },
          { type: 'function_call_output', call_id: 'call_1', output: text('Output') },
          { role: 'user', content: question },
        ],
      });
      const seen = await world.send(responses, { ...responses.ask(''), ...body(said) }, ['redact-pre']);

      expect(seen.status, seen.raw).toBe(200);
      expect(world.provider.calls[0]?.body).toMatchObject(body(gone));
    });
  });

  describe('redact in answers', () => {
    test.each([chat, messages, responses])('$name', async (endpoint) => {
      world.provider.reset({ text: `It is ${secret}, or ${samples.aws}.` });
      const seen = await world.send(endpoint, endpoint.ask(question), ['redact-post']);

      if (isOld) {
        expectRefused(release, seen);
      } else {
        expect(seen.status, seen.raw).toBe(200);
        expect(seen.raw).toContain(`It is ${redacted}, or ${redacted}.`);
      }
      expect(shownOf(secret, seen.raw)).toEqual([]);
    });
  });
});

const look = {
  type: 'function',
  function: {
    name: 'look_up',
    description: 'Looks something up.',
    parameters: { type: 'object', properties: { q: { type: 'string' } } },
  },
};

function toolCall(id: string, args: unknown) {
  return { id, type: 'function', function: { name: 'look_up', arguments: JSON.stringify(args) } };
}

function expectRefused(release: Release, seen: Seen): void {
  expect(seen.status, seen.raw).toBe(release.kind === 'old' ? 500 : 400);
  expect(seen.raw).toMatch(refusal);
  expect(shownOf(secret, seen.raw)).toEqual([]);
}
