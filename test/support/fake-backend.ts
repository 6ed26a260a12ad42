import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the backend saw it; `body` is undefined where it was not JSON. */
export type SeenRequest = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: unknown;
  text: string;
};

/** Replies to a request, or misbehaves on its raw response. */
export type Reply = (request: SeenRequest, response: http.ServerResponse) => void | Promise<void>;

export type FakeBackend = {
  url: string;
  seen: SeenRequest[];
  reply: Reply;
  close(): Promise<void>;
};

/** A vendor's server on a free port of loopback that records its requests. */
export async function startFakeBackend(reply: Reply = json({})): Promise<FakeBackend> {
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the caller left
    }
    const text = Buffer.concat(chunks).toString();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      headers: request.headers,
      body: parsed(text),
      text,
    };
    backend.seen.push(seen);
    await backend.reply(seen, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const backend: FakeBackend = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    reply,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return backend;
}

/** Replies to every request with one JSON value. */
export function json(value: unknown, status = 200): Reply {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

/** Replies to every request with one text. */
export function text(body: string, status = 200, type = 'text/html'): Reply {
  return (_, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };
}

/** Takes a request and never says anything. */
export const silence: Reply = () => {};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
