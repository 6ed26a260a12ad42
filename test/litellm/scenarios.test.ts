import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { events, type Seen, streamedText } from './client.ts';
import { chat, type Endpoint, endpoints, messages, responses } from './endpoints.ts';
import { address, forbidden, masked } from './fake-akto.ts';
import type { Release } from './global-setup.ts';
import { startWorld, type World } from './world.ts';

const blocked = /^Blocked by security policy\. Reference: [0-9a-f]{16}$/;
const notChecked = /^Not allowed: the security check could not be completed\. Reference: [0-9a-f]{16}$/;

const question = 'How long does a plum cake bake?';
const recipe =
  'Boil the potatoes and peel the carrots, then chop one turnip into the soup and let it stand until the bell rings.';
const letter = `Please write to the cook, ${address}, and ask for the whole recipe of the soup, before the bell rings.`;
const lastWords = 'bell rings';

/** A test that exists only where it makes sense, rather than one that is reported as skipped. */
const testIf = (wanted: boolean) => (name: string, run: () => Promise<void>) => {
  if (wanted) test(name, run);
};

describe.each(inject('releases'))('litellm $version ($kind)', (release) => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld(release);
  });

  afterAll(async () => {
    await world?.stop();
  });

  const isOld = release.kind === 'old';

  describe.each(endpoints)('$name', (endpoint) => {
    const judged = endpoint.judged[release.kind];

    test('an allowed exchange passes untouched, and the vendor saw what LiteLLM shows a guardrail', async () => {
      world.provider.reset();
      // the old release forgets the second guardrail a request names on /v1/messages
      const seen = await world.send(endpoint, endpoint.ask(question), ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(world.provider.calls).toHaveLength(1);
      expect(JSON.stringify(world.provider.calls)).toContain(question);
      expect(world.akto.calls.map(({ query }) => query.guardrails)).toEqual(judged.request ? ['true'] : []);
    });

    testIf(judged.request)('a forbidden request never reaches the provider', async () => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(`Peel a ${forbidden}`), ['policy-pre']);

      expectError(release, endpoint, seen, blocked);
      expect(world.provider.calls).toEqual([]);
    });

    testIf(!judged.request)('NOT judged by this release: a forbidden request passes', async () => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(`Peel a ${forbidden}`), ['policy-pre']);

      expect(seen.status).toBe(200);
      expect(world.provider.calls).toHaveLength(1);
    });

    testIf(judged.request && endpoint.path !== '/v1/embeddings')(
      'a forbidden request for a stream never reaches the provider',
      async () => {
        world.provider.reset();
        const seen = await world.send(endpoint, { ...endpoint.ask(`Peel a ${forbidden}`), stream: true }, [
          'policy-pre',
        ]);

        expectError(release, endpoint, seen, blocked);
        expect(world.provider.calls).toEqual([]);
      },
    );

    testIf(judged.request)('a redacted request reaches the provider without the redacted words', async () => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(`Write to ${address} today`), ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(`Write to ${masked} today`);
      expect(JSON.stringify(world.provider.calls)).not.toContain(address);
    });

    testIf(judged.answer)('a forbidden answer does not reach the client', async () => {
      world.provider.reset({ text: recipe });
      const seen = await world.send(endpoint, endpoint.ask(question), ['policy-post']);

      expectError(release, endpoint, seen, blocked);
      expect(seen.raw).not.toContain(forbidden);
      expect(world.provider.calls).toHaveLength(1);
    });

    testIf(judged.answer)('a redacted answer reaches the client without the redacted words', async () => {
      world.provider.reset({ text: letter });
      const seen = await world.send(endpoint, endpoint.ask(question), ['mask-post']);

      expect(seen.raw).not.toContain(address);
      if (isOld) {
        // this release drops the rewrite of some answers without a word, and does not say which release it is
        expectError(release, endpoint, seen, blocked);
        return;
      }
      expect(seen.status).toBe(200);
      expect(seen.raw).toContain(letter.replace(address, masked));
    });

    testIf(judged.answer)('RESPONSE_REDACTION=block blocks an answer that would be redacted', async () => {
      world.provider.reset({ text: letter });
      const seen = await world.send(endpoint, endpoint.ask(question), ['strict-post']);

      expectError(release, endpoint, seen, blocked);
      expect(seen.raw).not.toContain(address);
    });

    testIf(judged.stream)('an allowed stream passes whole', async () => {
      world.provider.reset({ text: recipe, chunkSize: 8 });
      const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(streamedText(seen.raw)).toBe(recipe);
    });

    testIf(judged.stream)('a forbidden stream is cut in the middle', async () => {
      world.provider.reset({ text: recipe, chunkSize: 4 });
      const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['policy-post']);

      if (isOld && endpoint === responses) {
        // judged at the end only: everything was delivered, the error comes after it
        expect(streamedText(seen.raw)).toBe(recipe);
      } else {
        expect(streamedText(seen.raw)).not.toContain(lastWords);
      }
      expectCut(release, endpoint, seen, blocked);
    });

    testIf(endpoint.path === '/v1/completions')(
      'NOT judged by any release: a forbidden stream passes',
      async () => {
        world.provider.reset({ text: recipe, chunkSize: 4 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['policy-post']);

        expect(seen.status).toBe(200);
        expect(streamedText(seen.raw)).toContain(forbidden);
      },
    );

    testIf(isOld && endpoint.path === '/v1/messages' && !judged.answer)(
      'NOT judged by this release: a forbidden answer passes',
      async () => {
        world.provider.reset({ text: recipe });
        const seen = await world.send(endpoint, endpoint.ask(question), ['policy-post']);

        expect(seen.status).toBe(200);
        expect(seen.raw).toContain(forbidden);
      },
    );
  });

  describe('what stands beside the prompt', () => {
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
      world.provider.reset();
      const seen = await world.send(endpoint, { ...endpoint.ask(question), ...extra }, ['policy-pre']);

      expectError(release, endpoint, seen, blocked);
      expect(world.provider.calls).toEqual([]);
    });

    test('tool-call arguments in the history are judged', async () => {
      world.provider.reset();
      const seen = await world.send(chat, { ...chat.ask(question), messages: history }, ['policy-pre']);

      if (isOld) expectOldCannotSend(seen);
      else expectError(release, chat, seen, blocked);
      expect(world.provider.calls).toEqual([]);
    });

    test('a tool result of /v1/messages is judged', async () => {
      world.provider.reset();
      const body = { ...messages.ask(question), messages: toolResult(`a ${forbidden}`) };
      const seen = await world.send(messages, body, ['policy-pre']);

      expectError(release, messages, seen, blocked);
      expect(world.provider.calls).toEqual([]);
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
      world.provider.reset();
      const seen = await world.send(endpoint, { ...endpoint.ask(question), ...extra }, ['mask-pre']);

      if (isOld) {
        // this release ignores `structured_messages` in a reply, so the bridge blocks
        expectError(release, endpoint, seen, blocked);
        expect(world.provider.calls).toEqual([]);
        return;
      }
      expect(seen.status, what).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(masked);
      expect(JSON.stringify(world.provider.calls)).not.toContain(address);
    });

    test('a tool result of /v1/messages is redacted', async () => {
      world.provider.reset();
      const body = { ...messages.ask(question), messages: toolResult(`ask ${address}`) };
      const seen = await world.send(messages, body, ['mask-pre']);

      if (isOld) {
        expectError(release, messages, seen, blocked);
        return;
      }
      expect(seen.status).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(`ask ${masked}`);
      expect(JSON.stringify(world.provider.calls)).not.toContain(address);
    });

    testIf(!isOld)('text parts beside an image are redacted one by one', async () => {
      world.provider.reset();
      const content = [
        { type: 'text', text: `Who is ${address}?` },
        { type: 'image_url', image_url: { url: 'https://pictures.example.com/plate.png' } },
        { type: 'text', text: 'Answer in one word.' },
      ];
      const body = { ...chat.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world.send(chat, body, ['mask-pre']);

      expect(seen.status).toBe(200);
      expect(world.provider.calls[0]?.body.messages).toEqual([
        {
          role: 'user',
          content: [{ ...content[0], text: `Who is ${masked}?` }, content[1], content[2]],
        },
      ]);
    });

    test('one request is redacted in both directions', async () => {
      world.provider.reset({ text: letter });
      const seen = await world.send(chat, chat.ask(`Write to ${address}`), ['mask-pre', 'mask-post']);

      expect(JSON.stringify(world.provider.calls)).not.toContain(address);
      expect(seen.raw).not.toContain(address);
      if (isOld) {
        expectError(release, chat, seen, blocked); // the answer: see above
        return;
      }
      expect(seen.status).toBe(200);
      expect(seen.raw).toContain(masked);
    });

    test('a pasted credential is blocked without any vendor', async () => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask('Is AKIAIOSFODNN7INVENTE still valid?'), ['policy-pre']);

      expectError(release, chat, seen, blocked);
      expect(world.provider.calls).toEqual([]);
    });

    test('tools, built-in ones too, reach the provider', async () => {
      world.provider.reset();
      const tools = [
        { type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } },
        { type: 'web_search', search_context_size: 'low' },
      ];
      const seen = await world.send(chat, { ...chat.ask(question), tools }, ['policy-pre', 'mask-pre']);

      expect(seen.status).toBe(200);
      expect(world.provider.calls[0]?.body.tools).toMatchObject([
        { type: 'function', function: { name: 'look_up' } },
        { type: 'web_search' },
      ]);
    });

    test('an image passes, since no text of it can be judged', async () => {
      world.provider.reset();
      const content = [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'https://pictures.example.com/plate.png' } },
      ];
      const body = { ...chat.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world.send(chat, body, ['mask-pre']);

      if (isOld) expectOldCannotSend(seen);
      else expect(seen.status).toBe(200);
    });

    test.each([chat, messages, responses])(
      'tool-call arguments in an answer of $name are judged',
      async (endpoint) => {
        world.provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"a ${forbidden}"}` }] });
        const seen = await world.send(endpoint, endpoint.ask(question), ['policy-post']);

        if (isOld && endpoint === chat) {
          expectOldCannotSend(seen); // its error quotes the arguments
          return;
        }
        expectError(release, endpoint, seen, blocked);
        expect(seen.raw).not.toContain(`a ${forbidden}`);
      },
    );

    test.each([chat, messages, responses])('a redaction in them blocks on $name', async (endpoint) => {
      world.provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"${address}"}` }] });
      const seen = await world.send(endpoint, endpoint.ask(question), ['mask-post']);

      if (isOld && endpoint === chat) expectOldCannotSend(seen);
      else expectError(release, endpoint, seen, blocked);
    });

    test('an ordinary tool-call answer reaches the client', async () => {
      world.provider.reset({ toolCalls: [{ name: 'look_up', arguments: '{"q":"plum"}' }] });
      const seen = await world.send(chat, chat.ask(question), ['mask-post']);

      if (isOld) {
        expectOldCannotSend(seen);
        return;
      }
      expect(seen.status).toBe(200);
      expect(seen.raw).toContain('{\\"q\\":\\"plum\\"}');
    });
  });

  // What LiteLLM does not show a generic guardrail, so that no bridge can judge it. A failure here is good news.
  describe('blind spots of LiteLLM', () => {
    test.each([chat, messages])('the reasoning of a model passes unseen on $name', async (endpoint) => {
      world.provider.reset({ reasoning: `Perhaps a ${forbidden}?` });
      const seen = await world.send(endpoint, endpoint.ask(question), ['policy-post']);

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
    test.each(isOld ? [] : [document, found])('an Anthropic $type block passes unseen', async (block) => {
      world.provider.reset();
      const content = [block, { type: 'text', text: 'Summarise this.' }];
      const body = { ...messages.ask(question), messages: [{ role: 'user', content }] };
      const seen = await world.send(messages, body, ['policy-pre']);

      expect(seen.status).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(forbidden);
    });

    testIf(isOld)('a custom tool output of /v1/responses passes unseen', async () => {
      world.provider.reset();
      const input = [
        { role: 'user', content: question },
        { type: 'custom_tool_call_output', call_id: 'call_1', output: forbidden },
      ];
      const seen = await world.send(responses, { ...responses.ask(question), input }, ['policy-pre']);

      expect(seen.status).toBe(200);
    });
  });

  describe('streams', () => {
    const streaming = [chat, messages, responses];

    test.each(isOld ? [] : streaming)(
      'streaming_sampling_rate 1 holds the word back on $name',
      async (endpoint) => {
        world.provider.reset({ text: recipe, chunkSize: 4 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'each-chunk-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        expect(streamedText(seen.raw)).not.toContain(forbidden);
        expect(streamedText(seen.raw)).toContain('peel the carrots');
      },
    );

    test.each(isOld ? [] : streaming)(
      'streaming_end_of_stream_only delivers first on $name',
      async (endpoint) => {
        world.provider.reset({ text: recipe, chunkSize: 4 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['at-end-post']);

        expectCut(release, endpoint, seen, blocked);
        expect(streamedText(seen.raw)).toBe(recipe);
      },
    );

    test.each(isOld ? [] : streaming)(
      'RESPONSE_REDACTION=block never delivers the redacted words on $name',
      async (endpoint) => {
        world.provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, [
          'strict-each-chunk-post',
        ]);

        expectCut(release, endpoint, seen, blocked);
        expect(seen.raw).not.toContain(address);
        expect(streamedText(seen.raw)).not.toContain(address);
      },
    );

    test.each(streaming)(
      'RESPONSE_REDACTION=block cuts at the sampled chunk by default on $name',
      async (endpoint) => {
        world.provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['strict-post']);

        expectCut(release, endpoint, seen, blocked);
        if (!(isOld && endpoint === responses)) expect(streamedText(seen.raw)).not.toContain(lastWords);
      },
    );

    test.each(streaming)(
      'LEAKS with RESPONSE_REDACTION=rewrite: LiteLLM drops rewrites of streams on $name',
      async (endpoint) => {
        world.provider.reset({ text: letter, chunkSize: 8 });
        const seen = await world.send(endpoint, { ...endpoint.ask(question), stream: true }, ['mask-post']);

        if (isOld) {
          expectCut(release, endpoint, seen, blocked); // no rewrite is offered to this release
          return;
        }
        expect(seen.status).toBe(200);
        expect(streamedText(seen.raw)).toBe(letter);
      },
    );

    testIf(!isOld)('streaming_transform_mode incremental_diff applies them on chat completions', async () => {
      world.provider.reset({ text: letter, chunkSize: 60 });
      const seen = await world.send(chat, { ...chat.ask(question), stream: true }, ['transform-post']);

      expect(seen.status).toBe(200);
      expect(streamedText(seen.raw)).toBe(letter.replace(address, masked));
    });

    testIf(!isOld)(
      'incremental_diff ends the stream where a rewrite comes after its beginning was sent',
      async () => {
        world.provider.reset({ text: letter, chunkSize: 4 });
        const seen = await world.send(chat, { ...chat.ask(question), stream: true }, ['transform-post']);

        expect(streamedText(seen.raw)).not.toContain(address);
        expect(seen.raw).toContain('stream_transform_underflow');
      },
    );

    testIf(!isOld)('a tool call in a stream is judged before its end', async () => {
      world.provider.reset({ toolCalls: [{ name: 'look_up', arguments: `{"q":"a ${forbidden}"}` }] });
      const seen = await world.send(chat, { ...chat.ask(question), stream: true }, ['policy-post']);

      expectCut(release, chat, seen, blocked);
      expect(seen.raw).not.toContain('"finish_reason":"tool_calls"');
    });
  });

  describe('during_call', () => {
    test('a forbidden request is refused, whether or not the provider was asked already', async () => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask(`Peel a ${forbidden}`), ['policy-during']);

      expectError(release, chat, seen, blocked);
      expect(seen.raw).not.toContain('kettle');
      await sleep(500); // the provider may be asked yet, and the next test counts its calls
    });
  });

  // What the client sees when no verdict can be had. `defer` leaves it to LiteLLM's unreachable_fallback,
  // which the old release does not have: it always refuses.
  describe('without a verdict', () => {
    const passes = { status: 200 };
    const refused = { status: isOld ? 500 : 400, message: notChecked };
    const failed = (message: RegExp) => ({ status: 500, message });
    const deferred = failed(/^Generic Guardrail API failed: Server error '503 Service Unavailable'/);
    const connect = failed(/^Generic Guardrail API failed: Cannot connect to host/);
    type Row = [string, string, { status: number; message?: RegExp }];
    const table: Row[] = [
      ['bridge down, LiteLLM fail_closed', 'gone', connect],
      ['bridge down, LiteLLM fail_open', 'gone-litellm_open', isOld ? connect : passes],
      ...(['down', 'hang'] as const).flatMap((how): Row[] => [
        [`backend ${how}, fail_closed`, `${how}-fail_closed`, refused],
        [`backend ${how}, fail_open`, `${how}-fail_open`, passes],
        [`backend ${how}, defer, LiteLLM fail_closed`, `${how}-defer`, deferred],
      ]),
      ...(isOld ? [] : (['down', 'hang'] as const)).flatMap((how): Row[] => [
        [`backend ${how}, fail_closed, LiteLLM fail_open`, `${how}-fail_closed-litellm_open`, refused],
        [`backend ${how}, defer, LiteLLM fail_open`, `${how}-defer-litellm_open`, passes],
      ]),
    ];

    test.each(table)('%s: a request', async (_case, guardrail, outcome) => {
      world.provider.reset();
      const startedAt = performance.now();
      const seen = await world.send(chat, chat.ask(question), [`${guardrail}-pre`]);

      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expectOutcome(release, seen, outcome);
      expect(world.provider.calls).toHaveLength(outcome.status === 200 ? 1 : 0);
    });

    test.each(table)('%s: an answer', async (_case, guardrail, outcome) => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask(question), [`${guardrail}-post`]);

      expectOutcome(release, seen, outcome);
      expect(world.provider.calls).toHaveLength(1);
      if (outcome.status !== 200) expect(seen.raw).not.toContain('kettle');
    });

    test.each(table)('%s: a streamed answer', async (_case, guardrail, outcome) => {
      world.provider.reset({ text: recipe, chunkSize: 4 });
      const seen = await world.send(chat, { ...chat.ask(question), stream: true }, [`${guardrail}-post`]);

      expect(seen.status).toBe(200); // the first chunks went out before the first check
      const text = streamedText(seen.raw);
      if (outcome.message) {
        expectCut(release, chat, seen, outcome.message);
        expect(text).not.toContain(forbidden);
      } else if (isOld) {
        expect(text).toContain('the bell rings'.slice(-4));
      } else {
        expect(text).toBe(recipe);
      }
    });

    test.each([messages, responses])('a client of $name sees its own kind of error', async (endpoint) => {
      world.provider.reset();
      const seen = await world.send(endpoint, endpoint.ask(question), ['down-fail_closed-pre']);

      expectError(release, endpoint, seen, notChecked);
    });

    testIf(!isOld)("LiteLLM's own `timeout` ends the wait for a bridge that does not answer", async () => {
      world.provider.reset();
      const closed = await world.send(chat, chat.ask(question), ['stuck-pre']);
      const opened = await world.send(chat, chat.ask(question), ['stuck-litellm_open-pre']);

      expectOutcome(release, closed, failed(/^Generic Guardrail API failed: .*[Tt]imeout/));
      expectOutcome(release, opened, passes);
    });

    test('a bypass is counted as one', async () => {
      const metrics = await world.bridges['down-fail_open'].metrics();

      expect(metrics).toMatch(/^guardrail_bridge_bypasses_total\{.*backend="akto".*\} [1-9]/m);
      expect(metrics).not.toMatch(/^guardrail_bridge_verdicts_total\{.*backend="akto".*\} [1-9]/m);
    });

    test('a wrong key is an error, which LiteLLM refuses even where unreachable is allowed to pass', async () => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask(question), [
        isOld ? 'wrong-key-pre' : 'wrong-key-litellm_open-pre',
      ]);

      expectOutcome(release, seen, failed(/^Generic Guardrail API failed: Client error '401 Unauthorized'/));
      expect(world.provider.calls).toEqual([]);
    });
  });

  testIf(!isOld)('Capsule denies a request and is not asked about answers', async () => {
    world.provider.reset({ text: recipe });
    const denied = await world.send(chat, chat.ask(`Peel a ${forbidden}`), ['capsule-pre', 'capsule-post']);
    expectError(release, chat, denied, blocked);
    expect(world.provider.calls).toEqual([]);

    const passed = await world.send(chat, chat.ask(question), ['capsule-pre', 'capsule-post']);
    expect(passed.status).toBe(200);
    expect(passed.raw).toContain(forbidden);
  });

  test('the reference a client sees finds the decision in the log, which has no content', async () => {
    world.provider.reset();
    const seen = await world.send(chat, chat.ask(`Peel a ${forbidden} quietly`), ['policy-pre']);
    const reference = /Reference: ([0-9a-f]{16})/.exec(seen.raw)?.[1] ?? 'none';

    // The line comes by a pipe of its own, which can be later than the answer
    const found = () => world.bridges.policy.lines.filter((line) => JSON.stringify(line).includes(reference));
    await expect.poll(found).toHaveLength(1);
    const lines = found();
    // the old release sends the header for successes only
    if (!isOld) expect(JSON.stringify(lines)).toContain(seen.headers.get('x-litellm-call-id'));
    expect(JSON.stringify(world.bridges.policy.lines)).not.toContain('quietly');
  });

  test('the reply to a request names the guardrail that ran', async () => {
    world.provider.reset();
    const seen = await world.send(chat, chat.ask(question), ['policy-pre']);

    expect(seen.headers.get('x-litellm-applied-guardrails')).toContain('policy-pre');
  });
});

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

/** The old release fails on these before it calls any guardrail; the client gets an error, so nothing leaks. */
function expectOldCannotSend(seen: Seen): void {
  expect(seen.status).toBe(500);
  expect(seen.raw).toMatch(/validation error for GenericGuardrailAPIRequest|SerializationIterator/);
}

/** The exact error body a client gets for a guardrail's block. */
function expectError(release: Release, endpoint: Endpoint, seen: Seen, reason: RegExp): void {
  if (release.kind === 'old') {
    const message = expect.stringMatching(prefixed('Content blocked by guardrail: ', reason));
    expect(seen.json).toEqual({ error: { message, type: 'None', param: 'None', code: '500' } });
    expect(seen.status).toBe(500);
    return;
  }
  const message = expect.stringMatching(reason);
  expect(seen.json).toEqual(
    {
      openai: { error: { message, type: 'invalid_request_error', param: null, code: '400' } },
      anthropic: { type: 'error', error: { type: 'invalid_request_error', message } },
      plain: { error: { message, type: 'None', param: 'None', code: '400' } },
    }[endpoint.errors],
  );
  expect(seen.status).toBe(400);
}

/** The error a client reads in a stream that had begun: its last event but for `[DONE]`. */
function expectCut(release: Release, endpoint: Endpoint, seen: Seen, reason: RegExp): void {
  expect(seen.status).toBe(200);
  const all = events(seen.raw);
  const last = all.at(-1)?.data === '[DONE]' ? all.at(-2) : all.at(-1);
  if (release.kind === 'old') {
    // a traceback of the proxy follows the message
    const message = expect.stringMatching(reason.source.replace(/^\^/, '').replace(/\$$/, ''));
    expect(last?.data).toMatchObject({ error: { message, code: '500' } });
    return;
  }
  const message = expect.stringMatching(reason);
  if (endpoint.path === '/v1/messages') {
    const type = reason === blocked || reason === notChecked ? 'invalid_request_error' : 'api_error';
    expect(last).toEqual({ event: 'error', data: { type: 'error', error: { type, message } } });
  } else if (endpoint.path === '/v1/responses') {
    expect(last?.data).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', output: [], error: { code: 'invalid_request_error', message } },
    });
  } else {
    const code = reason === blocked || reason === notChecked ? '400' : '500';
    expect(last?.data).toEqual({ error: { message, type: 'None', param: 'None', code } });
  }
}

function expectOutcome(release: Release, seen: Seen, outcome: { status: number; message?: RegExp }): void {
  expect(seen.status, seen.raw.slice(0, 300)).toBe(outcome.status);
  if (!outcome.message) {
    expect(seen.raw).toContain('A kettle boils water.');
    return;
  }
  if (outcome.message === notChecked) {
    expectError(release, chat, seen, notChecked);
    return;
  }
  const kind =
    release.kind === 'old' ? { type: 'None', param: 'None' } : { type: 'internal_server_error', param: null };
  expect(seen.json).toEqual({
    error: { message: expect.stringMatching(outcome.message), ...kind, code: '500' },
  });
}

const prefixed = (prefix: string, pattern: RegExp) =>
  new RegExp(`^${prefix}${pattern.source.replace(/^\^/, '')}`);
