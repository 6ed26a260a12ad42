import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { type Bridge, createBridge } from '../bridge.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import type { OpenConnections } from '../http/open-connections.ts';
import { createServer } from '../http/server.ts';
import { REDACTION_SENTENCES } from '../litellm/response-wiring.ts';
import { watchFiles } from '../policies/file/watch.ts';
import { startWarnings } from './check-config.ts';

/** Share of the remaining time in which records may still be delivered. */
const DELIVERY_SHARE = 0.8;

/** Time in which files are closed when calls were cut off. */
const LAST_WORK_MS = 500;

/** Time for the reader of the log to take its last lines. */
const LAST_LINES_MS = 1000;

/** `guardrail-bridge serve`: listens until SIGTERM or SIGINT, then drains. */
export async function serve(config: Config): Promise<void> {
  const bridge = createBridge(config);
  const { log } = bridge;
  for (const warning of startWarnings(config, bridge.policies?.())) log.warn(warning);
  const { responseRedaction } = config.replies;
  log.info({ response_redaction: responseRedaction }, REDACTION_SENTENCES[responseRedaction]);
  for (const backend of bridge.backends()) log.info(describeBackend(backend), 'backend');
  const stopWatching = followPolicies(bridge, config.policies);

  // A mistake of ours costs the call that met it its verdict, which is never an allow; an exit would cost all others theirs, and
  // whoever found such a call could send it again. The guide to operations says more
  process.on('uncaughtException', (error: unknown) => bridge.uncaught(error, 'exception'));
  process.on('unhandledRejection', (error) => bridge.uncaught(error, 'rejection'));

  const { server, connections } = createServer({
    ...bridge,
    bodyTimeoutMs: config.bodies.bodyTimeoutMs,
    onCut: bridge.cutPipeline,
  });
  const { host } = config.server;
  await bridge.ready();
  server.listen(config.server.port, host);
  await once(server, 'listening').catch(async (error: NodeJS.ErrnoException) => {
    await bridge.close();
    throw new Error(`cannot listen on ${host}:${config.server.port} (${error.code}); set HOST or PORT`);
  });
  server.on('error', (error) => bridge.uncaught(error, 'accept'));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : config.server.port;
  log.info({ host, port, authenticated: config.access.apiKeys.length > 0 }, 'listening');
  // Now and not at the end: a process that is killed writes nothing
  setImmediate(flushCompileCache);

  const signal = await nextSignal();
  stopWatching();
  bridge.startDraining();
  await drain(bridge, connections, config.server, signal);
}

/** Logs the policies in force, and reads their file again when it changes and on SIGHUP. Returns a function to stop. */
function followPolicies(bridge: Bridge, { file: policyFile }: Config['policies']): () => void {
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

function nextSignal(): Promise<string> {
  return Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name).then(() => name)));
}

/**
 * Ends without failing a call: readiness fails first and connections are closed after their next reply, while new ones are
 * accepted for `SHUTDOWN_DELAY`, until the sender of traffic has noticed. Then connections without a call are closed, and calls in
 * flight get their replies. A second signal, or `SHUTDOWN_TIMEOUT`, cuts them off.
 */
async function drain(
  bridge: Bridge,
  connections: OpenConnections,
  config: Config['server'],
  signal: string,
): Promise<void> {
  const { log } = bridge;
  log.info({ signal }, 'draining');
  const impatient = nextSignal();
  if (signal === 'SIGTERM')
    await Promise.race([wait(config.shutdownDelayMs, undefined, { ref: false }), impatient]);

  let endsAt = performance.now() + config.shutdownTimeoutMs;
  const ended = connections
    .close()
    .then(() => bridge.close(Math.max(0, DELIVERY_SHARE * (endsAt - performance.now()))));
  const finished = await Promise.race([
    ended.then(() => true),
    impatient.then(() => false),
    wait(config.shutdownTimeoutMs, false, { ref: false }),
  ]);
  if (!finished) {
    const calls = connections.busy();
    if (calls > 0) log.warn({ calls }, 'calls that have no reply yet are cut off');
    endsAt = performance.now();
    connections.destroy();
    await Promise.race([ended, wait(LAST_WORK_MS, undefined, { ref: false })]);
  }
  log.info('stopped');
  // The process ends by itself, unless nobody reads the log: an exit would wait for that reader too
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_LINES_MS).unref();
  if (!finished) process.exit(0);
}
