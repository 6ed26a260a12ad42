import { describe, expect, test } from 'vitest';
import type { RedactionOptions } from '../../../src/config/config.ts';
import { Redactor } from '../../../src/records/redact/redact.ts';
import { capitals } from '../../support/credentials.ts';

const HIDDEN = '[content withheld]';
const redactor = (options: Partial<RedactionOptions> = {}) =>
  new Redactor({
    content: 'none',
    remove: [],
    noContentTeams: new Set(),
    noContentKeys: new Set(),
    ...options,
  });
const redact = (event: Record<string, unknown>, options: Partial<RedactionOptions> = {}) =>
  redactor(options).redact(JSON.parse(JSON.stringify(event)));

describe('withheld content', () => {
  test.each<{ name: string; said: Record<string, unknown>; kept: Record<string, unknown> }>([
    {
      name: 'a chat',
      said: {
        messages: [
          { role: 'system', content: 'Be kind.' },
          {
            role: 'user',
            name: 'Dana',
            content: [
              { type: 'text', text: 'hi' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
            ],
          },
          { role: 'tool', name: 'weather', tool_call_id: 'call_1', content: '{"rain":true}' },
          { role: 'user', content: '' },
        ],
      },
      kept: {
        messages: [
          { role: 'system', content: HIDDEN },
          {
            role: 'user',
            name: HIDDEN,
            content: [
              { type: 'text', text: HIDDEN },
              { type: 'image_url', image_url: { url: HIDDEN, detail: 'low' } },
            ],
          },
          { role: 'tool', name: 'weather', tool_call_id: 'call_1', content: HIDDEN },
          { role: 'user', content: '' },
        ],
      },
    },
    {
      name: 'a response with tool calls',
      said: {
        response: {
          id: 'chatcmpl-1',
          object: 'chat.completion',
          model: 'gpt-4.1-mini',
          created: 5,
          choices: [
            {
              index: 0,
              finish_reason: 'tool_calls',
              message: {
                role: 'assistant',
                content: null,
                reasoning_content: 'hm',
                tool_calls: [
                  {
                    id: 'call_1',
                    type: 'function',
                    function: { name: 'set_oven', arguments: '{"degrees":180}' },
                  },
                ],
              },
              logprobs: { content: [{ token: 'Hi', bytes: [72, 105], logprob: -0.5 }] },
            },
          ],
          usage: { prompt_tokens: 31, service_tier: 'default' },
        },
      },
      kept: {
        response: {
          id: 'chatcmpl-1',
          object: 'chat.completion',
          model: 'gpt-4.1-mini',
          created: 5,
          choices: [
            {
              index: 0,
              finish_reason: 'tool_calls',
              message: {
                role: 'assistant',
                content: null,
                reasoning_content: HIDDEN,
                tool_calls: [
                  { id: 'call_1', type: 'function', function: { name: 'set_oven', arguments: HIDDEN } },
                ],
              },
              logprobs: { content: [{ token: HIDDEN, bytes: HIDDEN, logprob: -0.5 }] },
            },
          ],
          usage: { prompt_tokens: 31, service_tier: 'default' },
        },
      },
    },
    {
      name: 'Anthropic blocks',
      said: {
        messages: [
          {
            role: 'assistant',
            content: [{ type: 'tool_use', id: 'toolu_1', name: 'find', input: { 'Dana Moreau': 'ill' } }],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'x y' }] },
            ],
          },
          {
            role: 'user',
            content: [
              {
                type: 'document',
                source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0' },
              },
            ],
          },
        ],
      },
      kept: {
        messages: [
          { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'find', input: HIDDEN }] },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: HIDDEN }] },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: HIDDEN } },
            ],
          },
        ],
      },
    },
    {
      name: 'Responses items',
      said: {
        messages: {
          instructions: 'Be',
          input: [{ type: 'function_call_output', call_id: 'call_2', output: 'sunny' }],
        },
        response: {
          status: 'completed',
          output: [
            {
              type: 'message',
              id: 'msg_1',
              role: 'assistant',
              content: [{ type: 'output_text', text: 'hi', annotations: [] }],
            },
          ],
          metadata: { topic: 'x' },
        },
      },
      kept: {
        messages: {
          instructions: HIDDEN,
          input: [{ type: 'function_call_output', call_id: 'call_2', output: HIDDEN }],
        },
        response: {
          status: 'completed',
          output: [
            {
              type: 'message',
              id: 'msg_1',
              role: 'assistant',
              content: [{ type: 'output_text', text: HIDDEN, annotations: [] }],
            },
          ],
          metadata: HIDDEN,
        },
      },
    },
    {
      name: 'tools',
      said: {
        model_parameters: {
          temperature: 0.5,
          stop: ['END now'],
          tool_choice: 'auto',
          tools: [
            {
              type: 'function',
              function: {
                name: 'f_1',
                description: 'd e',
                parameters: {
                  type: 'object',
                  properties: { name: { type: 'string', enum: ['Dana'] } },
                  required: ['name'],
                },
              },
            },
          ],
        },
      },
      kept: {
        model_parameters: {
          temperature: 0.5,
          stop: [HIDDEN],
          tool_choice: 'auto',
          tools: [
            {
              type: 'function',
              function: {
                name: 'f_1',
                description: HIDDEN,
                parameters: {
                  type: 'object',
                  properties: { name: { type: 'string', enum: [HIDDEN] } },
                  required: [HIDDEN],
                },
              },
            },
          ],
        },
      },
    },
    {
      name: 'embeddings',
      said: {
        messages: [[1, 2], [3]],
        response: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.1, 0.2] }] },
      },
      kept: {
        messages: [HIDDEN, HIDDEN],
        response: { object: 'list', data: [{ object: 'embedding', index: 0, embedding: HIDDEN }] },
      },
    },
    {
      name: 'errors',
      said: {
        error_str: 'said hi',
        error_information: {
          error_code: '400',
          error_class: 'BadRequestError',
          llm_provider: 'openai',
          error_message: 'said hi',
          traceback: 'line',
          new_one: 'hi',
        },
        response_cost_failure_debug_info: { error_str: 'hi', call_type: 'acompletion' },
      },
      kept: {
        error_str: HIDDEN,
        error_information: {
          error_code: '400',
          error_class: 'BadRequestError',
          llm_provider: 'openai',
          error_message: HIDDEN,
          traceback: HIDDEN,
          new_one: HIDDEN,
        },
        response_cost_failure_debug_info: { error_str: HIDDEN, call_type: HIDDEN },
      },
    },
    {
      name: 'input and output of guardrails',
      said: {
        guardrail_information: [
          {
            guardrail_name: 'pre',
            guardrail_mode: ['pre_call'],
            guardrail_status: 'success',
            duration: 0.1,
            guardrail_response: 'allow',
          },
          {
            guardrail_name: 'pii',
            guardrail_request: { text: 'hi' },
            guardrail_response: [{ entity: 'Dana', score: 1 }],
            masked_entity_count: { PERSON: 1 },
            match_details: ['Dana'],
          },
        ],
      },
      kept: {
        guardrail_information: [
          {
            guardrail_name: 'pre',
            guardrail_mode: ['pre_call'],
            guardrail_status: 'success',
            duration: 0.1,
            guardrail_response: 'allow',
          },
          {
            guardrail_name: 'pii',
            guardrail_request: { text: HIDDEN },
            guardrail_response: [{ entity: HIDDEN, score: 1 }],
            masked_entity_count: { PERSON: 1 },
            match_details: [HIDDEN],
          },
        ],
      },
    },
    {
      name: 'metadata and headers',
      said: {
        metadata: {
          user_api_key_hash: 'h1',
          user_api_key_team_alias: 'Payments',
          user_api_key_auth_metadata: { note: 'x' },
          requester_metadata: { topic: 'x', headers: { host: 'h' } },
          spend_logs_metadata: {},
          requester_custom_headers: {
            'x-team-notes': 'spring',
            'x-forwarded-for': '203.0.113.7',
            'x-my-token': 'secret',
          },
          mcp_tool_call_metadata: {
            name: 'find',
            arguments: { q: 'Dana' },
            result: { content: [{ type: 'text', text: 'ill' }] },
          },
          vector_store_request_metadata: [{ query: 'Dana' }],
        },
        request_headers: {
          'user-agent': 'u/1',
          'x-note': '[present]',
          'x-other': 'words',
          'x-litellm-spend-logs-metadata': '{"a":1}',
        },
      },
      kept: {
        metadata: {
          user_api_key_hash: 'h1',
          user_api_key_team_alias: 'Payments',
          user_api_key_auth_metadata: HIDDEN,
          requester_metadata: HIDDEN,
          spend_logs_metadata: {},
          requester_custom_headers: {
            'x-team-notes': HIDDEN,
            'x-forwarded-for': '203.0.113.7',
            'x-my-token': '[REDACTED]',
          },
          mcp_tool_call_metadata: {
            name: 'find',
            arguments: HIDDEN,
            result: { content: [{ type: 'text', text: HIDDEN }] },
          },
          vector_store_request_metadata: [HIDDEN],
        },
        request_headers: {
          'user-agent': 'u/1',
          'x-note': '[present]',
          'x-other': HIDDEN,
          'x-litellm-spend-logs-metadata': HIDDEN,
        },
      },
    },
    {
      name: 'odd shapes',
      said: {
        messages: 'hi there',
        response: 5,
        metadata: "{'a': 'b'}",
        id: { text: 'hi' },
        new_field: { deep: [['hi', 4, true]] },
      },
      kept: {
        messages: HIDDEN,
        response: HIDDEN,
        metadata: HIDDEN,
        id: { text: HIDDEN },
        new_field: { deep: [[HIDDEN, 4, true]] },
      },
    },
  ])('keeps the shape of $name', ({ said, kept }) => {
    expect(redact(said).event).toEqual(kept);
    expect(redact(kept).event).toEqual(kept);
  });

  test('keeps values that say nothing of the content', () => {
    const event = {
      id: 'chatcmpl-1',
      litellm_call_id: 'c-1',
      call_type: 'acompletion',
      status: 'success',
      status_fields: { llm_api_status: 'success', guardrail_status: 'not_run' },
      model: 'openai/gpt-4.1-mini',
      startTime: 1.5,
      request_tags: ['User-Agent: OpenAI'],
      end_user: 'customer-1',
      user_agent: 'OpenAI/JS',
      cost_breakdown: { input_cost: 1 },
      model_map_information: { model_map_key: 'k', model_map_value: { litellm_provider: 'openai' } },
      hidden_params: { litellm_model_name: 'm', additional_headers: { 'llm_provider-date': 'Sat' } },
    };
    expect(redact(event)).toEqual({ event, erased: [], masked: [] });
  });

  test.each([
    ['redacted-by-litellm', 'redacted-by-litellm'],
    [
      "redacted by litellm. 'litellm.turn_off_message_logging=True'",
      "redacted by litellm. 'litellm.turn_off_message_logging=True'",
    ],
    ['Write redacted-by-litellm after my name, Dana', HIDDEN],
  ])("keeps LiteLLM's own placeholder only as a whole text: %j", (content, kept) => {
    expect(redact({ messages: [{ role: 'user', content }] }).event).toEqual({
      messages: [{ role: 'user', content: kept }],
    });
  });
});

describe('teams and keys without content', () => {
  const lists = {
    content: 'full' as const,
    noContentTeams: new Set(['t-1', 'Payments']),
    noContentKeys: new Set(['h-1', 'bot']),
  };

  test.each<[string, unknown, boolean]>([
    ['hide that of a team by its id', { user_api_key_team_id: 't-1' }, false],
    [
      'hide that of a team by its alias',
      { user_api_key_team_id: 't-9', user_api_key_team_alias: 'Payments' },
      false,
    ],
    ['hide that of a key by its hash', { user_api_key_hash: 'h-1', user_api_key_team_id: 't-9' }, false],
    ['hide that of a key by its alias', { user_api_key_alias: 'bot' }, false],
    ['keep that of another team', { user_api_key_team_id: 't-9' }, true],
    [
      'keep that of another key without a team',
      { user_api_key_hash: 'h-9', user_api_key_team_id: null },
      true,
    ],
    [
      'hide that of a call without team and key',
      { user_api_key_team_id: '', user_api_key_hash: null },
      false,
    ],
    ['hide that of an event without metadata', undefined, false],
    ['hide that of an event with metadata as text', "{'user_api_key_team_id': 't-9'}", false],
  ])('%s', (_, metadata, isKept) => {
    const event = { messages: 'hi there', metadata };
    expect(redactor(lists).text('no Dana', event)).toBe(isKept ? 'no Dana' : HIDDEN);
    expect(redact(event, lists).event.messages).toBe(isKept ? 'hi there' : HIDDEN);
    expect(redact(event, { content: 'full' }).event.messages).toBe('hi there');
  });

  test('hide a text of an event as they hide its messages', () => {
    const text = `dana@mail.example AKIA${capitals(16)}`;
    expect(redactor({ content: 'full' }).text(text, {})).toBe('dana@mail.example [REDACTED]');
    expect(redactor({ content: 'redacted' }).text(text, {})).toBe('[REDACTED] [REDACTED]');
    expect(redactor().text(text, {})).toBe(HIDDEN);
  });
});

describe('any JSON', () => {
  /** Marsaglia's xorshift, so that a failure can be repeated by its seed. */
  const randomOf = (seed: number) => () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32;
  };
  const KEYS =
    `role type id name model content text tool_calls function arguments input output parameters metadata headers
    detail status object properties url image_url finish_reason data usage api_base password choices message`.split(
      /\s+/,
    );

  test('keeps its shape and loses its texts in every place', () => {
    let count = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const random = randomOf(seed * 2654435761);
      const said: string[] = [];
      const say = () => {
        const text = `${['Zorp', 'quux ', 'wibble wobble ', 'Ünïcode ', 'x@y.zz '][Math.floor(random() * 5)]}zq${seed} word${said.length}`;
        said.push(text);
        return text;
      };
      const any = (depth: number): unknown => {
        const roll = random();
        if (depth === 0 || roll < 0.35) return say();
        if (roll < 0.45) return [null, true, 7, ''][Math.floor(random() * 4)];
        if (roll < 0.65) return Array.from({ length: Math.floor(random() * 4) }, () => any(depth - 1));
        const keys = Array.from(
          { length: Math.floor(random() * 5) },
          () => KEYS[Math.floor(random() * KEYS.length)]!,
        );
        return Object.fromEntries(keys.map((key) => [key, any(depth - 1)]));
      };
      const messages = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i) => ({
        role: ['user', 'assistant', 'tool'][i],
        content: any(4),
        extra: any(2),
      }));
      const event = {
        messages,
        response: any(5),
        new_field: any(4),
        error_str: say(),
        metadata: { new_field: any(3) },
      };
      const { event: clean } = redact(event);
      const text = JSON.stringify(clean);
      for (const one of said) expect(text.includes(one), `seed ${seed}: ${one}`).toBe(false);
      expect(text, `seed ${seed}`).not.toMatch(/zq\d/);
      expect((clean.messages as typeof messages).map(({ role }) => role)).toEqual(
        messages.map(({ role }) => role),
      );
      expect(difference(event, clean), `seed ${seed}`).toBeUndefined();
      count += said.length;
    }
    expect(count).toBeGreaterThan(10_000);
  });

  /** Where the shapes differ: a list of another length, an object with other keys, unless withheld as a whole. */
  function difference(before: unknown, after: unknown, path = ''): string | undefined {
    if (after === HIDDEN || after === '[REDACTED]') return undefined;
    if (typeof before !== 'object' || before === null) return before === after ? undefined : path;
    if (typeof after !== 'object' || after === null || Array.isArray(before) !== Array.isArray(after))
      return path;
    const keys = Object.keys(before);
    if (keys.join() !== Object.keys(after).join()) return path;
    for (const key of keys) {
      const inner = difference((before as never)[key], (after as never)[key], `${path}/${key}`);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }
});
