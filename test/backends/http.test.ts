import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as v from 'valibot';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHttp, type Http } from '../../src/backends/http.ts';
import { toFailure } from '../../src/backends/to-failure.ts';
import { STOPPED } from '../../src/guardrail/deadline.ts';
import { BackendError, type Failure } from '../../src/guardrail/failure.ts';
import { deadlineOf, fakeBackend, openHttp } from '../support/closing.ts';
import { type Reply as FakeReply, json, silence } from '../support/fake-backend.ts';

const Reply = v.object({ ok: v.boolean() });
function post(http: Http, url: string, leaving?: AbortSignal, timeoutMs = 15_000) {
  const deadline = deadlineOf({ timeoutMs, parent: leaving });
  const read = (reply: unknown) => v.parse(Reply, reply);
  return http.post(url, '{"texts":1}', { headers: { 'x-one': '1' }, read, deadline });
}

test('a check posts JSON with the given headers and reads the reply by the schema', async () => {
  const vendor = await fakeBackend(json({ ok: true, more: 1 }));
  const http = openHttp();
  expect(await post(http, `${vendor.url}/a/b?c=d`)).toEqual({ ok: true });
  expect(vendor.seen).toMatchObject([
    {
      method: 'POST',
      path: '/a/b',
      headers: { 'content-type': 'application/json', 'x-one': '1', 'content-length': '11' },
      body: { texts: 1 },
    },
  ]);
  expect(vendor.seen[0]?.query.get('c')).toBe('d');
});

test('connections are kept and used again', async () => {
  const sockets = new Set<unknown>();
  const vendor = await fakeBackend((request, response) => {
    sockets.add(response.socket);
    return json({ ok: true })(request, response);
  });
  const http = openHttp();
  for (let i = 0; i < 10; i++) await post(http, vendor.url);
  expect(sockets.size).toBeLessThan(4);
});

test('an aborted call closes its connection', async () => {
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const vendor = await fakeBackend((_, response) => {
    response.once('close', left.resolve);
    arrived.resolve();
  });
  const http = openHttp();
  const leaving = new AbortController();
  const pending = post(http, vendor.url, leaving.signal);
  await arrived.promise;
  leaving.abort();
  await expect(pending).rejects.toThrow();
  await left.promise;
});

test('a call that is aborted before it begins sends nothing', async () => {
  const vendor = await fakeBackend(json({ ok: true }));
  const http = openHttp();
  await expect(post(http, vendor.url, AbortSignal.abort())).rejects.toThrow();
  expect(vendor.seen).toEqual([]);
});

describe('a reply may be as long as four times what was sent, and 1 MB', () => {
  const sent = JSON.stringify({ texts: 'a'.repeat(100_000) });
  const room = 4 * sent.length + 1024 * 1024;
  const replyOf = (bytes: number) => JSON.stringify({ ok: true, padding: 'x'.repeat(bytes - 24) });
  const ways: [string, (body: string) => FakeReply][] = [
    ['with its length', (body) => (_, response) => void response.end(body)],
    [
      'in pieces',
      (body) => (_, response) => {
        response.write(body.slice(0, 500));
        response.end(body.slice(500));
      },
    ],
  ];
  const asked: [string, (url: string) => Promise<unknown>][] = [
    [
      'a check',
      (url) => openHttp().post(url, sent, { read: (reply) => v.parse(Reply, reply), deadline: deadlineOf() }),
    ],
    [
      'a delivery',
      (url) => openHttp().deliver(url, JSON.parse(sent), { schema: Reply, deadline: deadlineOf() }),
    ],
  ];

  test.each(ways.flatMap(([way, write]) => asked.map(([what, ask]) => ({ way, write, what, ask }))))(
    '$what, $way',
    async ({ write, ask }) => {
      const vendor = await fakeBackend(write(replyOf(room)));
      expect(await ask(vendor.url)).toEqual({ ok: true });
      vendor.reply = write(replyOf(room + 1));
      expect(await ask(vendor.url).catch(toFailure)).toEqual({ kind: 'oversize' });
    },
  );
});

test.each([
  ['a reply', 200, { kind: 'oversize' }],
  ['a refusal', 503, { kind: 'http_status', status: 503 }],
])('%s that is too long is not read to its end, and its connection is closed', async (_, status, failure) => {
  const piece = 'x'.repeat(64 * 1024);
  const closed = Promise.withResolvers<number>();
  const vendor = await fakeBackend((_, response) => {
    const { socket } = response;
    response.once('close', () => closed.resolve(socket?.bytesWritten ?? 0));
    response.writeHead(status, { 'content-length': 1e12 });
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  });
  const http = openHttp();
  expect(await post(http, vendor.url).catch(toFailure)).toEqual(failure);
  // The buffers of both sockets hold some of it
  expect(await closed.promise).toBeLessThan(16 * 1024 * 1024);
});

test('a reply may have as many nodes and levels as what was sent, and some around them', async () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const wide = (nodes: number) => `[${'1,'.repeat(nodes)}1]`;
  const limits = { maxJsonNodes: 20_000, maxJsonDepth: 20 };
  const vendor = await fakeBackend();
  const http = openHttp({ limits });
  const echoes = async (padding: number, echo: string) => {
    vendor.reply = (_, response) => void response.end(`{"ok":true,"echo":${echo}}`);
    const sent = JSON.stringify('x'.repeat(padding));
    return http
      .post(vendor.url, sent, { read: (reply) => v.parse(Reply, reply), deadline: deadlineOf() })
      .catch(toFailure);
  };
  expect(await echoes(10, deep(35))).toEqual({ ok: true });
  expect(await echoes(10, deep(36))).toEqual({ kind: 'oversize' });
  expect(await echoes(10, wide(9_000))).toEqual({ ok: true });
  expect(await echoes(10, wide(11_000))).toEqual({ kind: 'oversize' });
  expect(await echoes(100_000, wide(29_000))).toEqual({ ok: true });
  expect(await echoes(100_000, wide(31_000))).toEqual({ kind: 'oversize' });
});

test('every call gets its reply from a server that closes connections at their second call', async () => {
  const used = new WeakSet<object>();
  const vendor = await fakeBackend((request, response) => {
    const socket = response.socket as net.Socket;
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    return json({ ok: true })(request, response);
  });
  const http = openHttp();
  for (let i = 0; i < 6; i++) expect(await post(http, vendor.url)).toEqual({ ok: true });
  expect(vendor.seen.length).toBeGreaterThan(6);
});

test('a connection is tried twice and no more', async () => {
  const vendor = await fakeBackend((_, response) => void response.socket?.destroy());
  const http = openHttp();
  expect(await post(http, vendor.url).catch(toFailure)).toMatchObject({ kind: 'unreachable' });
  expect(vendor.seen).toHaveLength(2);
});

test('a call that is stopped while it waits for a connection ends at once, and is not sent', async () => {
  const vendor = await fakeBackend(silence);
  const http = openHttp();
  const leaving = new AbortController();
  // One call more than there are connections
  const pending = Array.from({ length: 256 }, () => post(http, vendor.url, leaving.signal).catch(String));
  await expect.poll(() => vendor.seen.length, { timeout: 10_000 }).toBe(256);
  await expect(post(http, vendor.url, undefined, 30)).rejects.toBe(STOPPED);
  leaving.abort();
  await Promise.all(pending);
  vendor.reply = json({ ok: true });
  expect(await post(http, vendor.url)).toEqual({ ok: true });
  expect(vendor.seen).toHaveLength(257);
});

test('interim responses and a byte order mark are skipped', async () => {
  const vendor = await fakeBackend((_, response) => {
    response.writeProcessing();
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end('\ufeff{"ok":true}');
  });
  const http = openHttp();
  expect(await post(http, vendor.url)).toEqual({ ok: true });
});

test('a text that arrives in pieces is joined before it is read', async () => {
  const bytes = Buffer.from('{"ok":true,"word":"Zürich"}');
  const vendor = await fakeBackend(async (_, response) => {
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    response.end();
  });
  const http = openHttp();
  const deadline = deadlineOf();
  expect(await http.post(vendor.url, '{}', { read: (reply) => reply, deadline })).toEqual({
    ok: true,
    word: 'Zürich',
  });
});

test('the end of an unsuccessful reply is waited for, up to the deadline', async () => {
  const vendor = await fakeBackend((_, response) => void response.writeHead(503).write('no'));
  const http = openHttp();
  await expect(post(http, vendor.url, undefined, 100)).rejects.toBe(STOPPED);
});

test('the HTTP client is loaded for a request, not before', () => {
  const src = (file: string) =>
    JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'backends', file));
  const script = `import { createHttp } from ${src('http.ts')};
    const loaded = () => Object.keys(require.cache).some((file) => file.includes('undici'));
    const { createRequire } = await import('node:module');
    const require = createRequire(${src('http.ts')});
    const http = createHttp();
    const before = loaded();
    http.open();
    console.log(before, loaded());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 15_000,
  });
  expect(stdout).toBe('false true\n');
});

test('a connection that is never set up does not keep the bridge from ending', async () => {
  // Takes the connection and leaves the client waiting for TLS
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(server, 'connection');
  const http = createHttp();
  const leaving = new AbortController();
  post(http, `https://127.0.0.1:${(server.address() as AddressInfo).port}`, leaving.signal).catch(() => {});
  const [socket] = (await connected) as [net.Socket];
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  leaving.abort();
  const closed = http.close().then(() => 'closed');
  const waited = new Promise((resolve) => setTimeout(resolve, 3000, 'still waiting'));
  expect(await Promise.race([closed, waited])).toBe('closed');
});

test('a backend that still holds a connection open does not keep the bridge from ending', async () => {
  const vendor = await fakeBackend(silence);
  const http = createHttp();
  await expect(post(http, vendor.url, undefined, 100)).rejects.toThrow();
  await http.close();
});

const deliver = (http: Http, url: string, body: unknown = { told: 1 }) =>
  http.deliver(url, body, { headers: { 'x-one': '1' }, schema: Reply, deadline: deadlineOf() });

test('a delivery posts JSON with the headers given and reads the reply by the schema', async () => {
  const vendor = await fakeBackend(json({ ok: true, more: 1 }, 202));
  const http = openHttp();
  expect(await deliver(http, `${vendor.url}/a/b?c=d`, { told: 'ü' })).toEqual({ ok: true });
  expect(vendor.seen).toMatchObject([
    {
      method: 'POST',
      path: '/a/b',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'x-one': '1',
        'content-length': '13',
      },
      body: { told: 'ü' },
    },
  ]);
  expect(vendor.seen[0]?.headers['transfer-encoding']).toBeUndefined();
});

test('a delivery is made again when the backend closes its kept connection just then', async () => {
  const used = new WeakSet<object>();
  const vendor = await fakeBackend((request, response) => {
    const socket = response.socket as net.Socket;
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    return json({ ok: true })(request, response);
  });
  const http = openHttp();
  for (let i = 0; i < 6; i++) expect(await deliver(http, vendor.url)).toEqual({ ok: true });
});

const inTwoMinutes = () => new Date(Date.now() + 120_000).toUTCString();
test.each<{ header: string; is: unknown }>([
  { header: '30', is: 30_000 },
  { header: '0', is: 0 },
  { header: '1.5', is: 1500 },
  { header: 'in two minutes', is: undefined },
  { header: 'Wed, 21 Oct 2015 07:28:00 GMT', is: 0 },
])('a refusal with Retry-After $header asks to wait $is', async ({ header, is }) => {
  const vendor = await fakeBackend(
    (_, response) => void response.writeHead(429, { 'retry-after': header }).end('slow down'),
  );
  const http = openHttp();
  const error = (await deliver(http, vendor.url).catch((thrown) => thrown)) as BackendError;
  expect(error.failure).toEqual({ kind: 'http_status', status: 429 });
  expect([error.refusal.retryAfterMs, error.refusal.reply]).toEqual([is, 'slow down']);
});

test('a refusal with a date in Retry-After asks to wait until then', async () => {
  const vendor = await fakeBackend(
    (_, response) => void response.writeHead(503, { 'retry-after': inTwoMinutes() }).end(),
  );
  const http = openHttp();
  const error = (await deliver(http, vendor.url).catch((thrown) => thrown)) as BackendError;
  expect(error.refusal.retryAfterMs).toBeGreaterThan(0);
  expect(error.refusal.retryAfterMs).toBeLessThanOrEqual(120_000);
});

test('the beginning of a refusal is kept where neither JSON nor inspect shows it', async () => {
  const vendor = await fakeBackend(
    (_, response) => void response.writeHead(400).end('a-prompt '.repeat(1000)),
  );
  const http = openHttp();
  const error = (await deliver(http, vendor.url).catch((thrown) => thrown)) as BackendError;
  expect(error.refusal.reply).toHaveLength(500);
  expect(JSON.stringify(error) + inspect(error)).not.toContain('a-prompt');
});

test('an error of a delivery tells neither the address nor the reply', async () => {
  const vendor = await fakeBackend(json({ ok: 'a-prompt' }));
  const http = openHttp();
  const error = await deliver(http, vendor.url).catch((thrown) => thrown);
  expect(error.failure).toEqual({ kind: 'wrong_shape', field: 'ok' });
  expect(JSON.stringify(error) + inspect(error)).not.toMatch(/a-prompt|127\.0\.0\.1/);
});

const code = (value: string, extra: object = {}) => Object.assign(new Error('x'), { code: value, ...extra });

test.each<{ name: string; error: unknown; failure: Failure }>([
  {
    name: "a backend's own",
    error: new BackendError({ kind: 'no_verdict' }),
    failure: { kind: 'no_verdict' },
  },
  { name: 'a syntax error', error: new SyntaxError('x'), failure: { kind: 'not_json' } },
  { name: 'a refusal', error: code('ECONNREFUSED'), failure: { kind: 'unreachable', code: 'ECONNREFUSED' } },
  { name: 'an unknown host', error: code('ENOTFOUND'), failure: { kind: 'unreachable', code: 'ENOTFOUND' } },
  {
    name: 'a forward proxy that lets nobody through',
    error: code('UND_ERR_ABORTED'),
    failure: { kind: 'unreachable', code: 'UND_ERR_ABORTED' },
  },
  {
    name: 'a failed race of addresses',
    error: new AggregateError([code('ECONNREFUSED')]),
    failure: { kind: 'unreachable', code: 'ECONNREFUSED' },
  },
  {
    name: 'a code in the cause',
    error: new TypeError('fetch failed', { cause: code('UND_ERR_SOCKET') }),
    failure: { kind: 'unreachable', code: 'UND_ERR_SOCKET' },
  },
  {
    name: 'an expired certificate',
    error: code('CERT_HAS_EXPIRED'),
    failure: { kind: 'tls', code: 'CERT_HAS_EXPIRED' },
  },
  {
    name: 'a certificate for another host',
    error: code('ERR_TLS_CERT_ALTNAME_INVALID'),
    failure: { kind: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  },
  { name: 'a broken handshake', error: code('EPROTO'), failure: { kind: 'tls', code: 'EPROTO' } },
])('$name becomes its kind of failure', ({ error, failure }) => {
  expect(toFailure(error)).toEqual(failure);
});

test.each([new TypeError('a mistake of ours'), 'a string', undefined, code('ERR_INVALID_ARG_TYPE')])(
  'what is not known is a bug: %s',
  (error) => {
    expect(toFailure(error)).toEqual({ kind: 'bug', error });
  },
);
