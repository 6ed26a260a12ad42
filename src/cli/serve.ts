import { flushCompileCache } from 'node:module';
import { type Bridge, composeBridge } from '../bridge.ts';
import { startWarnings } from '../calls/start-warnings.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import { databasePlace } from '../database/database-config.ts';
import { endProcess, nextSignal } from '../http/drain.ts';
import { Listeners, type Ports } from '../http/listeners.ts';
import { pageAddress } from '../http/ops-listener.ts';
import { REDACTION_SENTENCES } from '../litellm/response-wiring.ts';
import { watchFiles } from '../policies/file/watch.ts';
import { keptCalls } from './check-config.ts';
import { onNpmEnd } from './npm-parent.ts';

/** What answers on the port: this process, or workers that it starts. */
type Served = Pick<
  Bridge,
  'log' | 'policies' | 'policyFiles' | 'backends' | 'reloadPolicies' | 'uncaught'
> & {
  open(): Promise<Ports>;
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

  const { port, opsPort } = await served.open();
  const { host, shutdownDelayMs } = config.server;
  const { workers, ops } = config;
  const authenticated = config.access.apiKeys.length > 0;
  const apart = ops && { ops_host: ops.host, ops_port: opsPort };
  const page = pageAddress(ops?.host ?? host, opsPort ?? port);
  log.info({ host, port, authenticated, ...(workers > 1 && { workers }), ...apart, page }, 'listening');
  // Now and not at the end: a process that is killed writes nothing
  setImmediate(flushCompileCache);

  const signal = await Promise.race([nextSignal(), npmEnd()]);
  stopWatching();
  log.info({ signal }, 'draining');
  const finished = await served.drain(signal === 'SIGTERM' ? shutdownDelayMs : 0, nextSignal());
  log.info('stopped');
  endProcess(finished);
}

/** Resolves as a signal would, where npm has got it in place of this process. */
const npmEnd = () => new Promise<string>((resolve) => onNpmEnd(() => resolve('SIGTERM')));

async function servedBy(config: Config): Promise<Served> {
  if (config.workers === 1) return ownProcess(config);
  // Not loaded for a process that is alone
  const { Primary } = await import('../workers/primary.ts');
  return new Primary(config);
}

/** The whole bridge in this process. */
function ownProcess(config: Config): Served {
  const bridge = composeBridge(config);
  const listeners = new Listeners(bridge, config);
  return {
    ...bridge,
    async open() {
      try {
        return await listeners.open();
      } catch (error) {
        await bridge.close();
        throw error;
      }
    },
    drain: (delayMs, impatient) => listeners.drain(delayMs, impatient),
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
