import type { Server } from 'node:http';
import type { Hono } from 'hono';
import type { Config } from '../config/config.ts';
import type { Log } from '../observability/log.ts';
import type { Observer } from '../observability/observer.ts';
import { drain, listen, listenMistake } from './drain.ts';
import type { OpenConnections } from './open-connections.ts';
import { OpsListener } from './ops-listener.ts';
import type { BridgeEnv } from './refusal.ts';
import { createServer } from './server.ts';

/** A bridge as far as it listens. */
type ListeningBridge = {
  readonly app: Hono<BridgeEnv>;
  readonly ops: Hono<BridgeEnv> | undefined;
  readonly log: Log;
  readonly uncaught: Observer['uncaught'];
  ready(): Promise<void>;
  cutPipeline(): void;
  startDraining(): void;
  isDraining(): boolean;
  close(drainMs?: number): Promise<void>;
};

/** The ports of a bridge; that of those who operate it is undefined where they come to the other one. */
export type Ports = { readonly port: number; readonly opsPort: number | undefined };

/** The listeners of a bridge that is one process: for guardrail calls, and for those who operate it. */
export class Listeners {
  readonly #bridge: ListeningBridge;
  readonly #place: Config['server'];
  readonly #server: Server;
  readonly #connections: OpenConnections;
  readonly #ops: OpsListener | undefined;
  readonly #failed = (error: Error) => this.#bridge.uncaught(error, 'accept');

  constructor(bridge: ListeningBridge, { server, ops, bodies }: Pick<Config, 'server' | 'ops' | 'bodies'>) {
    this.#bridge = bridge;
    this.#place = server;
    const { app, isDraining, cutPipeline: onCut } = bridge;
    const serving = { isDraining, onCut, bodyTimeoutMs: bodies.bodyTimeoutMs };
    const served = createServer({ ...serving, app });
    this.#server = served.server;
    this.#connections = served.connections;
    this.#ops = ops && bridge.ops && new OpsListener(bridge.ops, ops, { ...serving, failed: this.#failed });
  }

  /**
   * Listens once the bridge is ready.
   *
   * @throws Error that an operator can read, if it cannot listen
   */
  async open(): Promise<Ports> {
    const { host, port } = this.#place;
    await this.#bridge.ready();
    if (this.#bridge.isDraining()) throw new Error('the bridge was closed before it listened');
    const opsPort = await this.#ops?.open();
    try {
      const taken = await listen(this.#server, host, port);
      this.#server.on('error', this.#failed);
      return { port: taken, opsPort };
    } catch (error) {
      this.#ops?.close();
      throw new Error(listenMistake(host, port, (error as NodeJS.ErrnoException).code), { cause: error });
    }
  }

  /**
   * Ends without failing a call, and the bridge with it. Those who operate it are told that it drains to the end.
   *
   * @returns false if work was cut off
   */
  async drain(delayMs: number, impatient: Promise<unknown>): Promise<boolean> {
    // Readiness fails first
    this.#bridge.startDraining();
    const { log, close } = this.#bridge;
    const { shutdownTimeoutMs: timeoutMs } = this.#place;
    const finished = await drain(this.#connections, { log, delayMs, timeoutMs, impatient, close });
    this.#ops?.close();
    return finished;
  }

  /** Cuts all off at once, and ends the bridge. */
  async cut(): Promise<void> {
    this.#bridge.startDraining();
    this.#ops?.close();
    this.#connections.destroy();
    await this.#connections.close();
    await this.#bridge.close();
  }
}
