import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { OpenConnections } from './open-connections.ts';
import type { BridgeEnv } from './refusal.ts';

/** Longer than LiteLLM lets a connection idle, so that it is the one to close it. */
const KEEP_ALIVE_MS = 75_000;
/** Number of connections from which on those without a call are closed. */
const MAX_IDLE = 2048;
/** Number of connections beyond which no other is accepted. */
const MAX_CONNECTIONS = 4096;

export type ServerOptions = {
  readonly app: Hono<BridgeEnv>;
  /** Milliseconds that the head of a request may take, and that its body may take and wait. */
  readonly bodyTimeoutMs: number;
  readonly isDraining: () => boolean;
};

/** The HTTP server of an app, which does not listen yet, and its connections. */
export function createServer({ app, bodyTimeoutMs, isDraining }: ServerOptions): {
  readonly server: Server;
  readonly connections: OpenConnections;
} {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Also of a connection that never sends anything
      headersTimeout: bodyTimeoutMs,
      // A net below the limits of our own, which reply
      requestTimeout: 4 * bodyTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, bodyTimeoutMs),
    },
    // Node itself drains a body that an early reply left unread; the adapter would cut a slow sender off
    autoCleanupIncoming: false,
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  server.prependListener('request', (_, outgoing) => {
    if (isDraining()) outgoing.shouldKeepAlive = false;
  });
  return { server, connections: new OpenConnections(server, MAX_IDLE) };
}
