import type { Context } from 'hono';
import type { Metrics } from '../observability/metrics.ts';
import type { RecordsThread } from '../records/records-thread.ts';

/** `/metrics` in Prometheus' text format: those of the bridge, then those of its records thread. */
export function metricsRoute(
  metrics: Pick<Metrics, 'text' | 'contentType'>,
  records: RecordsThread | undefined,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const texts = await Promise.all([metrics.text(), records?.metrics() ?? '']);
    return c.body(texts.join('\n'), 200, { 'content-type': metrics.contentType });
  };
}
