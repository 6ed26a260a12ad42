/**
 * The servers that the bridge is measured against:
 * `node reference.ts bare | reads | hop <stub port> | posts <stub port> <count> | stub | vendor | durable <file> | redacting <file>`.
 */
import { fdatasync, openSync, writevSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Agent as UndiciAgent } from 'undici';
import { Redactor } from '../../src/records/redact/redact.ts';

const ALLOW = '{"action":"NONE"}';
const AKTO_ALLOW = JSON.stringify({
  success: true,
  message: 'Request processed successfully',
  data: {
    success: true,
    message: 'Request processed successfully',
    guardrailsResult: {
      Allowed: true,
      Modified: false,
      ModifiedPayload: '',
      Reason: '',
      Metadata: {},
      behaviour: '',
    },
  },
});

function read(stream: IncomingMessage, done: (body: Buffer) => unknown): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
}

function respond(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Reads and parses the body, replies with a constant. */
function bare(incoming: IncomingMessage, response: ServerResponse): void {
  read(incoming, (body) => {
    JSON.parse(body.toString());
    respond(response, ALLOW);
  });
}

/** Reads the body and keeps nothing, replies with a constant. */
function reads(incoming: IncomingMessage, response: ServerResponse): void {
  incoming.resume().on('end', () => respond(response, ALLOW));
}

/** Reads and parses the body, sends it on to the stub, waits for its reply, replies with a constant. */
function hop(port: number) {
  const agent = new Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/json', authorization: 'bench-token' };
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, (body) => {
      JSON.parse(body.toString());
      const options = { agent, port, host: '127.0.0.1', method: 'POST', path: '/api/http-proxy' };
      const onward = request(
        { ...options, headers: { ...headers, 'content-length': body.length } },
        (reply) => read(reply, () => respond(response, ALLOW)),
      );
      onward.end(body);
    });
}

/** Bytes of Akto's envelope of a chat of 4 KB. */
const ENVELOPE_BYTES = 3_100;

/** As the hop, but sends so many POSTs at once by undici's `dispatch` alone, and parses their replies: no vendor can cost less. */
function posts(port: number, count: number) {
  const agent = new UndiciAgent({ connections: 256, headersTimeout: 0, bodyTimeout: 0, allowH2: false });
  const target = { origin: `http://127.0.0.1:${port}`, path: '/api/http-proxy', method: 'POST' } as const;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: 'bench-token',
  };
  const post = (body: Buffer) =>
    new Promise<unknown>((resolve, reject) => {
      let reply = '';
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData: (_, piece) => {
          reply += piece.toString();
        },
        onResponseEnd: () => resolve(JSON.parse(reply)),
        onResponseError: (_, error) => reject(error),
      };
      agent.dispatch({ ...target, headers, body }, handler);
    });
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, async (body) => {
      JSON.parse(body.toString());
      const sent = body.subarray(0, ENVELOPE_BYTES);
      await Promise.all(Array.from({ length: count }, () => post(sent)));
      respond(response, ALLOW);
    });
}

/** Replies of other vendors, by their paths. */
const ALLOWS: Record<string, (body: Buffer) => string> = {
  '/analyze': (body) =>
    JSON.stringify((JSON.parse(body.toString()) as { text: string[] }).text.map(() => [])),
  '/v2/guard': () => '{"flagged":false}',
};

/** A vendor of some kinds that allows everything at once, Akto by default; a GET tells the number of its checks. */
function stub() {
  let checks = 0;
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, (body) => {
      if (incoming.method === 'GET') return respond(response, String(checks));
      checks += 1;
      respond(response, ALLOWS[incoming.url ?? '']?.(body) ?? AKTO_ALLOW);
    });
}

/** Replies of a vendor that somebody else owns, each as large as it likes. */
const LARGE: Record<string, () => Buffer> = {
  'long reason': () => Buffer.from(AKTO_ALLOW.replace('"Reason":""', `"Reason":"${'reason '.repeat(8e6)}"`)),
  objects: () => Buffer.from(`{"data":[${'{},'.repeat(20e6)}{}]}`),
  deep: () => Buffer.from('['.repeat(30e6) + ']'.repeat(30e6)),
  'no JSON': () => Buffer.alloc(64e6, 'x'),
};

/** A {@link stub} that replies to some calls, which say so, at length or without end. */
function vendor() {
  const replies = new Map<string, Buffer>();
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, (body) => {
      const kind = /reply-with: ([\w ]+)/.exec(body.subarray(0, 4_096).toString('latin1'))?.[1] ?? '';
      const make = LARGE[kind];
      if (kind === 'no end') {
        const piece = Buffer.alloc(64 * 1_024, ' ');
        const more = () => void (response.destroyed || response.write(piece, more));
        response.writeHead(200, { 'content-type': 'application/json' });
        more();
      } else if (make === undefined) respond(response, AKTO_ALLOW);
      else {
        const reply = replies.get(kind) ?? make();
        replies.set(kind, reply);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': reply.length });
        response.end(reply);
      }
    });
}

/** The bridge's reply to one log event. */
const RECEIPT =
  '{"new":1,"late":0,"duplicate":0,"attempt":0,"blocked":0,"legacy":0,"null":0,"accepted":1,"rejected":0}';

/** Appends what `stored` makes of a body to a file, replies when it is on the disk; one flush for all that wait. */
function durable(file: string, stored: (body: Buffer) => Buffer) {
  const fd = openSync(file, 'a', 0o600);
  type Waiting = { bytes: Buffer; response: ServerResponse };
  let waiting: Waiting[] = [];
  let isFlushing = false;
  const flush = () => {
    const batch = waiting;
    waiting = [];
    isFlushing = batch.length > 0;
    if (!isFlushing) return;
    writevSync(
      fd,
      batch.map(({ bytes }) => bytes),
    );
    fdatasync(fd, (error) => {
      if (error) throw error;
      for (const { response } of batch) respond(response, RECEIPT);
      flush();
    });
  };
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, (body) => {
      waiting.push({ bytes: stored(body), response });
      if (!isFlushing) flush();
    });
}

/** Parses it, and keeps it as it came. */
function parsed(body: Buffer): Buffer {
  JSON.parse(body.toString());
  return body;
}

/** Parses it, redacts it as the bridge does by default, and writes it anew: nothing that keeps its promises does less. */
function redacted(): (body: Buffer) => Buffer {
  const redactor = new Redactor({
    content: 'full',
    remove: [['model_map_information']],
    noContentTeams: new Set(),
    noContentKeys: new Set(),
  });
  return (body) => {
    const events = JSON.parse(body.toString()) as Record<string, unknown>[];
    return Buffer.from(JSON.stringify(events.map((event) => redactor.redact(event))));
  };
}

const [, , role, argument = '', count = ''] = process.argv;
const roles: Record<string, () => typeof bare> = {
  bare: () => bare,
  reads: () => reads,
  hop: () => hop(Number(argument)),
  posts: () => posts(Number(argument), Number(count)),
  stub,
  vendor,
  durable: () => durable(argument, parsed),
  redacting: () => durable(argument, redacted()),
};
const listener = roles[role ?? '']?.();
if (listener === undefined) throw new Error(`no role: ${role}`);
const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port }));
});
