import { type Gauge, type MetricValue, Registry } from 'prom-client';
import type { ProcessMetrics } from './protocol.ts';

type Values = MetricValue<string>[];
type Process = ProcessMetrics[number];

/** Of all processes the largest tells most. */
const LARGEST = /^(?:nodejs_(?:eventloop_lag_|version_info$)|guardrail_bridge_event_loop_utilization$)/;
/** The time since when all run, and the limit that one meets first. */
const LEAST = /^(?:process_start_time_seconds|process_max_fds|nodejs_eventloop_lag_min_seconds)$/;
/** Ended processes take part in these alone. */
const COUNTED = ['counter', 'histogram'];

/** Metrics of several processes in one page: sums, but for the delay of event loops, start times and limits. */
export async function pageOf(processes: readonly ProcessMetrics[]): Promise<string> {
  const registry = new Registry();
  for (const metric of summed(processes)) {
    registry.registerMetric({ name: metric.name, get: async () => metric } as unknown as Gauge);
  }
  return registry.metrics();
}

/** The counts of processes that have ended, as those of one. */
export function endedProcesses(before: ProcessMetrics, ended: ProcessMetrics): ProcessMetrics {
  return summed([before, ended.filter(({ type }) => COUNTED.includes(String(type)))]);
}

function summed(processes: readonly ProcessMetrics[]): Process[] {
  const metrics = new Map<string, { first: Process; values: Map<string, Values[number]> }>();
  for (const one of processes.flat()) {
    let known = metrics.get(one.name);
    if (known === undefined) {
      known = { first: one, values: new Map() };
      metrics.set(one.name, known);
    }
    for (const value of one.values) {
      const { metricName = '' } = value as { metricName?: string };
      const key = JSON.stringify([metricName, Object.entries(value.labels).sort()]);
      const before = known.values.get(key);
      known.values.set(
        key,
        before === undefined ? value : { ...value, value: joined(one.name, before, value) },
      );
    }
  }
  return [...metrics.values()].map(({ first, values }) => ({ ...first, values: [...values.values()] }));
}

function joined(name: string, { value: one }: Values[number], { value: other }: Values[number]): number {
  if (LEAST.test(name)) return Math.min(one, other);
  return LARGEST.test(name) ? Math.max(one, other) : one + other;
}
