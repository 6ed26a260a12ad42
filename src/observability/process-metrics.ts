import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** Metrics of this process, those that prom-client knows and the share of the time in which its event loop was busy. */
export function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register });
  let before = performance.eventLoopUtilization();
  const gauge = new Gauge({
    name: 'guardrail_bridge_event_loop_utilization',
    help: 'Share of the time since the scrape before in which the event loop was busy: the share of its capacity that is used.',
    registers: [register],
    collect() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      gauge.set(utilization);
    },
  });
}
