import { hostname, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Signal } from '../config/otlp-settings.ts';
import { LINE_TAGS } from './call-lines.ts';
import { CallSpans } from './call-spans.ts';
import { ExportQueue, type ExportResult, exportFailure, MARGIN_MS } from './export-queue.ts';
import { exportersFor } from './exporters.ts';
import { FinishedSpans } from './finished-spans.ts';
import { loggedLine } from './log-records.ts';
import { MetricPages } from './metric-pages.ts';
import type { FromOtlp, OtlpLoss, OtlpStart, ToOtlp } from './protocol.ts';
import { samplerOf } from './sampler.ts';
import { contextOf } from './span-parents.ts';

/*
 * The thread of OTLP: makes spans, log records and metrics of what it is told, and exports them, so that no verdict waits for any of it.
 * It alone loads OpenTelemetry's packages.
 */

/** Lines of the log wait for the spans of their calls, once or twice this long. */
const LINES_MS = 1000;
const MAX_LINES = 4096;
const LOSSES_MS = 250;
/** Where cores are short others get nine times as much of them. */
const NICE = 10;
/** Longest that an export of metrics waits for them. */
const PAGE_MS = 10_000;

const port = parentPort;
if (port === null) throw new Error('not started by OtlpSender');
const post = (message: FromOtlp) => port.postMessage(message);

yieldToOthers();
const start = workerData as OtlpStart;
const { addresses, timeoutMs, version } = start;
const scope = { name: 'litellm-guardrail-bridge', version };
const resource = defaultResource().merge(
  resourceFromAttributes({
    'service.name': start.serviceName,
    'service.version': version,
    'service.instance.id': start.instance,
    'host.name': hostname(),
    ...start.attributes,
  }),
);
const exporters = exportersFor(start);
const losses = new Map<`${Signal} ${OtlpLoss}`, number>();
let lossTimer: NodeJS.Timeout | undefined;
const told = (signal: Signal) => ({
  timeoutMs,
  lost: (reason: OtlpLoss, count: number) => lost(signal, reason, count),
  trouble: (why: string | undefined) => post({ kind: 'trouble', signal, why }),
});

const spans = addresses.traces === undefined ? undefined : spanQueue(addresses.traces);
const calls = new CallSpans(
  new FinishedSpans({ resource, instrumentationScope: scope }, samplerOf(start), (span) => spans?.add(span)),
);

const logs = addresses.logs === undefined ? undefined : logQueue(addresses.logs);
const logger = new LoggerProvider({
  resource,
  processors: [
    {
      onEmit: (record: ReadableLogRecord) => logs?.add(record),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
}).getLogger(scope.name, scope.version);
/** Those that came since the last look, and those of before it. */
let newLines: string[] = [];
let oldLines: string[] = [];

let pageAsked: PromiseWithResolvers<string | undefined> | undefined;
const reader = addresses.metrics === undefined ? undefined : metricReader(addresses.metrics);
if (reader !== undefined) new MeterProvider({ resource, readers: [reader] });

port.on('message', (message: ToOtlp) => {
  switch (message.kind) {
    case 'put':
      for (const line of message.lines.split('\n')) take(line);
      post({ kind: 'done', n: message.n });
      break;
    case 'page':
      pageAsked?.resolve(message.text);
      break;
    case 'close':
      close(message.ms).catch(failed);
  }
});
const timer = setInterval(() => {
  calls.tick();
  emitLines();
}, LINES_MS);

/** Counts what is lost, to be told together: of a full queue it is thousands a second. */
function lost(signal: Signal, reason: OtlpLoss, count: number): void {
  const name = `${signal} ${reason}` as const;
  losses.set(name, (losses.get(name) ?? 0) + count);
  lossTimer ??= setTimeout(tellLosses, LOSSES_MS);
}

function tellLosses(): void {
  clearTimeout(lossTimer);
  lossTimer = undefined;
  for (const [name, count] of losses) {
    const [signal, reason] = name.split(' ') as [Signal, OtlpLoss];
    post({ kind: 'lost', signal, reason, count });
  }
  losses.clear();
}

/** Verdicts come first. Elsewhere than on Linux it would concern the whole process. */
function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICE);
  } catch {
    // A sandbox that forbids it: all are equal then
  }
}

function spanQueue(url: string): ExportQueue<ReadableSpan> {
  const { exporter, cut } = exporters.traces(url);
  return new ExportQueue({ ...told('traces'), cut, export: (items, done) => exporter.export(items, done) });
}

function logQueue(url: string): ExportQueue<ReadableLogRecord> {
  const { exporter, cut } = exporters.logs(url);
  return new ExportQueue({ ...told('logs'), cut, export: (items, done) => exporter.export(items, done) });
}

function metricReader(url: string): PeriodicExportingMetricReader {
  const { exporter, cut } = exporters.metrics(url);
  const { lost: lose, trouble } = told('metrics');
  let isTroubled = false;
  const exportMetrics = exporter.export.bind(exporter);
  exporter.export = (metrics: ResourceMetrics, done: (result: ExportResult) => void) => {
    // A reply of one byte after the other never ends by itself
    const timer = setTimeout(cut, timeoutMs + MARGIN_MS);
    exportMetrics(metrics, (result) => {
      clearTimeout(timer);
      const why = exportFailure(result);
      if (why !== undefined) lose('failed', 1);
      if ((why !== undefined) !== isTroubled) trouble(why);
      isTroubled = why !== undefined;
      done(result);
    });
  };
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: start.metricIntervalMs,
    metricProducers: [new MetricPages({ resource, scope, since: start.since, page })],
  });
}

/** Asks the main thread for all metrics. */
async function page(): Promise<string | undefined> {
  pageAsked = Promise.withResolvers();
  post({ kind: 'page' });
  const timer = setTimeout(pageAsked.resolve, PAGE_MS, undefined);
  const text = await pageAsked.promise;
  clearTimeout(timer);
  if (text === undefined) lost('metrics', 'thread', 1);
  return text;
}

function take(line: string): void {
  try {
    switch (line[0]) {
      case LINE_TAGS.call:
        calls.call(line);
        break;
      case LINE_TAGS.check:
        calls.check(line);
        break;
      case LINE_TAGS.log:
        if (newLines.length < MAX_LINES) newLines.push(line.slice(1));
        else lost('logs', 'full', 1);
    }
  } catch {
    // A line that is none must not end the thread, and those of all others with it
    lost('traces', 'thread', 1);
  }
}

function emitLines(): void {
  for (const line of oldLines) emit(line);
  oldLines = newLines;
  newLines = [];
}

function emit(line: string): void {
  const logged = loggedLine(line);
  if (logged === undefined) {
    lost('logs', 'thread', 1);
    return;
  }
  const { record, callId, inputType } = logged;
  const span = callId === undefined ? undefined : calls.spanOf(callId, inputType);
  logger.emit({ ...record, context: span === undefined ? ROOT_CONTEXT : contextOf(span) });
}

async function close(ms: number): Promise<void> {
  clearInterval(timer);
  calls.tick(true);
  emitLines();
  emitLines();
  const over = new Promise((resolve) => setTimeout(resolve, ms));
  await Promise.race([
    over,
    Promise.all([spans?.close(ms), logs?.close(ms), reader?.forceFlush().catch(() => {})]),
  ]);
  tellLosses();
  post({ kind: 'closed' });
}

/** A mistake of ours ends the thread; it is started again. */
function failed(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
