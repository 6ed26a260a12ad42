/** The servers that the bridge is measured against: `node reference.ts bare | hop <stub port> | stub`. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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

function read(stream: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
}

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Reads and parses the body, answers a constant. */
function bare(incoming: IncomingMessage, response: ServerResponse): void {
  read(incoming, (body) => {
    JSON.parse(body.toString());
    answer(response, ALLOW);
  });
}

/** Reads and parses the body, sends it on to the stub, waits for its answer, answers a constant. */
function hop(port: number) {
  const agent = new Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/json', authorization: 'bench-token' };
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, (body) => {
      JSON.parse(body.toString());
      const options = { agent, port, host: '127.0.0.1', method: 'POST', path: '/api/http-proxy' };
      const onward = request(
        { ...options, headers: { ...headers, 'content-length': body.length } },
        (reply) => read(reply, () => answer(response, ALLOW)),
      );
      onward.end(body);
    });
}

/** An Akto that allows everything at once; a GET tells how often it was asked. */
function stub() {
  let asked = 0;
  return (incoming: IncomingMessage, response: ServerResponse): void =>
    read(incoming, () => {
      if (incoming.method === 'GET') return answer(response, String(asked));
      asked += 1;
      answer(response, AKTO_ALLOW);
    });
}

const [, , role, port] = process.argv;
const listener = role === 'hop' ? hop(Number(port)) : role === 'stub' ? stub() : bare;
const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port }));
});
