import type { IncomingMessage } from 'node:http';
import { backends } from './backends/index.ts';
import { composeBridge } from './bridge.ts';
import { startWarnings } from './calls/start-warnings.ts';
import { type Config, parseConfig } from './config/config.ts';
import { ConfigError } from './config/config-error.ts';
import { Listeners } from './http/listeners.ts';
import { pageAddress } from './http/ops-listener.ts';
import { PolicyFileError } from './policies/file/problems.ts';
import { watchFiles } from './policies/file/watch.ts';

export { ConfigError, PolicyFileError };

/**
 * Settings by the names of their environment variables, such as `POLICY_FILE` or `BRIDGE_API_KEYS`. A number or a boolean stands for
 * its text; one that is undefined or empty is not set. `guardrail-bridge help settings` lists all.
 */
export type BridgeSettings = Readonly<Record<string, string | number | boolean | undefined>>;

/** Parts of the surrounding program that a bridge may use. */
export type BridgeOptions = {
  /** Takes the log, one JSON object a line: `process.stdout`, or any `write`, and what it throws is a line lost. Without it nothing is logged. */
  readonly log?: { write(line: string): unknown };
};

/** Where a bridge listens. */
export type BridgeAddress = {
  readonly host: string;
  readonly port: number;
  /** As a program on this machine reaches it. */
  readonly url: string;
  /** Address of the page: there, or at `OPS_PORT`. */
  readonly page: string;
};

/** A bridge in this process. It takes no signal and ends no process: call {@link GuardrailBridge.close} at the end. */
export type GuardrailBridge = {
  /**
   * Answers a request as the bridge's own server does, for a server that you have.
   *
   * @param env of `@hono/node-server`: without its `incoming` the caller has no address, which `ALLOWED_IPS` refuses
   */
  readonly fetch: (request: Request, env?: { readonly incoming?: IncomingMessage }) => Promise<Response>;
  /**
   * Listens by `HOST` and `PORT`, and by `OPS_HOST` and `OPS_PORT`, with the limits on connections that `serve` has; a port of 0 takes a free
   * one. Waits until the bridge is ready.
   *
   * @throws Error naming an address that cannot be listened on, or if it listens already
   */
  listen(): Promise<BridgeAddress>;
  /** Resolves once blocked calls can wait for their records, or after some seconds in any case. */
  ready(): Promise<void>;
  /** Reads `POLICY_FILE` again, as the bridge does by itself when it changes; one that cannot be used is logged, and the last good one stays. */
  reloadPolicies(): void;
  /** Fails readiness, answers the calls in flight, delivers records for a while and lets go of everything, in `SHUTDOWN_TIMEOUT` at most. */
  close(): Promise<void>;
};

/**
 * Makes a bridge that runs in this process: the same as `guardrail-bridge serve`, without its signals, its `.env` file and its log on
 * standard output. Several may stand side by side, each with a `DATA_DIR` of its own; one that has none keeps records and decisions in
 * `./data`. `WORKERS` is for the command alone.
 *
 * @param settings none of them is taken from the environment of the process, unless you hand that over
 * @throws ConfigError with a list of `problems`, if settings are missing or wrong
 * @throws PolicyFileError with a list of `problems`, if `POLICY_FILE` cannot be used
 * @example
 * ```ts
 * import { createBridge } from 'litellm-guardrail-bridge';
 *
 * const bridge = createBridge({ POLICY_FILE: 'policy.yaml', DATA_DIR: './data', PORT: 8787 });
 * const { url } = await bridge.listen();
 * console.log(`LiteLLM may ask ${url}`);
 * process.once('SIGTERM', () => bridge.close());
 * ```
 */
export function createBridge(settings: BridgeSettings = {}, { log }: BridgeOptions = {}): GuardrailBridge {
  const config = configOf(settings, log === undefined);
  const bridge = composeBridge(config, { write: (line) => log?.write(line) });
  for (const warning of startWarnings(config, bridge.policies?.())) bridge.log.warn(warning);
  const { file } = config.policies;
  const stopWatching =
    file === undefined ? () => {} : watchFiles(() => [file, ...bridge.policyFiles()], bridge.reloadPolicies);
  const { host, shutdownTimeoutMs: timeoutMs } = config.server;
  let listeners: Listeners | undefined;
  let closed: Promise<void> | undefined;

  const close = async () => {
    stopWatching();
    bridge.startDraining();
    if (listeners === undefined) return bridge.close(timeoutMs);
    // Nobody is impatient, and whoever sends calls is told by the end of its connection
    await listeners.drain(0, new Promise<never>(() => {}));
  };
  return {
    fetch: async (request, env) => bridge.app.fetch(request, env),
    async listen() {
      if (listeners !== undefined || closed !== undefined) throw new Error('the bridge listens once');
      listeners = new Listeners(bridge, config);
      const { port, opsPort } = await listeners.open().catch((error: unknown) => {
        listeners = undefined;
        throw error;
      });
      const page = pageAddress(config.ops?.host ?? host, opsPort ?? port);
      bridge.log.info({ host, port, page }, 'listening');
      return { host, port, url: `http://${nearName(host)}:${port}`, page };
    },
    ready: bridge.ready,
    reloadPolicies: bridge.reloadPolicies,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** The name of an address to this machine. */
function nearName(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** @throws ConfigError */
function configOf(settings: BridgeSettings, isSilent: boolean): Config {
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, value === undefined ? undefined : `${value}`]),
  );
  const config = parseConfig(env, backends);
  if (config.workers > 1) {
    throw new ConfigError([
      'WORKERS: a bridge within a program judges in its process; leave it out, or start guardrail-bridge serve',
    ]);
  }
  return isSilent ? { ...config, logLevel: 'silent' } : config;
}
