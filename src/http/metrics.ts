import type { Context } from 'hono';
import type { Registry } from 'prom-client';

/** `/metrics` in Prometheus' text format. */
export function metricsRoute(registry: Registry): (c: Context) => Promise<Response> {
  return async (c) => c.body(await registry.metrics(), 200, { 'content-type': registry.contentType });
}
