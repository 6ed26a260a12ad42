import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import type { BridgeEnv } from '../../src/http/refusal.ts';
import { createServer } from '../../src/http/server.ts';
import { createLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createOpsDoors } from '../../src/ui/ops-doors.ts';
import type { Line } from './bridge.ts';
import { parse } from './config.ts';

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

/** The routes of operators on a free port, by the settings of an environment: beside guardrail calls, or apart from them by OPS_PORT. */
export async function opsServer(env: Readonly<Record<string, string>>, listenOn = '127.0.0.1') {
  const config = parse(env);
  const lines: Line[] = [];
  const metrics = createMetrics({ backends: [], policies: [], findings: [] }, () => []);
  const log = createLog('info', () => {}, {
    write: (line: string) => {
      lines.push(JSON.parse(line) as Line);
    },
  });
  const ui = new Hono<BridgeEnv>();
  ui.get('/ui', (c) => c.html('<!doctype html><title>all</title>'));
  ui.get('/ui/records', (c) => c.text('records'));
  ui.get('/ui/assets/page.css', (c) => c.text('body {}'));
  ui.post('/ui/playground', async (c) => c.json(await c.req.parseBody()));
  const doors = createOpsDoors({
    ...{ config, metrics, log, ui },
    ready: (c) => c.json({ status: 'ready' }),
    metricsPage: () => metrics.text(),
  });
  const beside = new Hono<BridgeEnv>();
  if (doors.beside?.page !== undefined) beside.route('/', doors.beside.page);
  const { server } = createServer({
    app: doors.apart ?? beside,
    ...{ bodyTimeoutMs: 10_000, isDraining: () => false, onCut: () => {} },
  });
  await new Promise<void>((resolve) => server.listen(0, listenOn, resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...{ port, lines, close: doors.close },
    send: (path: string, sent?: Sent) => send(port, path, sent),
    refused: async (reason: string) => {
      const sample = `guardrail_bridge_ops_refused_total{reason="${reason}"} `;
      const line = (await metrics.text()).split('\n').find((one) => one.startsWith(sample));
      return Number(line?.slice(sample.length));
    },
  };
}
