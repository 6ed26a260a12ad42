import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type ServingChild, startServing } from '../support/child.ts';

/** Hands each request to the next of several servers; to the one after it where nobody listens. */
export type Balancer = { readonly url: string; close(): Promise<void> };

/**
 * A load balancer that goes round, request by request: no two parts of a call meet the same replica. A connection that breaks once the
 * request was handed over is a 502, as nobody knows what became of it.
 *
 * @param targets those that are up, asked for each request
 */
export async function startBalancer(targets: () => readonly string[]): Promise<Balancer> {
  let turn = 0;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const server = http.createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    incoming.on('end', () => pass(Buffer.concat(chunks), targets().length));
    const pass = (body: Buffer, tries: number): void => {
      const up = targets();
      const target = up[turn++ % Math.max(1, up.length)];
      if (target === undefined) return void outgoing.writeHead(502).end();
      const { method, url, headers } = incoming;
      const sent = http.request(`${target}${url}`, { method, headers, agent }, (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(outgoing);
        reply.on('error', () => outgoing.destroy());
      });
      sent.on('error', ({ code }: NodeJS.ErrnoException) => {
        if (code === 'ECONNREFUSED' && tries > 1) pass(body, tries - 1);
        else if (!outgoing.headersSent) outgoing.writeHead(502).end();
      });
      sent.end(body);
    };
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One of several bridges with a folder of its own, which it keeps over restarts. */
export type Replica = {
  readonly dir: string;
  /** Undefined while it is not there. */
  readonly child: ServingChild | undefined;
  start(): Promise<void>;
  /** Resolves when it has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Told of its log as it ends. */
  onEnd: (child: ServingChild) => void;
};

const LIMIT_MS = 30 * 60_000;

/** Starts a replica with an environment, in a folder of its own. */
export async function startReplica(env: Readonly<Record<string, string>>): Promise<Replica> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'replica-'));
  let child: ServingChild | undefined;
  const replica = {
    dir,
    get child() {
      return child;
    },
    async start() {
      child = await startServing({ DATA_DIR: dir, ...env }, { limitMs: LIMIT_MS });
    },
    async end(signal: 'SIGKILL' | 'SIGTERM') {
      const ending = child;
      child = undefined;
      ending?.send(signal);
      await ending?.exit;
      if (ending !== undefined) replica.onEnd(ending);
    },
    onEnd: (_: ServingChild) => {},
  };
  onTestFinished(async () => {
    await replica.end('SIGKILL');
    fs.rmSync(dir, { recursive: true, force: true });
  });
  await replica.start();
  return replica;
}

/** Starts several with the same environment, and a balancer before them. */
export async function startReplicas(count: number, env: Readonly<Record<string, string>>) {
  const replicas = await Promise.all(Array.from({ length: count }, () => startReplica(env)));
  const balancer = await startBalancer(() =>
    replicas.flatMap(({ child }) => (child === undefined ? [] : [child.url])),
  );
  onTestFinished(() => balancer.close());
  return { replicas, balancer };
}

/** The value of a sample of `/metrics`, summed over replicas. */
export async function metricOf(replicas: readonly Replica[], name: string): Promise<number> {
  const texts = await Promise.all(
    replicas.map(async ({ child }) =>
      child === undefined ? '' : await (await fetch(`${child.url}/metrics`)).text(),
    ),
  );
  return texts
    .flatMap((text) => text.split('\n'))
    .filter(
      (line) => line.startsWith(`guardrail_bridge_${name}{`) || line.startsWith(`guardrail_bridge_${name} `),
    )
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
