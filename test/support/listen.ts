import type { AddressInfo } from 'node:net';
import type { Bridge } from '../../src/bridge.ts';
import { createServer } from '../../src/http/server.ts';

export type Listening = {
  readonly port: number;
  readonly url: string;
  /** Number of open connections. */
  connections(): Promise<number>;
  close(): Promise<void>;
};

/** Serves an in-process bridge on a free port of loopback, for what `app.request()` does not pass through. */
export async function listen(
  { app, isDraining, cutPipeline }: Pick<Bridge, 'app' | 'isDraining' | 'cutPipeline'>,
  bodyTimeoutMs = 10_000,
): Promise<Listening> {
  const { server } = createServer({ app, isDraining, bodyTimeoutMs, onCut: cutPipeline });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The value of a series in Prometheus' text, by name and labels in any order; NaN if it is not there. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of text.split('\n')) {
    const [, series, shown = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (series !== `guardrail_bridge_${name}`) continue;
    const found = new Set(shown.split(',').filter(Boolean));
    if (found.size === wanted.length && wanted.every((label) => found.has(label))) return Number(value);
  }
  return Number.NaN;
}
