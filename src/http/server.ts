import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { type ConnectionBounds, OpenConnections } from './open-connections.ts';
import type { BridgeEnv } from './refusal.ts';

/** Longer than LiteLLM lets a connection idle, so that it is the one to close it. */
const KEEP_ALIVE_MS = 75_000;

const BOUNDS: ConnectionBounds = { maxIdle: 2048, maxConnections: 4096 };

/** Most requests of one connection in a turn of the event loop. */
const MAX_IN_A_TURN = 64;
const COUNTED_FROM = 8;

export type ServerOptions = {
  readonly app: Hono<BridgeEnv>;
  /** Milliseconds that the head of a request may take, and that its body may take and wait. */
  readonly bodyTimeoutMs: number;
  readonly isDraining: () => boolean;
  /** Called when a connection is closed for that. */
  readonly onCut: () => void;
  /** True where connections are handed over by another process, which would hand over one that is not taken again and again. */
  readonly isHandedOver?: boolean;
  readonly bounds?: ConnectionBounds;
};

/**
 * Tells requests that one connection sends without waiting for replies: a thousand can be read at once, and nobody else has a turn
 * until all are handled. It is one comparison for the others.
 */
class Pipelines {
  #last: Socket | undefined;
  /** Requests in a row of the last connection. */
  #run = 0;

  /** False for a request that is one too many in this turn of the event loop. */
  takes(socket: Socket): boolean {
    if (socket !== this.#last) {
      this.#last = socket;
      this.#run = 1;
      return true;
    }
    if (++this.#run === COUNTED_FROM) setImmediate(this.#reset);
    return this.#run <= MAX_IN_A_TURN;
  }

  readonly #reset = () => {
    this.#run = 0;
  };
}

/** The HTTP server of an app, which does not listen yet, and its connections. */
export function createServer({
  app,
  bodyTimeoutMs,
  isDraining,
  onCut,
  isHandedOver = false,
  bounds = BOUNDS,
}: ServerOptions): {
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
  if (!isHandedOver && !bounds.cutsStrangers) server.maxConnections = bounds.maxConnections;
  const pipelines = new Pipelines();
  const [handle] = server.listeners('request') as [RequestListener];
  server.removeAllListeners('request');
  server.on('request', (incoming, outgoing) => {
    if (isDraining()) outgoing.shouldKeepAlive = false;
    const { socket } = incoming;
    if (pipelines.takes(socket)) return handle(incoming, outgoing);
    if (!socket.destroyed) onCut();
    socket.destroy();
  });
  return { server, connections: new OpenConnections(server, bounds) };
}
