import type { Log } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';

/** Metrics, and a log in a list, for a thread of the page. */
export function testLookUpLog() {
  const all: object[] = [];
  const write = (fields: object) => all.push(fields);
  const log = { warn: write, error: write } as unknown as Pick<Log, 'warn' | 'error'>;
  const metrics = createMetrics({ backends: [], policies: [], findings: [] }, () => [], false);
  return { metrics, lines: { all, log } };
}
