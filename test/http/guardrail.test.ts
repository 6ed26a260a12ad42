import { afterAll, describe, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';

const PATH = '/beta/litellm_basic_guardrail_api';
/** Put together here, so that no scanner takes this file for a leak. */
const SECRET = `AKIA${'IQ7BZK4W2T5RDMLX'}`;

const bridge = testBridge({ BANNED_KEYWORDS: 'nightingale,schlüssel' });
afterAll(() => bridge.close());

async function post(body: unknown, init: RequestInit = {}, path = PATH) {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await bridge.app.request(path, {
    method: 'POST',
    body: text as NonNullable<RequestInit['body']>,
    ...init,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

const NONE = { status: 200, body: { action: 'NONE' } };
const BLOCKED = {
  status: 200,
  body: {
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(
      /^Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}$/,
    ),
  },
};

const KEYS = [
  'litellm_call_id',
  'litellm_trace_id',
  'litellm_version',
  'model',
  'texts',
  'structured_messages',
  'images',
  'tools',
  'tool_calls',
  'request_data',
  'request_headers',
  'additional_provider_specific_params',
];
const call = (fields: object) => ({ input_type: 'request', texts: ['hello'], ...fields });

describe('a guardrail call is accepted', () => {
  const tool = { name: 'look_up', arguments: '{"title":"plum cake"}' };
  test.each<{ name: string; body: object }>([
    { name: 'with nothing but the input_type', body: { input_type: 'request' } },
    { name: 'with nothing but the input_type of a response', body: { input_type: 'response' } },
    {
      name: 'with every other key null',
      body: { input_type: 'request', ...Object.fromEntries(KEYS.map((key) => [key, null])) },
    },
    {
      name: 'with empty lists and objects',
      body: call({ texts: [], images: [], tools: [], request_data: {} }),
    },
    { name: 'with empty and null texts', body: call({ texts: ['', null, ''] }) },
    { name: 'with keys of a later release', body: call({ from_the_future: { nested: [1] }, stream: true }) },
    {
      name: 'with tools that have no function',
      body: call({ tools: [{ type: 'web_search' }, { type: 'mcp', x: 1 }] }),
    },
    { name: 'with tools that are no objects', body: call({ tools: [null, 1, 'web_search', []] }) },
    {
      name: 'with complete tool calls',
      body: call({ tool_calls: [{ id: 'a', type: 'function', function: tool }] }),
    },
    {
      name: 'with chunks of tool calls that have an index, but no id and no name',
      body: call({
        tool_calls: [{ index: 0, id: null, type: null, function: { name: null, arguments: '' } }],
      }),
    },
    {
      name: 'with tool calls that have no function',
      body: call({ tool_calls: [{}, null, { function: null }, 'x'] }),
    },
    {
      name: 'with arguments that are no JSON',
      body: call({ tool_calls: [{ function: { arguments: '{"a":' } }] }),
    },
    {
      name: 'with messages of every shape',
      body: call({
        structured_messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: null, tool_calls: null },
          { role: 'tool', content: [{ type: 'text', text: null }] },
          { role: 'user', content: ['x', null, { type: 'image_url', image_url: null }] },
          null,
          {},
          'x',
        ],
      }),
    },
    {
      name: 'with images as links, data and null',
      body: call({ images: ['https://x.example/a.png', null, ''] }),
    },
    {
      name: 'with numbers of every size',
      body: call({ tools: [{ n: 1e308, m: -1e-307 }], images: [Number.MIN_VALUE] }),
    },
    { name: 'with lone surrogates', body: call({ texts: ['\ud800', 'a\udc00b'] }) },
    { name: 'with null characters', body: call({ texts: ['\u0000'], model: '\u0000' }) },
    { name: 'with an empty model name', body: call({ model: '', litellm_version: 'not.a.version' }) },
    {
      name: 'with headers of every type',
      body: call({ request_headers: { a: 'x', b: null, c: 1, d: ['x'] } }),
    },
    { name: 'with ninety thousand texts', body: call({ texts: Array(90_000).fill('x') }) },
    {
      name: 'with twenty thousand messages',
      body: call({ structured_messages: Array(20_000).fill({ role: 'user', content: 'x' }) }),
    },
    { name: 'with one text of megabytes', body: call({ texts: ['lorem ipsum '.repeat(400_000)] }) },
  ])('$name', async ({ body }) => {
    expect(await post(body)).toMatchObject(NONE);
  });

  test('with keys that every object has, which are data like any other', async () => {
    const own = `{"__proto__":{"texts":["${SECRET}"],"polluted":1},"constructor":{"prototype":{"polluted":1}}`;
    expect(await post(`${own},"input_type":"request"}`)).toMatchObject(NONE);
    expect(await post(`{"input_type":"request","request_headers":${own}}}`)).toMatchObject(NONE);
    expect(await post(`{"input_type":"request","structured_messages":[${own}}]}`)).toMatchObject(BLOCKED);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('with numbers too large for a double, which are data like any other', async () => {
    expect(await post('{"input_type":"request","tools":[{"n":1e999}],"images":[-1e999]}')).toMatchObject(
      NONE,
    );
  });

  test('with bytes that are no UTF-8, and keeps the words around them', async () => {
    const bytes = (text: string) =>
      Buffer.concat([
        Buffer.from('{"input_type":"request","texts":["'),
        Buffer.from([0xff, 0xfe, 0xc3, 0x20, 0xed, 0xa0, 0x80]),
        Buffer.from(`${text}"]}`),
      ]);
    expect(await post(bytes('fine'))).toMatchObject(NONE);
    expect(await post(bytes(` ${SECRET}`))).toMatchObject(BLOCKED);
  });

  test.each(['application/json', 'text/plain', 'application/json; charset=utf-8', ''])(
    'with a content type of "%s"',
    async (type) => {
      expect(await post(call({}), { headers: { 'content-type': type } })).toMatchObject(NONE);
    },
  );

  test('at the bare base path, and with a query', async () => {
    for (const path of ['/', '/?a=b', `${PATH}?a=b`]) {
      expect(await post(call({}), {}, path)).toMatchObject(NONE);
      expect(await post(call({ texts: ['Project NightinGale'] }), {}, path)).toMatchObject(BLOCKED);
    }
  });
});

test.each<{ where: string; body: object }>([
  { where: 'a text of a request', body: { input_type: 'request', texts: ['a', SECRET] } },
  { where: 'a text of a response', body: { input_type: 'response', texts: ['', `key: ${SECRET}`] } },
  {
    where: 'a system prompt that stands only in structured_messages',
    body: call({ structured_messages: [{ role: 'system', content: SECRET }] }),
  },
  {
    where: 'a part of a message',
    body: call({ structured_messages: [{ role: 'user', content: [{ type: 'text', text: SECRET }] }] }),
  },
  {
    where: 'the arguments of a complete tool call',
    body: { input_type: 'response', tool_calls: [{ function: { arguments: `{"key":"${SECRET}"}` } }] },
  },
  {
    where: 'the arguments of a chunk',
    body: { input_type: 'response', tool_calls: [{ index: 0, id: null, function: { arguments: SECRET } }] },
  },
  {
    where: 'the tool calls of a message',
    body: call({
      structured_messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: SECRET } }] }],
    }),
  },
  {
    where: 'arguments with a quote before it',
    body: {
      input_type: 'response',
      tool_calls: [
        {
          function: {
            arguments: JSON.stringify({
              q: `aws_secret_access_key="${'wJalrXUtnFEMI/K7MDENG/'}bPxRfiCYQ7W2ZT9KHQ"`,
            }),
          },
        },
      ],
    },
  },
  {
    where: 'arguments with JSON escapes, as Python writes all but ASCII',
    body: {
      input_type: 'response',
      tool_calls: [{ function: { arguments: '{"q": "der Schl\\u00fcssel"}' } }],
    },
  },
])('a credential in $where blocks', async ({ body }) => {
  expect(await post(body)).toMatchObject(BLOCKED);
});
