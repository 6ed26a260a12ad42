import { afterAll, expect, test } from 'vitest';
import { testBridge } from '../../support/bridge.ts';

type HeadersInit = NonNullable<RequestInit['headers']>;

const PATH = '/beta/litellm_basic_guardrail_api';
const CALL = JSON.stringify({ input_type: 'request', texts: ['hello'] });

const bridge = testBridge({ BRIDGE_API_KEYS: 'new-key, old-key,,' });
const open = testBridge({});
afterAll(() => Promise.all([bridge.close(), open.close()]));

const post = (headers: HeadersInit, { app } = bridge, path = PATH) =>
  app.request(path, { method: 'POST', body: CALL, headers });

test.each<{ name: string; headers: HeadersInit }>([
  { name: 'x-api-key', headers: { 'x-api-key': 'new-key' } },
  { name: 'x-api-key in capitals', headers: { 'X-API-KEY': 'new-key' } },
  { name: 'the key that is being rotated out', headers: { 'x-api-key': 'old-key' } },
  { name: 'Authorization: Bearer', headers: { authorization: 'Bearer new-key' } },
  { name: 'bearer in lower case and more spaces', headers: { authorization: 'bearer   old-key  ' } },
  { name: 'both', headers: { 'x-api-key': 'new-key', authorization: 'Bearer old-key' } },
  { name: 'a wrong one beside a right one', headers: { 'x-api-key': 'no', authorization: 'Bearer new-key' } },
  { name: 'a right one beside a wrong one', headers: { 'x-api-key': 'new-key', authorization: 'Basic x' } },
])('$name lets a caller in', async ({ headers }) => {
  for (const path of [PATH, '/']) {
    const response = await post(headers, bridge, path);
    expect([response.status, await response.json()]).toEqual([200, { action: 'NONE' }]);
  }
});

test.each<{ name: string; headers: HeadersInit }>([
  { name: 'nothing', headers: {} },
  { name: 'an empty key', headers: { 'x-api-key': '', authorization: '' } },
  { name: 'a wrong key', headers: { 'x-api-key': 'wrong' } },
  { name: 'a key in capitals', headers: { 'x-api-key': 'NEW-KEY' } },
  { name: 'the start of a key', headers: { 'x-api-key': 'new-ke' } },
  { name: 'more than a key', headers: { 'x-api-key': 'new-key2' } },
  { name: 'the whole list', headers: { 'x-api-key': 'new-key, old-key,,' } },
  {
    name: 'two keys in one header each',
    headers: [
      ['x-api-key', 'new-key'],
      ['x-api-key', 'old-key'],
    ],
  },
  { name: 'Bearer without a key', headers: { authorization: 'Bearer ' } },
  { name: 'the key without Bearer', headers: { authorization: 'new-key' } },
  { name: 'Bearer in x-api-key', headers: { 'x-api-key': 'Bearer new-key' } },
  { name: 'Basic', headers: { authorization: `Basic ${btoa('new-key:new-key')}` } },
  { name: 'two words after Bearer', headers: { authorization: 'Bearer new-key old-key' } },
  { name: 'letters beyond ASCII', headers: { 'x-api-key': '\u00e9\u00ff' } },
  { name: 'a key of kilobytes', headers: { 'x-api-key': 'new-key'.repeat(1000) } },
  { name: 'a cookie', headers: { cookie: 'x-api-key=new-key' } },
])('$name gets a 401 that names the header', async ({ headers }) => {
  for (const path of [PATH, '/']) {
    const response = await post(headers, bridge, path);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { type: 'unauthorized', field: 'x-api-key' } });
  }
});

test('a call with a wrong key is not read: the key comes before all other mistakes', async () => {
  const response = await bridge.app.request(PATH, {
    method: 'POST',
    body: 'not JSON',
    headers: { 'content-encoding': 'gzip' },
  });
  expect(response.status).toBe(401);
});

test('a bridge without keys needs none from callers', async () => {
  for (const headers of [{}, { 'x-api-key': 'any' }, { authorization: 'Basic x' }]) {
    expect((await post(headers, open)).status).toBe(200);
  }
});

test.each(['/healthz', '/readyz', '/metrics'])('%s needs no key', async (path) => {
  expect((await bridge.app.request(path)).status).toBe(200);
});
