import { afterAll, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';

const PATH = '/beta/litellm_basic_guardrail_api';
const bridge = testBridge({});
afterAll(() => bridge.close());

async function post(body: unknown, headers: Record<string, string> = {}, path = PATH) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await bridge.app.request(path, { method: 'POST', body: text, headers });
  return { status: response.status, body: (await response.json()) as unknown };
}

const UNREADABLE = {
  action: 'BLOCKED',
  blocked_reason: expect.stringMatching(
    /^Not allowed: the security check cannot read this call\. \[unreadable\] Reference: [0-9a-f]{16}$/,
  ),
};

const call = (fields: object) => ({ input_type: 'request', texts: ['hello'], ...fields });

test.each<{ name: string; body: unknown; field: string }>([
  { name: 'nothing', body: '', field: 'body' },
  { name: 'text', body: 'hello', field: 'body' },
  { name: 'a cut body', body: JSON.stringify(call({})).slice(0, -3), field: 'body' },
  { name: 'two objects', body: '{"input_type":"request"}{}', field: 'body' },
  { name: 'a byte order mark', body: '\ufeff{"input_type":"request"}', field: 'body' },
  { name: 'a list', body: [call({})], field: 'body' },
  { name: 'a string', body: '"request"', field: 'body' },
  { name: 'null', body: 'null', field: 'body' },
  { name: 'no input_type', body: { texts: ['hello'] }, field: 'input_type' },
  { name: 'an input_type of null', body: { input_type: null }, field: 'input_type' },
  { name: 'another input_type', body: { input_type: 'REQUEST' }, field: 'input_type' },
  { name: 'an input_type that objects have', body: { input_type: 'constructor' }, field: 'input_type' },
  { name: 'an inherited input_type', body: '{"__proto__":{"input_type":"request"}}', field: 'input_type' },
  { name: 'one text', body: call({ texts: 'hello' }), field: 'texts' },
  { name: 'texts by key', body: call({ texts: { 0: 'hello' } }), field: 'texts' },
  { name: 'a number among texts', body: call({ texts: ['a', 1] }), field: 'texts.1' },
  { name: 'messages by key', body: call({ structured_messages: {} }), field: 'structured_messages' },
  { name: 'one tool call', body: call({ tool_calls: { function: {} } }), field: 'tool_calls' },
  { name: 'tools as text', body: call({ tools: '[]' }), field: 'tools' },
  { name: 'images as a number', body: call({ images: 1 }), field: 'images' },
  { name: 'a call id that is a number', body: call({ litellm_call_id: 1 }), field: 'litellm_call_id' },
  { name: 'a model that is an object', body: call({ model: {} }), field: 'model' },
  { name: 'headers as text', body: call({ request_headers: 'a: b' }), field: 'request_headers' },
])('$name is blocked with a 200 that names $field', async ({ body, field }) => {
  const seen = await post(body);
  expect(seen).toMatchObject({
    status: 200,
    body: { ...UNREADABLE, error: { type: 'invalid', field, message: expect.stringMatching(/\w/) } },
  });
  expect(bridge.lines.at(-1)).toMatchObject({
    msg: 'blocked',
    action: 'BLOCKED',
    cause: 'unreadable',
    reason: 'invalid',
    field,
    ref: /[0-9a-f]{16}/.exec((seen.body as { blocked_reason: string }).blocked_reason)?.[0],
  });
});

test('a body that cannot be read is counted', async () => {
  const before = (await bridge.metric('rejected_total{reason="invalid"}')) ?? 0;
  await post('hello');
  expect(await bridge.metric('rejected_total{reason="invalid"}')).toBe(before + 1);
});

test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s gets a 405 that names POST', async (method) => {
  for (const path of [PATH, '/']) {
    const response = await bridge.app.request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(await response.json()).toMatchObject({ error: { type: 'method' } });
  }
});

test.each(['/beta', `${PATH}/`, `/v1${PATH}`, '/../etc/passwd', '/%00', '/%', '//'])(
  'POST %s gets a 404 that says where calls go',
  async (path) => {
    expect(await post(call({}), {}, `http://bridge${path}`)).toMatchObject({
      status: 404,
      body: { error: { type: 'not_found', message: expect.stringContaining(PATH) } },
    });
  },
);

test.each(['gzip', 'br', 'deflate', 'gzip, identity', 'x'])(
  'a content-encoding of %s is blocked with a 200 that names the header',
  async (encoding) => {
    expect(await post(call({}), { 'content-encoding': encoding })).toMatchObject({
      status: 200,
      body: { ...UNREADABLE, error: { field: 'content-encoding' } },
    });
  },
);

test.each(['identity', 'Identity', ''])('a content-encoding of "%s" changes nothing', async (encoding) => {
  expect(await post(call({}), { 'content-encoding': encoding })).toEqual({
    status: 200,
    body: { action: 'NONE' },
  });
});

test.each([PATH, '/'])('a mistake of ours on the way to POST %s blocks, too', async (path) => {
  const body = new ReadableStream({ start: (stream) => stream.error(new Error('no more')) });
  const response = await bridge.app.request(path, { method: 'POST', body, duplex: 'half' } as RequestInit);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(/^Not allowed: the security check could not be completed/),
  });
  expect(bridge.lines.at(-1)).toMatchObject({ msg: 'blocked', cause: 'fail_closed' });
});
