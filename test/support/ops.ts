import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createServer } from '../../src/http/server.ts';
import { testBridge } from './bridge.ts';
import { metric } from './listen.ts';

export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

export type Sent = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Address to connect to. */
  readonly host?: string;
  readonly signal?: AbortSignal;
};

/** A request over a connection of its own, with any header, as no browser would send it. */
export function send(port: number, path: string, sent: Sent = {}): Promise<Reply> {
  const {
    method = sent.body === undefined ? 'GET' : 'POST',
    headers = {},
    body,
    host = '127.0.0.1',
    signal,
  } = sent;
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, path, method, headers, agent: false, ...(signal && { signal }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** The fields of a form as a browser sends them. */
export const form = (fields: Readonly<Record<string, string>>, headers: Sent['headers'] = {}): Sent => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  body: new URLSearchParams(fields).toString(),
});

/** What operators look at on a free port, by the settings of an environment: beside guardrail calls, or apart from them by OPS_PORT. */
export async function opsServer(env: Readonly<Record<string, string>>, listenOn = '127.0.0.1') {
  const bridge = testBridge(env);
  const app = bridge.ops ?? bridge.app;
  const { isDraining, cutPipeline: onCut } = bridge;
  const { server } = createServer({ app, bodyTimeoutMs: 10_000, isDraining, onCut });
  await new Promise<void>((resolve) => server.listen(0, listenOn, resolve));
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await bridge.close();
  });
  const { port } = server.address() as AddressInfo;
  const [key = ''] = (env.OPS_API_KEYS ?? '').split(',');
  return {
    ...{ port, bridge },
    /** Lines of the log about keys. */
    lines: () => bridge.lines.filter(({ msg }) => msg === 'a wrong key was refused'),
    send: (path: string, sent?: Sent) => send(port, path, sent),
    refused: async (reason: string) => {
      const page = await app.request('/metrics', { headers: { 'x-api-key': key } });
      return metric(await page.text(), 'ops_refused_total', { reason });
    },
  };
}
