import { flushCompileCache } from 'node:module';
import { type Bridge, composeBridge } from '../bridge.ts';
import { startWarnings } from '../calls/start-warnings.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import { databasePlace } from '../database/database-config.ts';
import { drain, endProcess, listen, listenMistake, nextSignal } from '../http/drain.ts';
import { createServer } from '../http/server.ts';
import { REDACTION_SENTENCES } from '../litellm/response-wiring.ts';
import { watchFiles } from '../policies/file/watch.ts';
import { keptCalls } from './check-config.ts';

/** What answers on the port: this process, or workers that it starts. */
type Served = Pick<
  Bridge,
  'log' | 'policies' | 'policyFiles' | 'backends' | 'reloadPolicies' | 'uncaught'
> & {
  /** @returns the port */
  open(): Promise<number>;
  /** Replaces workers without failing a call; undefined where there are none. */
  restart?(): void;
  /** @returns false if work was cut off */
  drain(delayMs: number, impatient: Promise<unknown>): Promise<boolean>;
};

/** `guardrail-bridge serve`: listens until SIGTERM or SIGINT, then drains. */
export async function serve(config: Config): Promise<void> {
  const served = await servedBy(config);
  const { log } = served;
  for (const warning of startWarnings(config, served.policies?.())) log.warn(warning);
  const { responseRedaction } = config.replies;
  log.info({ response_redaction: responseRedaction }, REDACTION_SENTENCES[responseRedaction]);
  for (const backend of served.backends()) log.info(describeBackend(backend), 'backend');
  if (config.replay !== undefined) log.info(keptCalls(config.replay));
  if (config.database !== undefined) log.info(databasePlace(config.database), 'database');
  const stopWatching = followPolicies(served, config.policies);
  process.on('SIGUSR2', () => {
    if (served.restart === undefined) log.warn('SIGUSR2 restarts workers, and there are none: set WORKERS');
    else served.restart();
  });

  // A mistake of ours costs the call that met it its verdict, which is never an allow; an exit would cost all others theirs, and
  // whoever found such a call could send it again. The guide to operations says more
  process.on('uncaughtException', (error: unknown) => served.uncaught(error, 'exception'));
  process.on('unhandledRejection', (error) => served.uncaught(error, 'rejection'));

  const port = await served.open();
  const { host, shutdownDelayMs } = config.server;
  const { workers } = config;
  const authenticated = config.access.apiKeys.length > 0;
  log.info({ host, port, authenticated, ...(workers > 1 && { workers }) }, 'listening');
  // Now and not at the end: a process that is killed writes nothing
  setImmediate(flushCompileCache);

  const signal = await nextSignal();
  stopWatching();
  log.info({ signal }, 'draining');
  const finished = await served.drain(signal === 'SIGTERM' ? shutdownDelayMs : 0, nextSignal());
  log.info('stopped');
  endProcess(finished);
}

async function servedBy(config: Config): Promise<Served> {
  if (config.workers === 1) return ownProcess(config);
  // Not loaded for a process that is alone
  const { Primary } = await import('../workers/primary.ts');
  return new Primary(config);
}

/** The whole bridge in this process. */
function ownProcess(config: Config): Served {
  const bridge = composeBridge(config);
  const { server, connections } = createServer({
    ...bridge,
    bodyTimeoutMs: config.bodies.bodyTimeoutMs,
    onCut: bridge.cutPipeline,
  });
  const { host, port, shutdownTimeoutMs: timeoutMs } = config.server;
  return {
    ...bridge,
    async open() {
      await bridge.ready();
      const taken = await listen(server, host, port).catch(async (error: NodeJS.ErrnoException) => {
        await bridge.close();
        throw new Error(listenMistake(host, port, error.code));
      });
      server.on('error', (error) => bridge.uncaught(error, 'accept'));
      return taken;
    },
    drain(delayMs, impatient) {
      // Readiness fails first
      bridge.startDraining();
      return drain(connections, { log: bridge.log, delayMs, timeoutMs, impatient, close: bridge.close });
    },
  };
}

/** Logs the policies in force, and reads their file again when it changes and on SIGHUP. Returns a function to stop. */
function followPolicies(bridge: Served, { file: policyFile }: Config['policies']): () => void {
  const file = bridge.policies?.();
  if (file !== undefined) {
    const { name, version, chain, rules, orchestration, onError } = file;
    const read = { policy_file: name, policy_version: version, chain, rules: rules.length };
    bridge.log.info({ ...read, orchestration, on_error: onError }, 'policies');
  }
  process.on('SIGHUP', () => {
    if (policyFile === undefined) bridge.log.warn('SIGHUP reads POLICY_FILE again, and there is none');
    else bridge.reloadPolicies();
  });
  if (policyFile === undefined) return () => {};
  return watchFiles(
    () => [policyFile, ...bridge.policyFiles()],
    () => bridge.reloadPolicies(),
  );
}
