import { describe, expect, test } from 'vitest';
import { chat, messages, responses } from '../endpoints.ts';
import { address, forbidden, masked } from '../fake-akto.ts';
import { does, type Release } from '../release.ts';
import type { World } from '../world.ts';
import { blocked, expectError, letter, question, testIf } from './expected.ts';

/** Covers the parts of a request beside its prompt, and those of a response beside its text. */
export function parts(release: Release, world: () => World): void {
  describe('parts beside the prompt', () => {
    const history = [
      { role: 'user', content: question },
      { role: 'assistant', content: null, tool_calls: [chatToolCall(`{"q":"a ${forbidden}"}`)] },
      { role: 'tool', tool_call_id: 'call_1', content: 'nothing found' },
    ];
    const input = [
      { role: 'user', content: question },
      { type: 'function_call', call_id: 'call_1', name: 'look_up', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: `a ${forbidden}` },
    ];
    test.each([
      [
        'a system message',
        chat,
        { messages: [{ role: 'system', content: forbidden }, ...history.slice(0, 1)] },
      ],
      ['the system prompt of /v1/messages', messages, { system: `Cook a ${forbidden}` }],
      ['the instructions of /v1/responses', responses, { instructions: `Cook a ${forbidden}` }],
      ['a tool output of /v1/responses', responses, { input }],
    ])('%s is judged', async (_what, endpoint, extra) => {
      world().provider.reset();
      const seen = await world().send(endpoint, { ...endpoint.ask(question), ...extra }, ['policy-pre']);

      expectError(release, endpoint, seen, blocked);
      expect(world().provider.calls).toEqual([]);
    });

    test('tool-call arguments in the history are judged', async () => {
      world().provider.reset();
      const seen = await world().send(chat, { ...chat.ask(question), messages: history }, ['policy-pre']);

      expectError(release, chat, seen, blocked);
      expect(world().provider.calls).toEqual([]);
    });

    test('a tool result of /v1/messages is judged', async () => {
      world().provider.reset();
      const body = { ...messages.ask(question), messages: toolResult(`a ${forbidden}`) };
      const seen = await world().send(messages, body, ['policy-pre']);

      expectError(release, messages, seen, blocked);
      expect(world().provider.calls).toEqual([]);
    });

    test.each([
      ['the system prompt of /v1/messages', messages, { system: `Write to ${address}` }],
      ['the instructions of /v1/responses', responses, { instructions: `Write to ${address}` }],
      [
        'a tool output of /v1/responses',
        responses,
        { input: [...input.slice(0, 2), { ...input[2], output: `ask ${address}` }] },
      ],
    ])('%s is redacted', async (what, endpoint, extra) => {
      world().provider.reset();
      const seen = await world().send(endpoint, { ...endpoint.ask(question), ...extra }, ['mask-pre']);

      if (!does(release, 'takes rows back')) {
        // rows of a reply would be ignored, so the bridge blocks
        expectError(release, endpoint, seen, blocked);
        expect(world().provider.calls).toEqual([]);
        return;
      }
      expect(seen.status, what).toBe(200);
      expect(JSON.stringify(world().provider.calls)).toContain(masked);
      expect(JSON.stringify(world().provider.calls)).not.toContain(address);
    });

    test('a tool result of /v1/messages is redacted', async () => {
      world().provider.reset();
      const body = { ...messages.ask(question), messages: toolResult(`ask ${address}`) };
      const seen = await world().send(messages, body, ['mask-pre']);

      if (!does(release, 'takes rows back')) {
        expectError(release, messages, seen, blocked);
        return;
      }
      expect(seen.status).toBe(200);
      expect(JSON.stringify(world().provider.calls)).toContain(`ask ${masked}`);
      expect(JSON.stringify(world().provider.calls)).not.toContain(address);
    });

    test('text parts beside an image are redacted one by one', async () => {
      world().provider.reset();
      const content = [
        { type: 'text', text: `Who is ${address}?` },
        { type: 'image_url', image_url: { url: 'https://pictures.example.com/plate.png' } },
        { type: 'text', text: 'Answer in one word.' },
      ];
      const body = { ...chat.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world().send(chat, body, ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(world().provider.calls[0]?.body.messages).toEqual([
        {
          role: 'user',
          content: [{ ...content[0], text: `Who is ${masked}?` }, content[1], content[2]],
        },
      ]);
    });

    test('one request is redacted in both directions', async () => {
      world().provider.reset({ text: letter });
      const seen = await world().send(chat, chat.ask(`Write to ${address}`), ['mask-pre', 'mask-post']);

      expect(JSON.stringify(world().provider.calls)).not.toContain(address);
      expect(seen.raw).not.toContain(address);
      expect(seen.status).toBe(200);
      expect(seen.raw).toContain(masked);
    });

    test('a pasted credential is blocked without any vendor', async () => {
      world().provider.reset();
      const seen = await world().send(chat, chat.ask('Is AKIAIOSFODNN7INVENTE still valid?'), ['policy-pre']);

      expectError(release, chat, seen, blocked);
      expect(world().provider.calls).toEqual([]);
    });

    testIf(does(release, 'sends built-in tools'))(
      'tools, built-in ones too, reach the provider',
      async () => {
        world().provider.reset();
        const tools = [
          { type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } },
          { type: 'web_search', search_context_size: 'low' },
        ];
        const seen = await world().send(chat, { ...chat.ask(question), tools }, ['policy-pre', 'mask-pre']);

        expect(seen.status).toBe(200);
        expect(world().provider.calls[0]?.body.tools).toMatchObject([
          { type: 'function', function: { name: 'look_up' } },
          { type: 'web_search' },
        ]);
      },
    );

    test('an image passes, since no text of it can be judged', async () => {
      world().provider.reset();
      const content = [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'https://pictures.example.com/plate.png' } },
      ];
      const body = { ...chat.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world().send(chat, body, ['mask-pre']);

      expect(seen.status).toBe(200);
    });

    test.each([chat, messages, responses])(
      'tool-call arguments in a response of $name are judged',
      async (endpoint) => {
        world().provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"a ${forbidden}"}` }] });
        const seen = await world().send(endpoint, endpoint.ask(question), ['policy-post']);

        expectError(release, endpoint, seen, blocked);
        expect(seen.raw).not.toContain(`a ${forbidden}`);
      },
    );

    test.each([chat, messages, responses])(
      'a redaction in tool-call arguments blocks on $name',
      async (endpoint) => {
        world().provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"${address}"}` }] });
        const seen = await world().send(endpoint, endpoint.ask(question), ['mask-post']);

        expectError(release, endpoint, seen, blocked);
      },
    );

    test('an ordinary tool-call response reaches the client', async () => {
      world().provider.reset({ toolCalls: [{ name: 'look_up', arguments: '{"q":"plum"}' }] });
      const seen = await world().send(chat, chat.ask(question), ['mask-post']);

      expect(seen.status).toBe(200);
      expect(seen.raw).toContain('{\\"q\\":\\"plum\\"}');
    });
  });

  // Parts that LiteLLM does not show a generic guardrail: no bridge can judge them. A failure here is good news.
  describe('blind spots of LiteLLM', () => {
    test.each([chat, messages])('the reasoning of a model passes unseen on $name', async (endpoint) => {
      world().provider.reset({ reasoning: `Perhaps a ${forbidden}?` });
      const seen = await world().send(endpoint, endpoint.ask(question), ['policy-post']);

      expect(seen.status).toBe(200);
      expect(seen.raw).toContain(forbidden);
    });

    const document = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: forbidden },
    };
    const found = {
      type: 'search_result',
      source: 's',
      title: 't',
      content: [{ type: 'text', text: forbidden }],
    };
    test.each([document, found])('an Anthropic $type block passes unseen', async (block) => {
      world().provider.reset();
      const content = [block, { type: 'text', text: 'Summarise this.' }];
      const body = { ...messages.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world().send(messages, body, ['policy-pre']);

      expect(seen.status).toBe(200);
      expect(JSON.stringify(world().provider.calls)).toContain(forbidden);
    });
  });
}

function chatToolCall(args: string) {
  return { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: args } };
}

function toolResult(content: string) {
  return [
    { role: 'user', content: question },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'look_up', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content }] },
  ];
}
