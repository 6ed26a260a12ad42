import type { Context } from 'hono';
import type { Registry } from 'prom-client';
import type { Telemetry } from '../records/telemetry.ts';

/** `/metrics` in Prometheus' text format: of the bridge, and of its telemetry. */
export function metricsRoute(
  registry: Registry,
  telemetry: Telemetry | undefined,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const texts = await Promise.all([registry.metrics(), telemetry?.metrics() ?? '']);
    return c.body(texts.join('\n'), 200, { 'content-type': registry.contentType });
  };
}
