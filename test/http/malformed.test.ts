import { afterAll, beforeAll, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { type Listening, listen } from '../support/listen.ts';
import { connect, rawPost } from '../support/raw-client.ts';

const bridge = testBridge({});
let server: Listening;

beforeAll(async () => {
  server = await listen(bridge);
});
afterAll(async () => {
  await server.close();
  await bridge.close();
});

test.each([
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n' },
  { name: 'TLS', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
  {
    name: 'a header of megabytes',
    bytes: `POST / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(2_000_000)}\r\n\r\n`,
  },
  {
    name: 'two lengths',
    bytes: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
  },
  {
    name: 'a length and chunks',
    bytes: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  },
  { name: 'a negative length', bytes: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n' },
  {
    name: 'broken chunks',
    bytes: 'POST / HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
  },
  { name: 'no host', bytes: 'POST / HTTP/1.1\r\n\r\n' },
  { name: 'a host that is none', bytes: 'POST / HTTP/1.1\r\nhost: a b/c\\d\r\ncontent-length: 0\r\n\r\n' },
  { name: 'a path that is none', bytes: 'POST \\\\x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n' },
  { name: 'a tunnel', bytes: 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n' },
  { name: 'TRACE', bytes: 'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n' },
  {
    name: 'an upgrade',
    bytes: 'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  },
])('$name gets a 4xx or nothing, and the next caller is served', async ({ bytes }) => {
  const raw = await connect(server.port);
  raw.write(Buffer.from(bytes, 'latin1'));
  const status = await Promise.race([
    raw.reply().then(({ status }) => status),
    raw.closed.then(() => 0),
  ]).catch(() => 0);
  if (status !== 0) expect(Math.floor(status / 100)).toBe(4);
  raw.destroy();
  const next = await connect(server.port);
  next.write(rawPost({ input_type: 'request' }));
  expect(await next.reply()).toMatchObject({ status: 200, body: '{"action":"NONE"}' });
  next.destroy();
});
