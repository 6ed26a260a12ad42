import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Seen } from './client.ts';
import { chat, type Endpoint, endpoints, messages, responses } from './endpoints.ts';
import { redacted, samples, shownOf } from './policy-samples.ts';
import { type PolicyWorld, policies, startPolicyWorld } from './policy-world.ts';
import { blockStatus, does, type Release } from './release.ts';

const secret = samples.github;
const question = 'How long does a plum cake bake?';
const refusal =
  /Blocked by security policy\. (?:An older message .* is the cause\. )?\[(?:policy|not_allowed)\] Reference: [0-9a-f]{16}/;
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';

const setups = {
  block: { policy: policies({ secrets: { action: 'block' } }) },
  redact: { policy: policies({ secrets: { action: 'redact' } }), env: { RESPONSE_REDACTION: 'rewrite' } },
};

describe.each(inject('releases'))('policies alone behind litellm $version', (release) => {
  let world: PolicyWorld<keyof typeof setups>;

  beforeAll(async () => {
    world = await startPolicyWorld(release, setups);
  });

  afterAll(async () => {
    await world?.stop();
  });

  const judged = endpoints.filter((endpoint) => endpoint.judged.request);

  /** Body that reaches the provider for this request. */
  async function received(endpoint: Pick<Endpoint, 'path'>, body: Record<string, unknown>) {
    world.provider.reset();
    const seen = await world.send(endpoint, body, ['redact-pre']);
    expect(seen.status, seen.raw).toBe(200);
    expect(world.provider.calls).toHaveLength(1);
    return world.provider.calls[0]?.body;
  }

  describe('action block', () => {
    test.each(judged)('a credential never reaches the provider on $name', async (endpoint) => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(`Is ${secret} valid?`), ['block-pre']);

      expectRefused(release, seen);
      expect(world.provider.calls).toEqual([]);
      const allowed = await world.send(endpoint, endpoint.ask(question), ['block-pre']);
      expect(allowed.status).toBe(200);
      expect(world.provider.calls).toHaveLength(1);
    });

    test.each(judged.filter((endpoint) => endpoint.judged.response))(
      'a credential in a response never reaches the client on $name',
      async (endpoint) => {
        world.provider.reset({ text: `It is ${secret}.` });
        const seen = await world.send(endpoint, endpoint.ask(question), ['block-post']);

        expectRefused(release, seen);
      },
    );
  });

  describe('action redact, in requests', () => {
    const said = (what: string) => `${what} ${secret}, ${secret} and ${samples.aws}, thanks`;
    const gone = (what: string) => `${what} ${redacted}, ${redacted} and ${redacted}, thanks`;

    test.each(judged)('$name: redacts the text, and nothing else', async (endpoint) => {
      const other = endpoint.path === '/v1/embeddings' ? {} : { temperature: 0.5, user: 'ada' };
      const rewritten = await received(endpoint, { ...endpoint.ask(said('User')), ...other });

      expect(JSON.stringify(rewritten)).toContain(gone('User'));
      expect(rewritten).toEqual(await received(endpoint, { ...endpoint.ask(gone('User')), ...other }));
    });

    test('chat: redacts texts of every role, and leaves the others', async () => {
      const body = (text: typeof said) => ({
        ...chat.ask(''),
        messages: [
          { role: 'system', content: text('System') },
          { role: 'user', content: text('User'), name: 'ada' },
          { role: 'assistant', content: text('Assistant') },
          { role: 'user', content: [{ type: 'text', text: text('Part') }, image] },
          { role: 'user', content: question },
        ],
      });
      const rewritten = await received(chat, body(said));

      expect(rewritten).toEqual(await received(chat, body(gone)));
      expect(rewritten).toMatchObject({ messages: body(gone).messages });
    });

    if (!does(release, 'takes rows back')) return;

    test('chat: redacts tool results', async () => {
      const body = (text: typeof said) => ({
        ...chat.ask(''),
        tools: [look],
        messages: [
          { role: 'user', content: 'Look it up.', name: 'ada' },
          { role: 'assistant', content: null, tool_calls: [toolCall('call_1', { q: 'plum' })] },
          { role: 'tool', tool_call_id: 'call_1', content: text('Tool result') },
        ],
      });
      expect(await received(chat, body(said))).toEqual(await received(chat, body(gone)));
    });

    test('chat: redacts arguments of tool calls, which stay JSON', async () => {
      const body = (text: typeof said) => ({
        ...chat.ask(''),
        tools: [look],
        messages: [
          { role: 'system', content: text('System') },
          { role: 'user', content: text('User') },
          {
            role: 'assistant',
            content: 'I will look it up.',
            tool_calls: [
              toolCall('call_1', { q: text('Argument') }),
              toolCall('call_2', { q: `two\nlines: "${text('Escaped')}"`, n: 7 }),
              toolCall('call_3', { q: 'plum' }),
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: text('Tool result') },
          { role: 'tool', tool_call_id: 'call_2', content: 'nothing' },
          { role: 'tool', tool_call_id: 'call_3', content: 'nothing' },
        ],
      });
      const rewritten = await received(chat, body(said));

      expect(rewritten).toEqual(await received(chat, body(gone)));
      expect(rewritten).toMatchObject({ messages: body(gone).messages });
    });

    test('chat: with arguments, LiteLLM drops keys that it does not declare from rows of parts', async () => {
      const parts = [{ type: 'text', text: 'Look it up.' }, image];
      const body = (text: typeof said) => ({
        ...chat.ask(''),
        messages: [
          { role: 'user', content: parts, name: 'ada' },
          { role: 'user', content: 'Please.', name: 'ada' },
          {
            role: 'assistant',
            content: 'Yes.',
            tool_calls: [toolCall('call_1', { q: text('Argument') })],
            invented: 1,
          },
          { role: 'tool', tool_call_id: 'call_1', content: 'nothing' },
        ],
      });
      const { messages: rows } = (await received(chat, body(said))) as { messages: unknown[] };

      expect(rows.slice(0, 2)).toEqual([
        { role: 'user', content: parts },
        { role: 'user', content: 'Please.', name: 'ada' },
      ]);
      expect(rows[2]).not.toHaveProperty('invented');
      expect(rows[2]).toMatchObject({ tool_calls: [toolCall('call_1', { q: gone('Argument') })] });
    });

    const invoice = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'Two plums' },
    };
    const session = (input: string, result: string) => [
      {
        role: 'user',
        content: [{ type: 'text', text: 'Look.', cache_control: { type: 'ephemeral' } }, picture, invoice],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Well', signature: 'invented' },
          { type: 'text', text: 'I will look it up.' },
          { type: 'tool_use', id: 'toolu_1', name: 'look_up', input: { q: input, n: 7 } },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            is_error: true,
            content: [{ type: 'text', text: result }, picture],
          },
          { type: 'text', text: 'And?' },
        ],
      },
    ];

    test.each([
      ['texts', (text: typeof said) => ({ messages: [{ role: 'user', content: text('User') }] })],
      ['results of tools', (text: typeof said) => ({ messages: session('plum', text('Result')) })],
      [
        'the system prompt',
        (text: typeof said) => ({
          system: [{ type: 'text', text: text('System'), cache_control: { type: 'ephemeral' } }],
          messages: session('plum', 'nothing'),
        }),
      ],
    ])('messages: redacts %s, and nothing else', async (_what, body) => {
      const rewritten = await received(messages, { ...messages.ask(''), ...body(said) });

      expect(JSON.stringify(rewritten)).toContain(redacted);
      expect(rewritten).toEqual(await received(messages, { ...messages.ask(''), ...body(gone) }));
    });

    test('messages: with inputs of tools LiteLLM rebuilds the conversation, and LOSES documents', async () => {
      const system = [{ type: 'text', text: said('System') }];
      const rewritten = await received(messages, {
        ...messages.ask(''),
        system,
        messages: session(said('Input'), said('Result')),
      });

      const [user, assistant, result] = session(gone('Input'), gone('Result')) as Session;
      expect(rewritten?.system).toEqual([{ type: 'text', text: gone('System') }]);
      expect(rewritten?.messages).toEqual([
        { role: 'user', content: user.content.filter((part) => part !== invoice) },
        assistant,
        { role: 'user', content: [without(result.content[0], 'is_error')] },
        { role: 'user', content: [result.content[1]] },
      ]);
    });

    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'invented' };
    const items = (args: string, output: string) => [
      { role: 'user', content: [{ type: 'input_text', text: 'Look it up.' }, inputImage] },
      reasoning,
      {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: 'look_up',
        arguments: JSON.stringify({ q: args }),
        status: 'completed',
      },
      { type: 'function_call_output', call_id: 'call_1', output },
      { role: 'user', content: 'And?' },
    ];

    test.each([
      ['texts', (text: typeof said) => ({ input: [{ role: 'user', content: text('User') }, reasoning] })],
      ['outputs of functions', (text: typeof said) => ({ input: items('plum', text('Output')) })],
      [
        'instructions',
        (text: typeof said) => ({ instructions: text('System'), input: items('plum', 'none') }),
      ],
    ])('responses: redacts %s, and nothing else', async (_what, body) => {
      const rewritten = await received(responses, { ...responses.ask(''), ...body(said) });

      expect(JSON.stringify(rewritten)).toContain(redacted);
      expect(rewritten).toEqual(await received(responses, { ...responses.ask(''), ...body(gone) }));
    });

    test('responses: with arguments of functions the call is refused, as LiteLLM would lose reasoning and ids', async () => {
      world.provider.reset();
      const input = items(said('Argument'), said('Output'));
      expectRefused(release, await world.send(responses, { ...responses.ask(''), input }, ['redact-pre']));
      expect(world.provider.calls).toEqual([]);
    });

    test('responses: redacts outputs where a text of the model stands before a call, which older LiteLLM builds anew', async () => {
      const spoken = {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'I will look it up.', annotations: [] }],
      };
      const ask = (output: string) => {
        const [user, thought, ...rest] = items('plum', output);
        return received(responses, { ...responses.ask(''), input: [user, thought, spoken, ...rest] });
      };
      const rewritten = await ask(said('Output'));

      expect(JSON.stringify(rewritten)).toContain(gone('Output'));
      if (does(release, 'sends outputs as texts')) {
        expect(rewritten).toEqual(await ask(gone('Output')));
      } else {
        expect(JSON.stringify(rewritten)).not.toContain('encrypted_content');
      }
    });
  });

  describe('action redact, in responses', () => {
    const response = `It is ${secret}, or ${samples.privateKey}\nor ${samples.aws}.`;
    const shown = `It is ${redacted}, or ${redacted}\nor ${redacted}.`;

    test.each(endpoints.filter((endpoint) => endpoint.judged.response))(
      '$name: redacts the text',
      async (endpoint) => {
        world.provider.reset({ text: response });
        const seen = await world.send(endpoint, endpoint.ask(question), ['redact-post']);

        expect(shownOf(secret, seen.raw)).toEqual([]);
        expect(seen.status, seen.raw).toBe(200);
        expect(seen.raw).toContain(JSON.stringify(shown).slice(1, -1));
      },
    );

    test('redacts each of several choices', async () => {
      world.provider.reset({ text: response, others: ['A plum.', `Also ${secret}`] });
      const seen = await world.send(chat, { ...chat.ask(question), n: 3 }, ['redact-post']);

      const { choices } = seen.json as { choices: { message: { content: string } }[] };
      expect(choices.map(({ message }) => message.content)).toEqual([shown, 'A plum.', `Also ${redacted}`]);
    });

    test.each([messages, responses, chat])(
      'arguments of a tool call cannot be rewritten and block on $name',
      async (endpoint) => {
        world.provider.reset({ toolCalls: [{ name: 'look_up', arguments: JSON.stringify({ q: secret }) }] });
        const seen = await world.send(endpoint, endpoint.ask(question), ['redact-post']);

        expectRefused(release, seen);
      },
    );
  });
});

type Session = [{ content: object[] }, object, { content: [object, object] }];

const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } };
const inputImage = { type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'low' };
const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };

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

function without(object: unknown, name: string) {
  return Object.fromEntries(Object.entries(object as object).filter(([key]) => key !== name));
}

function expectRefused(release: Release, seen: Seen): void {
  expect(seen.status, seen.raw).toBe(blockStatus(release));
  expect(seen.raw).toMatch(refusal);
  expect(shownOf(secret, seen.raw)).toEqual([]);
}
