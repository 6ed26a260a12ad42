import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { decode, type Message, type Shape } from './protobuf.ts';

// @see https://github.com/open-telemetry/opentelemetry-proto
const anyValue: Shape = {
  1: ['string', 'text'],
  2: ['bool', 'flag'],
  3: ['int', 'number'],
  4: ['double', 'double'],
  5: ['array', () => ({ 1: ['values', [() => anyValue]] })],
  6: ['map', () => ({ 1: ['values', [() => keyValue]] })],
};
const keyValue: Shape = { 1: ['key', 'text'], 2: ['value', () => anyValue] };
const attributes = [() => keyValue] as const;
const resource: Shape = { 1: ['attributes', attributes] };
const scope: Shape = { 1: ['name', 'text'], 2: ['version', 'text'] };
const link: Shape = { 1: ['traceId', 'hex'], 2: ['spanId', 'hex'] };
const span: Shape = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'text'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'number'],
  7: ['start', 'fixed64'],
  8: ['end', 'fixed64'],
  9: ['attributes', attributes],
  13: ['links', [link]],
  15: ['status', { 2: ['message', 'text'], 3: ['code', 'number'] }],
};
const point: Shape = {
  2: ['start', 'fixed64'],
  3: ['at', 'fixed64'],
  4: ['value', 'double'],
  7: ['attributes', attributes],
};
const histogramPoint: Shape = {
  2: ['start', 'fixed64'],
  3: ['at', 'fixed64'],
  4: ['count', 'fixed64'],
  5: ['sum', 'double'],
  6: ['counts', 'fixed64s'],
  7: ['bounds', 'doubles'],
  9: ['attributes', attributes],
};
const metric: Shape = {
  1: ['name', 'text'],
  2: ['description', 'text'],
  3: ['unit', 'text'],
  5: ['gauge', { 1: ['points', [point]] }],
  7: ['sum', { 1: ['points', [point]], 2: ['temporality', 'number'], 3: ['isMonotonic', 'flag'] }],
  9: ['histogram', { 1: ['points', [histogramPoint]], 2: ['temporality', 'number'] }],
};
const record: Shape = {
  1: ['at', 'fixed64'],
  2: ['severity', 'number'],
  3: ['severityText', 'text'],
  5: ['body', () => anyValue],
  6: ['attributes', attributes],
  9: ['traceId', 'hex'],
  10: ['spanId', 'hex'],
};
const request = (item: Shape): Shape => ({
  1: ['all', [{ 1: ['resource', resource], 2: ['scopes', [{ 1: ['scope', scope], 2: ['items', [item]] }]] }]],
});
const REQUESTS = {
  '/v1/traces': request(span),
  '/v1/metrics': request(metric),
  '/v1/logs': request(record),
} as const;

type Attributes = Record<string, unknown>;
export type SeenSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  /** Unix milliseconds. */
  from: number;
  ms: number;
  attributes: Attributes;
  links: { traceId: string; spanId: string }[];
  status?: { message?: string; code?: number };
};
export type SeenRecord = {
  severity: number;
  severityText: string;
  body: string;
  at: number;
  attributes: Attributes;
  traceId?: string;
  spanId?: string;
};
export type SeenPoint = {
  labels: Attributes;
  from: number;
  value?: number;
  count?: number;
  sum?: number;
  counts?: number[];
  bounds?: number[];
};
export type SeenMetric = {
  name: string;
  description: string;
  unit: string;
  type: 'gauge' | 'sum' | 'histogram';
  isMonotonic: boolean;
  temporality: number;
  points: SeenPoint[];
};

/** Replies to a request, or misbehaves on its raw response. */
export type CollectorReply = (response: http.ServerResponse, path: string) => void;

const taken: CollectorReply = (response) => {
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
};

/** A collector of OpenTelemetry on a free port of loopback, which decodes what it is sent. */
export async function startCollector(tls?: { key: string; cert: string }) {
  const seen = {
    spans: [] as SeenSpan[],
    records: [] as SeenRecord[],
    /** Of each export. */
    metrics: [] as SeenMetric[][],
    resources: [] as Attributes[],
    scopes: [] as unknown[],
    requests: [] as { path: string; headers: http.IncomingHttpHeaders; bytes: Buffer }[],
    reply: taken,
    taken,
  };
  const listener: http.RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const path = incoming.url ?? '';
      seen.requests.push({ path, headers: incoming.headers, bytes });
      read(path, bytes);
      seen.reply(response, path);
    });
  };
  const read = (path: string, bytes: Buffer) => {
    const shape = REQUESTS[path as keyof typeof REQUESTS];
    if (shape === undefined) return;
    const { all = [] } = decode(bytes, shape) as { all?: Message[] };
    for (const { resource, scopes } of all as { resource: Message; scopes: Message[] }[]) {
      seen.resources.push(attributesOf(resource.attributes));
      const items = scopes.flatMap(({ scope, items }) => {
        seen.scopes.push(scope);
        return items as Message[];
      });
      if (path === '/v1/traces') seen.spans.push(...items.map(spanOf));
      else if (path === '/v1/logs') seen.records.push(...items.map(recordOf));
      else seen.metrics.push(items.map(metricOf));
    }
  };
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(seen, {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
}
export type Collector = Awaited<ReturnType<typeof startCollector>>;

function anyOf(value: Message | undefined): unknown {
  if (value === undefined) return undefined;
  if ('array' in value) return ((value.array as { values?: Message[] }).values ?? []).map(anyOf);
  if ('map' in value) return attributesOf((value.map as { values?: unknown }).values);
  return value.string ?? value.bool ?? value.int ?? value.double ?? '';
}

function attributesOf(pairs: unknown): Attributes {
  const list = (pairs ?? []) as { key: string; value?: Message }[];
  return Object.fromEntries(list.map(({ key, value }) => [key, anyOf(value)]));
}

const ms = (nanos: unknown) => Number(nanos as bigint) / 1e6;

function spanOf(span: Message): SeenSpan {
  const { start, end, links = [], attributes, ...rest } = span;
  const from = ms(start);
  const took = Number((end as bigint) - (start as bigint)) / 1e6;
  return { ...rest, from, ms: took, links, attributes: attributesOf(attributes) } as unknown as SeenSpan;
}

function recordOf({ at, body, attributes, ...rest }: Message): SeenRecord {
  return {
    ...rest,
    at: ms(at),
    body: anyOf(body as Message),
    attributes: attributesOf(attributes),
  } as unknown as SeenRecord;
}

function metricOf({ name, description = '', unit = '', ...data }: Message): SeenMetric {
  const type = (['gauge', 'sum', 'histogram'] as const).find((one) => one in data) ?? 'gauge';
  const { points = [], isMonotonic = false, temporality = 0 } = data[type] as Message;
  return {
    ...{ name, description, unit, type, isMonotonic, temporality },
    points: (points as Message[]).map(({ attributes, start, at: _, count, ...rest }) => ({
      ...rest,
      ...(count !== undefined && { count: Number(count) }),
      labels: attributesOf(attributes),
      from: ms(start),
    })),
  } as SeenMetric;
}
