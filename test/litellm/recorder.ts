import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedCall {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

export interface Recorder {
  url: string;
  calls: RecordedCall[];
  close(): Promise<void>;
}

/** Reply of a recording server: a JSON body with its status; `hang` for none at all. */
export type RecorderReply = { status?: number; json: unknown } | 'hang';

/** A server that keeps every JSON call it gets. Without `reply` it allows everything, as a stand-in bridge. */
export async function startRecorder(
  reply: (call: RecordedCall) => RecorderReply | Promise<RecorderReply> = () => ({
    json: { action: 'NONE' },
  }),
): Promise<Recorder> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const url = new URL(request.url ?? '/', 'http://recorder');
    const raw = Buffer.concat(parts).toString('utf8');
    const call: RecordedCall = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      body: (raw === '' ? {} : JSON.parse(raw)) as Record<string, unknown>,
    };
    recorder.calls.push(call);
    const told = await reply(call);
    if (told === 'hang') return;
    response.writeHead(told.status ?? 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(told.json));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
  return recorder;
}
