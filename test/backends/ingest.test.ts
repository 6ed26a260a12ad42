import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../src/backends/to-failure.ts';
import { STOPPED } from '../../src/guardrail/deadline.ts';
import { BackendError, type Failure } from '../../src/guardrail/failure.ts';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { capsuleTakes } from '../support/capsule.ts';
import { deadlineOf, fakeBackend, openHttp } from '../support/closing.ts';
import { json, type Reply, silence, startFakeBackend, text } from '../support/fake-backend.ts';
import { oversizedReplies } from '../support/oversized.ts';
import { EVENT, recordOf, sinkOf } from '../support/record.ts';

const TENANT = '/tenant-7f3a';
const PROMPT = 'the prompt about plums';
const SAID = 'vendor-said-this';
const SECRETS = [
  'akto-key',
  'capsule-token',
  TENANT,
  'ingestData',
  'http-proxy',
  'events/post',
  PROMPT,
  SAID,
];

/** Every way to hand over a record passes all of this file. */
const sinks = [
  { name: 'akto', at: (url: string) => aktoAt(url + TENANT), takes: fakeAkto().reply },
  {
    name: 'akto in observe mode',
    at: (url: string) => ({ ...aktoAt(url + TENANT), AKTO_MODE: 'observe' }),
    takes: fakeAkto({ result: { Allowed: true } }).reply,
  },
  { name: 'capsule', at: (url: string) => capsuleAt(url + TENANT), takes: capsuleTakes },
];

const record = recordOf({ event: { ...EVENT, messages: [{ role: 'user', content: PROMPT }] } });

describe.each(sinks)('$name', ({ at, takes }) => {
  /** Hands a record over. Resolves with the error, or undefined if it was taken. */
  async function thrown(url: string, parent?: AbortSignal): Promise<unknown> {
    const http = openHttp();
    return sinkOf(at(url))
      .ingest([record], { http, deadline: deadlineOf({ parent }) })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
  }

  function expectNoSecret(error: unknown) {
    const told = [
      String(error),
      (error as Error).stack,
      JSON.stringify(error),
      inspect(error, { depth: 10 }),
    ].join();
    expect(SECRETS.filter((secret) => told.includes(secret))).toEqual([]);
  }

  test('a record is taken with one request', async () => {
    const vendor = await fakeBackend(takes);
    expect(await thrown(vendor.url)).toBeUndefined();
    expect(vendor.seen).toHaveLength(1);
    expect(vendor.seen[0]?.path.startsWith(`${TENANT}/`)).toBe(true);
  });

  test.each<{
    name: string;
    reply: Reply;
    failure: object;
    retryAfterMs?: number;
    said?: string | undefined;
  }>([
    {
      name: 'a 503 with Retry-After',
      reply: (_, response) => void response.writeHead(503, { 'retry-after': '7' }).end(SAID),
      failure: { kind: 'http_status', status: 503 },
      retryAfterMs: 7000,
      said: SAID,
    },
    {
      name: 'a 400',
      reply: json({ error: SAID, echo: PROMPT }, 400),
      failure: { kind: 'http_status', status: 400 },
      said: SAID,
    },
    {
      name: 'a 401',
      reply: text(`<html>${SAID}</html>`, 401),
      failure: { kind: 'unauthorized', status: 401 },
      said: SAID,
    },
    {
      name: 'a 422',
      reply: json({ success: false, message: SAID }, 422),
      failure: { kind: 'http_status', status: 422 },
      said: SAID,
    },
    {
      name: 'a redirect, not followed',
      reply: (_, response) => void response.writeHead(307, { location: `/${SAID}` }).end(),
      failure: { kind: 'http_status', status: 307 },
      said: '',
    },
    {
      name: 'a status that HTTP does not know',
      reply: (_, response) => void response.writeHead(799).end(SAID),
      failure: { kind: 'http_status', status: 799 },
      said: SAID,
    },
    { name: 'no JSON', reply: text(`<html>${SAID} ${PROMPT}</html>`), failure: { kind: 'not_json' } },
    { name: 'half of a JSON', reply: text(`{"data":{"a":"${SAID}`), failure: { kind: 'not_json' } },
    { name: 'an empty 200', reply: text(''), failure: { kind: 'not_json' } },
    { name: 'a 204', reply: text('', 204), failure: { kind: 'not_json' } },
    { name: 'a reply over the limit', reply: text(SAID.repeat(100_000)), failure: { kind: 'oversize' } },
    ...oversizedReplies.map((row) => ({ ...row, said: 'status' in row.failure ? '' : undefined })),
    {
      name: 'a connection closed without a word',
      reply: (_, response) => void response.socket?.destroy(),
      failure: { kind: 'unreachable' },
    },
    {
      name: 'a connection reset in the body',
      reply: (_, response) => {
        response.writeHead(200).write('{"success":', () => response.socket?.resetAndDestroy());
      },
      failure: { kind: 'unreachable' },
    },
    {
      name: 'bytes that are not HTTP',
      reply: (_, response) => void response.socket?.end(`SSH-2.0-${SAID}\r\n\r\n`),
      failure: { kind: 'unreachable' },
    },
  ])('$name is thrown as a failure of its own kind', async ({ reply, failure, retryAfterMs, said }) => {
    const vendor = await fakeBackend(reply);
    const error = (await thrown(vendor.url)) as BackendError;
    expect(error).toBeInstanceOf(BackendError);
    expect(error.failure).toMatchObject(failure);
    expect(error.refusal.retryAfterMs).toBe(retryAfterMs);
    if (said === undefined) expect(error.refusal.reply).toBeUndefined();
    else expect(error.refusal.reply).toContain(said);
    expectNoSecret(error);
  });

  test('a refused connection is thrown as a failure of its own kind', async () => {
    const vendor = await startFakeBackend();
    await vendor.close();
    const error = await thrown(vendor.url);
    expect(toFailure(error)).toEqual({ kind: 'unreachable', code: 'ECONNREFUSED' } satisfies Failure);
    expectNoSecret(error);
  });

  test.each([
    { name: 'no reply', reply: silence },
    {
      name: 'a body that never ends',
      reply: ((_, response) => void response.writeHead(200).write('{"success":')) satisfies Reply,
    },
    {
      name: 'a refusal that never ends',
      reply: ((_, response) => void response.writeHead(503).write('no')) satisfies Reply,
    },
  ])('$name ends with the deadline, and so does the connection', async ({ reply }) => {
    const arrived = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const vendor = await fakeBackend((request, response) => {
      response.once('close', left.resolve);
      reply(request, response);
      arrived.resolve();
    });
    const leaving = new AbortController();
    const pending = thrown(vendor.url, leaving.signal);
    await arrived.promise;
    leaving.abort();
    expect(await pending).toBe(STOPPED);
    await left.promise;
    expect(vendor.seen).toHaveLength(1);
  });
});
