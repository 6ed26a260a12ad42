/** A connection of the load generator: sends the same request again and again, each time with a new serial number. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { chatBody, SERIAL, turnBody } from './body.ts';
import { logBody } from './log-event.ts';

export type Connection = { socket: Socket; ask: (replied: () => void) => void };
export type Route = keyof typeof ROUTES;

const ROUTES = {
  verdict: {
    path: '/beta/litellm_basic_guardrail_api',
    body: (bytes: number) => chatBody(bytes),
    isExpected: (reply: string) => reply === '{"action":"NONE"}',
  },
  /** As `verdict`, with no message that was sent before. */
  new: {
    path: '/beta/litellm_basic_guardrail_api',
    body: (bytes: number) => chatBody(bytes, '', `${SERIAL} `),
    isExpected: (reply: string) => reply === '{"action":"NONE"}',
  },
  /** The fiftieth turn of a conversation of which the others were judged before. */
  turn: {
    path: '/beta/litellm_basic_guardrail_api',
    body: () => turnBody(50),
    isExpected: (reply: string) => reply === '{"action":"NONE"}',
  },
  /** A receipt for new events alone; or the reply of a bridge whose telemetry is off. */
  logs: {
    path: '/v1/litellm/logs',
    body: logBody,
    isExpected: (reply: string) =>
      /"new":[1-9]\d*,"late":0,"duplicate":0,/.test(reply) || reply.startsWith('{"accepted":0,'),
  },
};

let serial = 0;

function requestBytes(route: Route, bytes: number, rows: number): Buffer {
  const body = ROUTES[route].body(bytes, rows);
  const head = [
    `POST ${ROUTES[route].path} HTTP/1.1`,
    'host: 127.0.0.1',
    'accept: */*',
    'accept-encoding: gzip, deflate',
    'connection: keep-alive',
    'user-agent: litellm/1.103.2',
    'content-type: application/json',
    'x-api-key: bench-key',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The body of a complete reply, undefined while it is still arriving; anything but a 200 with a length throws. */
function replyBody(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (!text.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected reply: ${text}`);
  return text.length < end + 4 + Number(length) ? undefined : text.slice(end + 4);
}

async function open(port: number, request: Buffer, isExpected: (reply: string) => boolean) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const bytes = Buffer.from(request);
  const serials: number[] = [];
  for (let at = bytes.indexOf(SERIAL); at >= 0; at = bytes.indexOf(SERIAL, at + 1)) serials.push(at);
  let received = '';
  let replied: (() => void) | undefined;
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    const body = replyBody(received);
    if (body === undefined) return;
    if (!isExpected(body)) throw new Error(`wrong reply: ${body}`);
    const done = replied;
    received = '';
    replied = undefined;
    done?.();
  });
  socket.on('close', () => {
    if (replied) throw new Error(`the server on port ${port} closed a connection with a request on it`);
  });
  const ask = (onReply: () => void) => {
    replied = onReply;
    serial += 1;
    const digits = String(serial).padStart(SERIAL.length, '0');
    for (const at of serials) bytes.write(digits, at, 'latin1');
    socket.write(bytes);
  };
  return { socket, ask };
}

/** Opens connections on which requests of about `bytes`, or so many rows of that size, are sent to one route. */
export async function openConnections(
  port: number,
  route: Route,
  bytes: number,
  number: number,
  rows: number,
): Promise<Connection[]> {
  const request = requestBytes(route, bytes, rows);
  const opened: Connection[] = [];
  while (opened.length < number) opened.push(await open(port, request, ROUTES[route].isExpected));
  return opened;
}
