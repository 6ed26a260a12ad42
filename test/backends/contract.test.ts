import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoReply } from '../support/akto.ts';
import { aktoAt, capsuleAt, testBridge } from '../support/bridge.ts';
import { capsuleAllows, capsuleDenies } from '../support/capsule.ts';
import { selfSigned } from '../support/certificate.ts';
import { fakeBackend } from '../support/closing.ts';
import { json, type Reply, silence, startFakeBackend, text } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';
import { oversizedReplies } from '../support/oversized.ts';

const TENANT = '/tenant-7f3a';
const PROMPT = 'the prompt about plums';
const SAID = 'vendor-said-this';
const SECRETS = ['akto-key', 'capsule-token', TENANT, 'http-proxy', 'events/pre', PROMPT, SAID];
const FALLBACKS = ['fail_closed', 'fail_open', 'defer'] as const;

/** Every backend passes all of this file. */
const backends = [
  {
    name: 'akto',
    at: (url: string) => aktoAt(url + TENANT),
    allow: aktoAllows,
    block: aktoBlocks(SAID),
    wrongTypes: aktoReply({ Allowed: 'true', Reason: SAID }),
    wrongShape: json({ data: SAID }),
  },
  {
    name: 'capsule',
    at: (url: string) => capsuleAt(url + TENANT),
    allow: capsuleAllows,
    block: capsuleDenies(SAID),
    wrongTypes: json({ decision: true, reason: SAID }),
    wrongShape: json({ verdict: SAID }),
  },
];

/** The reply, failure and counts of one call with a backend under a fallback. */
async function askUnder(
  backend: (typeof backends)[number],
  fallback: (typeof FALLBACKS)[number],
  url: string,
  timeout = '20',
) {
  const name = backend.name.toUpperCase();
  const bridge = testBridge({
    ...backend.at(url),
    [`${name}_UNREACHABLE_FALLBACK`]: fallback,
    [`${name}_GUARDRAIL_TIMEOUT`]: timeout,
    LOG_LEVEL: 'trace',
  });
  onTestFinished(() => bridge.close());
  const result = await bridge.ask({ input_type: 'request', litellm_call_id: 'call-1', texts: [PROMPT] });
  const metrics = await (await bridge.app.request('/metrics')).text();
  const labels = { backend: backend.name, input_type: 'request' };
  const kinds = [...metrics.matchAll(/^guardrail_bridge_failures_total\{.*kind="(\w+)".*\} 1$/gm)];
  const told = JSON.stringify([bridge.lines, result]);
  return {
    ...result,
    kinds: kinds.map(([, kind]) => kind),
    failure: bridge.lines.find(({ msg }) => msg === 'no verdict')?.failure as { kind: string } | undefined,
    allowed: metric(metrics, 'verdicts_total', { ...labels, mode: 'enforce', verdict: 'allow' }),
    blocked: metric(metrics, 'verdicts_total', { ...labels, mode: 'enforce', verdict: 'block' }),
    bypasses: metric(metrics, 'bypasses_total', { ...labels, fallback }),
    leaked: SECRETS.filter((secret) => told.includes(secret)),
  };
}

describe.each(backends)('$name', (backend) => {
  test('the caller gets an allow and a block as such', async () => {
    const vendor = await fakeBackend(backend.allow);
    const passed = await askUnder(backend, 'fail_closed', vendor.url);
    expect(passed).toMatchObject({ status: 200, reply: { action: 'NONE' }, allowed: 1, kinds: [] });
    vendor.reply = backend.block;
    const stopped = await askUnder(backend, 'fail_open', vendor.url);
    expect(stopped).toMatchObject({ status: 200, reply: { action: 'BLOCKED' }, blocked: 1, kinds: [] });
    expect([passed.leaked, stopped.leaked]).toEqual([[], []]);
  });

  const status = (code: number) => ({
    name: `a ${code}`,
    reply: text(`<html>${SAID}</html>`, code),
    failure: { kind: 'http_status', status: code },
  });
  const rows: { name: string; reply: Reply; failure: object; timeout?: string }[] = [
    ...[500, 502, 503, 401, 403, 404, 422, 429].map(status),
    { name: 'a verdict under an error status', reply: withStatus(500), failure: { kind: 'http_status' } },
    {
      name: 'a redirect, not followed',
      reply: (_, response) => void response.writeHead(302, { location: `/${SAID}` }).end(),
      failure: { kind: 'http_status', status: 302 },
    },
    { name: 'no JSON', reply: text(`<html>${SAID}</html>`), failure: { kind: 'not_json' } },
    { name: 'half of a JSON', reply: text(`{"data":{"a":"${SAID}`), failure: { kind: 'not_json' } },
    {
      name: 'an empty 200',
      reply: text(''),
      failure: { kind: expect.stringMatching(/not_json|wrong_shape/) },
    },
    { name: 'a 204', reply: text('', 204), failure: { kind: expect.stringMatching(/not_json|wrong_shape/) } },
    { name: 'JSON of another shape', reply: backend.wrongShape, failure: { kind: 'wrong_shape' } },
    { name: 'JSON null', reply: json(null), failure: { kind: 'wrong_shape' } },
    {
      name: 'a JSON list',
      reply: json([SAID]),
      failure: { kind: expect.stringMatching(/wrong_shape|no_verdict/) },
    },
    { name: 'a JSON string', reply: json('allow'), failure: { kind: 'wrong_shape' } },
    { name: 'wrong types', reply: backend.wrongTypes, failure: { kind: 'wrong_shape' } },
    { name: 'a reply over the limit', reply: text(SAID.repeat(100_000)), failure: { kind: 'oversize' } },
    ...oversizedReplies,
    {
      name: 'bytes that are not HTTP',
      reply: (_, response) => void response.socket?.end(`SSH-2.0-${SAID}\r\n\r\n`),
      failure: { kind: 'unreachable' },
    },
    {
      name: 'a connection closed without a word',
      reply: (_, response) => void response.socket?.destroy(),
      failure: { kind: 'unreachable' },
    },
    { name: 'a connection reset in the body', reply: resetInBody, failure: { kind: 'unreachable' } },
    { name: 'a body shorter than promised', reply: shortBody, failure: { kind: 'unreachable' } },
    { name: 'no reply', reply: silence, timeout: '0.2', failure: { kind: 'timeout', afterMs: 200 } },
    { name: 'a body that never ends', reply: endless, timeout: '0.2', failure: { kind: 'timeout' } },
    { name: 'a drip-fed body', reply: dripFed, timeout: '0.2', failure: { kind: 'timeout' } },
  ];

  test.each(rows)('$name is a failure with its own kind', async ({ reply, failure, timeout }) => {
    const vendor = await fakeBackend(reply);
    await expectFailure(vendor.url, failure, timeout);
    expect(new Set(vendor.seen.map(({ method, path }) => `${method} ${path.split('/')[1]}`))).toEqual(
      new Set([`POST ${TENANT.slice(1)}`]),
    );
  });

  test('a refused connection is a failure with its own kind', async () => {
    const vendor = await startFakeBackend();
    await vendor.close();
    await expectFailure(vendor.url, { kind: 'unreachable', code: 'ECONNREFUSED' });
  });

  test('a name that does not resolve is a failure with its own kind', async () => {
    await expectFailure('http://vendor.invalid', { kind: 'unreachable' });
  });

  test('TLS that cannot be set up, or trusted, is a failure with its own kind', async () => {
    const plain = await fakeBackend(backend.allow);
    await expectFailure(plain.url.replace('http:', 'https:'), { kind: 'tls' });
    expect(plain.seen).toEqual([]);

    let checks = 0;
    const server = https.createServer(selfSigned(), () => checks++).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expectFailure(`https://localhost:${port}`, { kind: 'tls', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(checks).toBe(0);
  });

  test('a server that accepts and says nothing costs the deadline and no more, before TLS too', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await askUnder(backend, 'fail_closed', url, '0.2');
    expect(result).toMatchObject({
      failure: { kind: 'timeout', afterMs: 200 },
      reply: { action: 'BLOCKED' },
    });
  });

  async function expectFailure(url: string, failure: object, timeout?: string) {
    const [closed, open, deferred] = await Promise.all(
      FALLBACKS.map((fallback) => askUnder(backend, fallback, url, timeout)),
    );
    const common = {
      failure: expect.objectContaining(failure),
      kinds: [closed?.failure?.kind],
      allowed: 0,
      blocked: 0,
      leaked: [],
    };
    expect(closed).toMatchObject({ ...common, status: 200, reply: { action: 'BLOCKED' } });
    expect(closed?.reply.blocked_reason).toMatch(
      /^Not allowed: the security check could not be completed\. Reference: [0-9a-f]{16}$/,
    );
    expect(open).toMatchObject({ ...common, status: 200, reply: { action: 'NONE' }, bypasses: 1 });
    expect(deferred).toMatchObject({ ...common, status: 503, bypasses: 1 });
  }

  test('a kept connection that the backend closes under a call is no failure', async () => {
    const used = new WeakSet<object>();
    let stale = 0;
    const vendor = await fakeBackend((request, response) => {
      const socket = response.socket as net.Socket;
      if (used.has(socket)) {
        stale++;
        return void socket.destroy();
      }
      used.add(socket);
      return backend.allow(request, response);
    });
    const bridge = testBridge(backend.at(vendor.url));
    onTestFinished(() => bridge.close());
    for (let i = 0; i < 4; i++) {
      const { reply } = await bridge.ask({ input_type: 'request', texts: [PROMPT] });
      expect(reply).toEqual({ action: 'NONE' });
    }
    expect(stale).toBeGreaterThan(0);
    expect(vendor.seen).toHaveLength(4 + stale);
  });

  function withStatus(code: number): Reply {
    return (request, response) => {
      const writeHead = response.writeHead.bind(response);
      response.writeHead = () => writeHead(code);
      return backend.allow(request, response);
    };
  }
});

function resetInBody(_: unknown, response: Parameters<Reply>[1]) {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"data":', () => {
    response.socket?.resetAndDestroy();
  });
}

function shortBody(_: unknown, response: Parameters<Reply>[1]) {
  response.writeHead(200, { 'content-length': '1000' }).write('{"data":{}}', () => response.socket?.end());
}

function endless(_: unknown, response: Parameters<Reply>[1]) {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"data":');
}

function dripFed(_: unknown, response: Parameters<Reply>[1]) {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 20);
  response.once('close', () => clearInterval(timer));
}
