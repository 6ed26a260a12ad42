import { Registry } from 'prom-client';
import type { BridgeReport } from '../bridge-parts.ts';
import type { OtherProcesses, Standing } from '../http/health.ts';
import { counter, gauge, registerIn } from '../observability/metric.ts';
import { createMetrics, type MetricLabels, type Metrics } from '../observability/metrics.ts';
import { collectProcessMetrics } from '../observability/process-metrics.ts';
import { endedProcesses, pageOf } from './process-metrics.ts';
import type { ProcessMetrics } from './protocol.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Longest that a scrape waits for a worker. */
const REPORT_MS = 1000;

/** Metrics of the primary and all workers in one page. Workers hand over what they have counted, so that it outlives them. */
export class AllMetrics {
  readonly counts: Metrics;
  readonly #own = createWorkerMetrics();
  readonly #process = new Registry();
  /** Counts of processes that have ended. */
  #ended: ProcessMetrics = [];

  /** @param standings how backends stand with all workers */
  constructor(names: MetricLabels, standings: () => readonly Standing[]) {
    this.counts = createMetrics(names, standings, false);
    collectProcessMetrics(this.#process);
  }

  /** A worker has ended by itself, and another takes its place. */
  replaced(): void {
    this.#own.worker_restarts_total.inc();
  }

  reported(worker: WorkerProcess, report: BridgeReport): void {
    if (report.counts !== undefined) this.counts.add(report.counts);
    worker.report = report;
  }

  ended(worker: WorkerProcess): void {
    this.#ended = endedProcesses(this.#ended, worker.process);
  }

  /**
   * The page in Prometheus' text format.
   *
   * @param up number of workers that take calls
   * @param wanted number of those that there are to be
   * @param records that of the records thread
   */
  async page(
    workers: readonly WorkerProcess[],
    { up, wanted }: OtherProcesses['workers'],
    records: Promise<string> | '',
  ): Promise<string> {
    await Promise.all(workers.map((worker) => this.#ask(worker)));
    this.#own.workers.set({}, up);
    this.#own.workers_wanted.set({}, wanted);
    const own = (await this.#process.getMetricsAsJSON()) as unknown as ProcessMetrics;
    const processes = pageOf([own, this.#ended, ...workers.map((worker) => worker.process)]);
    return (await Promise.all([this.counts.text(), this.#own.text(), processes, records])).join('\n');
  }

  async #ask(worker: WorkerProcess): Promise<void> {
    worker.process = (await worker.questions.ask('report', undefined, REPORT_MS)) ?? worker.process;
  }
}

/** Metrics of workers, beside those that they count themselves. */
export function createWorkerMetrics() {
  const metrics = {
    workers: gauge('Processes that take calls.'),
    workers_wanted: gauge('Processes that are to take calls, by WORKERS.'),
    worker_restarts_total: counter(
      'Workers that ended by themselves, or hung and were killed, and were replaced. A restart by SIGUSR2 does not count.',
    ),
  };
  const registry = new Registry();
  registerIn(registry, 'guardrail_bridge_', metrics);
  return { ...metrics, text: () => registry.metrics() };
}
