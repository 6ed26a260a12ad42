import { expect } from 'vitest';
import type { BackendRow } from './backend-row.ts';
import { json, type Reply, silence, text } from './fake-backend.ts';
import { oversizedReplies } from './oversized.ts';

/** How a check can go wrong, and the failure it is. */
export type FailureRow = {
  readonly name: string;
  readonly failure: object;
  /** Of a vendor that is reached. */
  readonly reply?: Reply;
  /** Where the vendor would be, for one that is not reached. */
  readonly at?: 'refused' | 'unresolved' | 'not-tls' | 'untrusted' | 'mute';
  /** True for one that takes much work to cause. */
  readonly isCostly?: boolean;
  /** Seconds, where time is the subject. */
  readonly timeout?: number;
};

const SHORT = 0.2;
const NO_READING = { kind: expect.stringMatching(/^(?:not_json|wrong_shape|no_verdict)$/) };
const NO_VERDICT = { kind: expect.stringMatching(/^(?:wrong_shape|no_verdict)$/) };

/** Every way to fail, and the failure that every backend makes of it. `said` are the vendor's words. */
export function failuresOf(row: BackendRow, said: string): readonly FailureRow[] {
  const page = `<html>${said}</html>`;
  const status = (code: number) => ({
    name: `a ${code}`,
    reply: text(page, code),
    failure: { kind: code === 401 || code === 403 ? 'unauthorized' : 'http_status', status: code },
  });
  return [
    ...[500, 502, 503, 400, 401, 403, 404, 409, 422, 429].map(status),
    {
      name: 'a verdict under an error status',
      reply: under(500, row.allow),
      failure: { kind: 'http_status' },
    },
    {
      name: 'a redirect, not followed',
      reply: (_, response) => void response.writeHead(302, { location: `/${said}` }).end(),
      failure: { kind: 'http_status', status: 302 },
    },
    { name: 'no JSON', reply: text(page), failure: { kind: 'not_json' } },
    { name: 'half of a JSON', reply: text(`{"data":{"a":"${said}`), failure: { kind: 'not_json' } },
    { name: 'an empty 200', reply: text(''), failure: NO_READING },
    { name: 'a 204', reply: text('', 204), failure: NO_READING },
    { name: 'JSON of another shape', reply: row.wrongShape(said), failure: NO_VERDICT },
    { name: 'an empty object', reply: json({}), failure: NO_VERDICT },
    { name: 'JSON null', reply: json(null), failure: NO_VERDICT },
    { name: 'a JSON list', reply: json([said]), failure: NO_VERDICT },
    { name: 'an empty JSON list', reply: json([]), failure: NO_VERDICT },
    { name: 'a JSON string', reply: json('allow'), failure: NO_VERDICT },
    { name: 'JSON true', reply: json(true), failure: NO_VERDICT },
    { name: 'wrong types', reply: row.wrongTypes, failure: NO_VERDICT },
    { name: 'a reply over the limit', reply: text(said.repeat(100_000)), failure: { kind: 'oversize' } },
    ...oversizedReplies.map((oversized) => ({ ...oversized, isCostly: true })),
    {
      name: 'bytes that are not HTTP',
      reply: (_, response) => void response.socket?.end(`SSH-2.0-${said}\r\n\r\n`),
      failure: { kind: 'unreachable' },
    },
    {
      name: 'a connection closed without a word',
      reply: (_, response) => void response.socket?.destroy(),
      failure: { kind: 'unreachable' },
    },
    { name: 'a connection reset in the body', reply: resetInBody, failure: { kind: 'unreachable' } },
    { name: 'a body shorter than promised', reply: shortBody, failure: { kind: 'unreachable' } },
    { name: 'no reply', reply: silence, timeout: SHORT, failure: { kind: 'timeout', afterMs: SHORT * 1000 } },
    { name: 'a body that never ends', reply: endless, timeout: SHORT, failure: { kind: 'timeout' } },
    { name: 'a drip-fed body', reply: dripFed, timeout: SHORT, failure: { kind: 'timeout' } },
    { name: 'a refused connection', at: 'refused', failure: { kind: 'unreachable', code: 'ECONNREFUSED' } },
    { name: 'a name that does not resolve', at: 'unresolved', failure: { kind: 'unreachable' } },
    { name: 'TLS with a server that has none', at: 'not-tls', failure: { kind: 'tls' } },
    {
      name: 'a certificate that is not trusted',
      at: 'untrusted',
      failure: { kind: 'tls', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    },
    {
      name: 'a server that accepts and says nothing, before TLS too',
      at: 'mute',
      timeout: SHORT,
      failure: { kind: 'timeout', afterMs: SHORT * 1000 },
    },
  ];
}

/** The same reply under an error status. */
function under(code: number, reply: Reply): Reply {
  return (request, response) => {
    const writeHead = response.writeHead.bind(response);
    response.writeHead = () => writeHead(code);
    return reply(request, response);
  };
}

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
