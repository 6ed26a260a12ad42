import type { Server } from 'node:http';
import type { Hono } from 'hono';
import type { OpsConfig } from '../config/ops-settings.ts';
import { listen, listenMistake } from './drain.ts';
import type { OpenConnections } from './open-connections.ts';
import type { BridgeEnv } from './refusal.ts';
import { createServer, type ServerOptions } from './server.ts';

/** Far fewer than guardrail calls have, and apart from theirs: a browser has six, a scraper one. */
const BOUNDS = { maxIdle: 64, maxConnections: 128, cutsStrangers: true };
/** Longest that the head of a request may take, and its body. */
const MAX_TIMEOUT_MS = 10_000;

type OpsListenerOptions = Pick<ServerOptions, 'bodyTimeoutMs' | 'isDraining' | 'onCut'> & {
  readonly failed: (error: Error) => void;
};

/** The listener for those who operate the bridge. */
export class OpsListener {
  readonly #config: OpsConfig;
  readonly #server: Server;
  readonly #connections: OpenConnections;

  constructor(app: Hono<BridgeEnv>, config: OpsConfig, { failed, ...options }: OpsListenerOptions) {
    this.#config = config;
    const bodyTimeoutMs = Math.min(MAX_TIMEOUT_MS, options.bodyTimeoutMs);
    const { server, connections } = createServer({ ...options, app, bodyTimeoutMs, bounds: BOUNDS });
    this.#server = server;
    this.#connections = connections;
    server.on('error', (error) => {
      if (server.listening) failed(error);
    });
  }

  /**
   * Listens.
   *
   * @returns the port
   * @throws Error that an operator can read
   */
  async open(): Promise<number> {
    const { host, port } = this.#config;
    try {
      return await listen(this.#server, host, port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(listenMistake(host, port, code, 'OPS_HOST or OPS_PORT'));
    }
  }

  /** Ends it at once: whoever looks on has been told that the bridge drains. */
  close(): void {
    this.#server.close();
    this.#connections.destroy();
  }
}

/** Where somebody on this machine finds the page. */
export function pageAddress(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}/ui`;
}
