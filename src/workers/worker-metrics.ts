import { Registry } from 'prom-client';
import { counter, gauge, registerIn } from '../observability/metric.ts';

/** Metrics of workers, beside those that they count themselves. */
export function createWorkerMetrics() {
  const metrics = {
    workers: gauge('Processes that take calls, of those that WORKERS asks for.'),
    worker_restarts_total: counter(
      'Workers that ended by themselves, or hung and were killed, and were replaced. A restart by SIGUSR2 does not count.',
    ),
  };
  const registry = new Registry();
  registerIn(registry, 'guardrail_bridge_', metrics);
  return { ...metrics, text: () => registry.metrics() };
}
