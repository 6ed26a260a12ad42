import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RedactionOptions } from '../../../src/config/config.ts';
import { Redactor } from '../../../src/records/redact/redact.ts';
import { capitals, fill, jwt } from '../../support/credentials.ts';
import { growthOf } from '../../support/linear.ts';

const AWS = `AKIA${capitals(16)}`;
const MAIL = 'dana@mail.example';

const redactor = (options: Partial<RedactionOptions> = {}) =>
  new Redactor({
    content: 'full',
    remove: [],
    noContentTeams: new Set(),
    noContentKeys: new Set(),
    ...options,
  });
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const redact = (event: Record<string, unknown>, options: Partial<RedactionOptions> = {}) =>
  redactor(options).redact(copy(event));

/** Every event that LiteLLM sent in the recordings. */
const recorded = ['logs-1.106.2', 'logs-1.110.2'].flatMap((dir) =>
  readdirSync(new URL(`../../fixtures/${dir}/`, import.meta.url)).flatMap((file) => {
    const { log_posts = [] } = JSON.parse(
      readFileSync(new URL(`../../fixtures/${dir}/${file}`, import.meta.url), 'utf8'),
    );
    return (log_posts as { body: string }[]).flatMap(
      ({ body }, post): [string, Record<string, unknown>][] => {
        if (!body.startsWith('[')) return [];
        return JSON.parse(body)
          .filter((event: unknown) => typeof event === 'object' && event !== null)
          .map((event: Record<string, unknown>, row: number) => [`${dir}/${file} ${post}/${row}`, event]);
      },
    );
  }),
);

describe('full content', () => {
  const isSecret = ([name]: [string, unknown]) => name.includes('secret-headers');

  const isWhole = (one: [string, unknown]) => !isSecret(one);
  test.each(recorded.filter(isWhole))('%s stays as it is', (_, event) => {
    expect(redact(event)).toEqual({ event, erased: [], masked: [] });
  });

  test.each(recorded.filter(isSecret))('%s loses its credentials alone', (_, event) => {
    const { event: clean, masked } = redact(event);
    expect(masked).toContain('/metadata/requester_custom_headers/x-my-token');
    for (const pointer of masked) expect(pointer).toMatch(/headers\/[\w-]*(?:token|authorization)/);
    expect(JSON.stringify(clean)).not.toMatch(/invented-token|Bearer invented/);
  });

  test('a credential in any text is replaced in its place', () => {
    const { event, masked } = redact({
      messages: [{ role: 'user', content: [{ type: 'text', text: `a ${AWS} b` }] }],
      response: { choices: [{ message: { tool_calls: [{ function: { arguments: `{"k":"${AWS}"}` } }] } }] },
      error_str: `Bad key ${jwt}`,
      some_new_field: [[AWS]],
      end_user: MAIL,
    });
    expect(event).toEqual({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'a [REDACTED] b' }] }],
      response: {
        choices: [{ message: { tool_calls: [{ function: { arguments: '{"k":"[REDACTED]"}' } }] } }],
      },
      error_str: 'Bad key [REDACTED]',
      some_new_field: [['[REDACTED]']],
      end_user: MAIL,
    });
    expect(masked).toEqual([
      '/messages/0/content/0/text',
      '/response/choices/0/message/tool_calls/0/function/arguments',
      '/error_str',
      '/some_new_field/0/0',
    ]);
  });

  test('a credential as a key is replaced, and not told by a pointer', () => {
    const { event, masked, erased } = redact(
      { response: { input: { [AWS]: { password: 'x1' }, [jwt]: 2, gone: { [AWS]: 3 } } } },
      { remove: [['response', 'input', 'gone', '*']] },
    );
    expect(event).toEqual({
      response: { input: { '[REDACTED]': { password: '[REDACTED]' }, '[REDACTED] 2': 2, gone: {} } },
    });
    expect(JSON.stringify([masked, erased])).not.toMatch(/AKIA|eyJ/);
  });

  test.each([
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'Set-Cookie',
    'x-api-key',
    'api-key',
    'api_key',
    'apiKey',
    'password',
    'secret',
    'client_secret',
    'access_token',
    'refresh_token',
    'id_token',
    'private_key',
    'aws_secret_access_key',
    'aws_session_token',
    'x-litellm-api-key',
    'x-goog-api-key',
    'Ocp-Apim-Subscription-Key',
  ])('the value of %s is a credential', (name) => {
    for (const value of ['hunter two', 1234, ['a', 'b'], { value: 'a' }]) {
      const { event, masked } = redact({ metadata: { deep: [{ [name]: value }] } });
      expect(event).toEqual({ metadata: { deep: [{ [name]: '[REDACTED]' }] } });
      expect(masked).toEqual([`/metadata/deep/0/${name}`]);
    }
    for (const value of [null, '', true, [], {}, '[present]', '***REDACTED***', 'redacted-by-litellm']) {
      expect(redact({ a: { [name]: value } })).toEqual({
        event: { a: { [name]: value } },
        erased: [],
        masked: [],
      });
    }
  });

  test('counters, identities and schemas are no credentials', () => {
    const event = {
      prompt_tokens: 31,
      cache_key: 'c0ffee',
      model_parameters: {
        max_tokens: 200,
        tools: [{ function: { parameters: { properties: { password: { type: 'string' } } } } }],
      },
      response: { choices: [{ logprobs: { content: [{ token: ' Hello', logprob: -0.1 }] } }] },
      metadata: {
        user_api_key_hash: fill(64, '0123456789abcdef'),
        user_api_key_alias: 'checkout',
        used_client_oauth_token: false,
        usage_object: { total_tokens: 4, completion_tokens_details: { reasoning_tokens: 3 } },
      },
      hidden_params: {
        additional_headers: {
          'x-ratelimit-remaining-tokens': '39999',
          'llm_provider-x-ratelimit-reset-tokens': '6m0s',
        },
      },
    };
    expect(redact(event)).toEqual({ event, erased: [], masked: [] });
  });

  test('headers by names that vendors invented are credentials', () => {
    const { event } = redact({
      metadata: {
        requester_custom_headers: { 'x-acme-auth': 'a', 'x-team-notes': 'spring', 'X-Session-Key': 'b' },
        requester_metadata: { headers: { 'x-my-token': 'c', host: 'h' }, 'x-my-token': 'not a header' },
      },
      request_headers: [
        ['x-acme-secret', 'd'],
        ['accept', '*/*'],
      ],
    });
    expect(event).toEqual({
      metadata: {
        requester_custom_headers: {
          'x-acme-auth': '[REDACTED]',
          'x-team-notes': 'spring',
          'X-Session-Key': '[REDACTED]',
        },
        requester_metadata: {
          headers: { 'x-my-token': '[REDACTED]', host: 'h' },
          'x-my-token': 'not a header',
        },
      },
      request_headers: [
        ['x-acme-secret', '[REDACTED]'],
        ['accept', '*/*'],
      ],
    });
  });

  test.each([
    ['https://api.example/v1', 'https://api.example/v1'],
    ['https://me:pa@ss@api.example/v1?key=1#x', 'https://api.example/v1'],
    ['https://api.example/v1/m:generate?key=1', 'https://api.example/v1/m:generate'],
    ['https://api.example/@scope/x', 'https://api.example/@scope/x'],
    ['https://api.example?k', 'https://api.example'],
    ['me:secret@api.example:8080', 'api.example:8080'],
    ['', ''],
  ])('the address %j is kept as %j', (api_base, bare) => {
    expect(redact({ api_base, hidden_params: { api_base } }).event).toEqual({
      api_base: bare,
      hidden_params: { api_base: bare },
    });
  });
});

describe('redacted content', () => {
  test('loses personal data in its texts, and keeps identities and media', () => {
    const base64 = `data:image/png;base64,${'iVBORw0KGgo+'.repeat(100)}`;
    const event = {
      end_user: MAIL,
      requester_ip_address: '203.0.113.7',
      metadata: { user_api_key_user_email: MAIL, spend_logs_metadata: { contact: MAIL } },
      messages: [
        { role: 'user', name: MAIL, content: `I am ${MAIL}` },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: base64 } }] },
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1', function: { name: 'send', arguments: `{"to":"${MAIL}"}` } }],
        },
      ],
      error_str: `not ${MAIL}, ${AWS}`,
      new_field: MAIL,
    };
    const { event: clean, masked } = redact(event, { content: 'redacted' });
    expect(clean).toEqual({
      end_user: MAIL,
      requester_ip_address: '203.0.113.7',
      metadata: { user_api_key_user_email: MAIL, spend_logs_metadata: { contact: '[REDACTED]' } },
      messages: [
        { role: 'user', name: '[REDACTED]', content: 'I am [REDACTED]' },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: base64 } }] },
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1', function: { name: 'send', arguments: '{"to":"[REDACTED]"}' } }],
        },
      ],
      error_str: 'not [REDACTED], [REDACTED]',
      new_field: '[REDACTED]',
    });
    expect(masked).toHaveLength(6);
  });
});

describe('a list of pointers', () => {
  const remove = (event: Record<string, unknown>, ...pointers: string[][]) =>
    redact(event, { remove: pointers });

  test('takes out the values it points to', () => {
    const { event, erased } = remove(
      { a: { b: 1, 'c/d': 2, 'e~f': 3, '': 4 }, list: [1, 2, 3, 4], text: 'x', keep: 0 },
      ['a', 'c/d'],
      ['a', 'e~f'],
      ['a', ''],
      ['list', '0'],
      ['list', '2'],
      ['text'],
    );
    expect(event).toEqual({ a: { b: 1 }, list: [2, 4], keep: 0 });
    expect(erased).toEqual(['/a/c~1d', '/a/e~0f', '/a/', '/list/0', '/list/2', '/text']);
  });

  test('matches any key or index with an asterisk', () => {
    const { event, erased } = remove(
      {
        messages: [{ name: 'a', role: 'user' }, { role: 'user' }, { name: 'b' }],
        bag: { x: { y: 1 }, z: 2 },
      },
      ['messages', '*', 'name'],
      ['bag', '*'],
    );
    expect(event).toEqual({ messages: [{ role: 'user' }, { role: 'user' }, {}], bag: {} });
    expect(erased).toEqual(['/messages/0/name', '/messages/2/name', '/bag/x', '/bag/z']);
  });

  test.each([
    ['missing'],
    ['list', '9'],
    ['list', '-'],
    ['list', '01'],
    ['list', 'length'],
    ['text', '0'],
    ['none', 'a'],
    ['toString'],
    ['__proto__'],
    ['constructor', 'name'],
  ])('skips places that do not exist: %s %s', (...pointer) => {
    const event = { list: [1], text: 'x', none: null };
    expect(
      remove(
        event,
        pointer.filter((segment) => segment !== undefined),
      ),
    ).toEqual({ event, erased: [], masked: [] });
  });

  test('may name a place and another one within it', () => {
    const { event, erased } = remove({ a: { b: 1 } }, ['a'], ['a', 'b'], ['*']);
    expect(event).toEqual({});
    expect(erased).toEqual(['/a', '/a/b']);
  });

  test('applies after the rule for teams, and tells no key where content is withheld', () => {
    const options = {
      remove: [
        ['metadata', 'user_api_key_team_id'],
        ['metadata', 'requester_metadata', '*'],
      ],
    };
    const event = {
      messages: 'hello',
      metadata: { user_api_key_team_id: 't1', requester_metadata: { 'a secret topic': 1, another: 2 } },
    };
    const { event: clean, erased } = redact(event, { ...options, noContentTeams: new Set(['t1']) });
    expect(clean).toEqual({ messages: '[content withheld]', metadata: { requester_metadata: {} } });
    expect(erased).toEqual(['/metadata/user_api_key_team_id', '/metadata/requester_metadata/*']);
  });

  test('is reported up to a hundred places', () => {
    const { erased, masked } = remove(
      { gone: Array.from({ length: 137 }, () => 1), list: Array.from({ length: 102 }, () => AWS) },
      ['gone', '*'],
    );
    expect(erased).toHaveLength(101);
    expect(erased.at(-1)).toBe('+37 more');
    expect(masked).toHaveLength(101);
    expect(masked.at(-1)).toBe('+2 more');
  });
});

test.each([
  null,
  'text',
  12,
  true,
  [],
  {},
  [null, [1], 'x', { a: null }],
  { role: 5, content: { type: [] }, headers: 'x', metadata: [] },
])('a body of any shape is redacted: %j', (odd) => {
  const event = Object.fromEntries(
    [
      'messages',
      'response',
      'metadata',
      'guardrail_information',
      'error_information',
      'hidden_params',
      'api_base',
    ]
      .concat('status_fields', 'model_parameters', 'id', 'request_headers', '__proto__')
      .map((field) => [field, odd]),
  );
  for (const content of ['full', 'redacted', 'none'] as const) {
    expect(() =>
      redact(event, { content, noContentTeams: new Set(['t']), remove: [['*', '*', 'a']] }),
    ).not.toThrow();
  }
});

test('keys that are credentials keep apart, and take linear time however many they are', () => {
  const letters = (i: number) =>
    [i / 676, i / 26, i].map((n) => String.fromCharCode(65 + (Math.floor(n) % 26)));
  const keyOf = (i: number) => `AKIA${capitals(13)}${letters(i).join('')}`;
  const objectOf = (size: number) =>
    Object.fromEntries(Array.from({ length: size }, (_, i) => [keyOf(i), i]));
  const { event } = redact({ arguments: { ...objectOf(3), '[REDACTED] 2': 'taken' } });
  expect(event).toEqual({
    arguments: { '[REDACTED] 2': 'taken', '[REDACTED]': 0, '[REDACTED] 3': 1, '[REDACTED] 4': 2 },
  });
  const prepare = (size: number) => {
    const events = Array.from({ length: 30 }, () => ({ arguments: objectOf(size) }));
    return () => redactor().redact(events.pop() ?? {});
  };
  expect(growthOf(prepare, 3000)).toBeLessThan(3);
});
