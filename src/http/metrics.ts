import type { Context } from 'hono';
import type { Registry } from 'prom-client';
import type { RecordsThread } from '../records/records-thread.ts';

/** `/metrics` in Prometheus' text format: of the bridge, and of its telemetry. */
export function metricsRoute(
  registry: Registry,
  telemetry: RecordsThread | undefined,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const texts = await Promise.all([registry.metrics(), telemetry?.metrics() ?? '']);
    return c.body(texts.join('\n'), 200, { 'content-type': registry.contentType });
  };
}
