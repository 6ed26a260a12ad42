import type { Context } from 'hono';
import type { Registry } from 'prom-client';
import type { RecordsThread } from '../records/records-thread.ts';

/** `/metrics` in Prometheus' text format: those of the bridge, then those of its records thread. */
export function metricsRoute(
  registry: Pick<Registry, 'metrics' | 'contentType'>,
  records: RecordsThread | undefined,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const texts = await Promise.all([registry.metrics(), records?.metrics() ?? '']);
    return c.body(texts.join('\n'), 200, { 'content-type': registry.contentType });
  };
}
