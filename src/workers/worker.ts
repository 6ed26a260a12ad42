import { flushCompileCache } from 'node:module';
import { Registry } from 'prom-client';
import packageJson from '../../package.json' with { type: 'json' };
import { composeBridge } from '../bridge.ts';
import { drain, endProcess, listen } from '../http/drain.ts';
import { createServer } from '../http/server.ts';
import { collectProcessMetrics } from '../observability/process-metrics.ts';
import type { PolicySource } from '../policies/store.ts';
import { remotePage } from '../ui/remote-page.ts';
import { decisionsOver, otlpOver, PrimaryAudit, recordsOver, storeOver } from './given-parts.ts';
import { PrimaryLink } from './link.ts';
import type { ProcessMetrics, WorkerProcessStart } from './protocol.ts';

/** Time between two reports to the primary. */
const REPORT_MS = 250;
/** Longest that a scrape waits for the primary. */
const PAGE_MS = 5000;
/** Signals that a terminal, or a supervisor, sends to all processes: the primary tells what is to be done. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const;

/** Never read: where there are none there is no store of them. */
const NO_POLICIES: PolicySource = { text: '', files: new Map(), backends: [] };

/** A process that judges calls, started by the primary. Resolves once it has drained. */
export async function work(): Promise<void> {
  if (process.send === undefined) throw new Error('a worker is started by serve; set WORKERS=2');
  for (const signal of SIGNALS) process.on(signal, () => {});
  const link = new PrimaryLink();
  link.send({ kind: 'hello', release: packageJson.version });
  await judge(link, await link.started);
}

async function judge(
  link: PrimaryLink,
  { config, policies, overall: first, blocked }: WorkerProcessStart,
): Promise<void> {
  let overall = first;
  let source = policies;
  let takePrepared = () => {};
  const bridge = composeBridge(config, link, {
    policies: () => source ?? NO_POLICIES,
    openRecords: recordsOver(link),
    openAudit: () => new PrimaryAudit(link, () => overall),
    openDecisions: decisionsOver(link),
    openOtlp: otlpOver(link),
    store: config.database === undefined ? storeOver(link) : undefined,
    blocked: blocked && {
      known: blocked,
      tell: (change) => link.send({ kind: 'blocked', change }),
      onChange: (listener) => link.listen({ blocked: listener }),
    },
    onCanariesEnded: (listener) => link.listen({ canaries: listener }),
    replay: { keep: (packed, calls) => link.send({ kind: 'kept', packed, calls }) },
    metricsPage: async () => link.ask('page', undefined, PAGE_MS),
    others: () => overall,
    page: remotePage((question, ms) => link.ask('ui', question, ms)),
  });
  process.on('uncaughtException', (error: unknown) => bridge.uncaught(error, 'exception'));
  process.on('unhandledRejection', (error) => bridge.uncaught(error, 'rejection'));

  const registry = new Registry();
  collectProcessMetrics(registry);
  const tellHealth = () => {
    if (overall.isListening) link.tellRecords({ kind: 'listening' });
    if (overall.records !== undefined) link.tellRecords({ kind: 'health', health: overall.records });
  };
  link.listen({
    overall(next) {
      overall = next;
      tellHealth();
    },
  });
  tellHealth();
  link.answer({
    flush() {
      bridge.flushRecords();
      return true;
    },
    async report() {
      const process = (await registry.getMetricsAsJSON()) as unknown as ProcessMetrics;
      // Not in the answer: one that comes too late is dropped
      link.report(bridge.report());
      return process;
    },
    prepare(next) {
      const before = source;
      source = next;
      try {
        takePrepared = bridge.preparePolicies();
        return true;
      } catch (error) {
        source = before;
        bridge.uncaught(error, 'exception');
        return false;
      }
    },
    take() {
      takePrepared();
      takePrepared = () => {};
      return true;
    },
  });

  let isClosing = false;
  const { server, connections } = createServer({
    ...bridge,
    isDraining: () => isClosing || bridge.isDraining(),
    bodyTimeoutMs: config.bodies.bodyTimeoutMs,
    onCut: bridge.cutPipeline,
    isHandedOver: true,
  });
  await bridge.ready();
  try {
    const { host, port } = config.server;
    link.send({ kind: 'up', port: await listen(server, host, port) });
  } catch (error) {
    link.send({ kind: 'unusable', code: (error as NodeJS.ErrnoException).code });
    await bridge.close();
    await link.flushed();
    process.disconnect?.();
    return;
  }
  server.on('error', (error) => bridge.uncaught(error, 'accept'));
  setImmediate(flushCompileCache);
  const reports = setInterval(() => link.report(bridge.report()), REPORT_MS);

  const { isForAll, delayMs, timeoutMs } = await link.ordered;
  if (isForAll) bridge.startDraining();
  else connections.takeNoMore();
  isClosing = true;
  const finished = await drain(connections, {
    ...{ log: bridge.log, delayMs, timeoutMs, close: bridge.close, impatient: link.cut },
  });
  clearInterval(reports);
  link.report(bridge.report());
  await link.flushed();
  process.disconnect?.();
  endProcess(finished);
}
