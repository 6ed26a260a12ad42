import type { Context } from 'hono';

/** `/metrics` in Prometheus' text format. */
export function metricsRoute(page: () => Promise<string>, contentType: string) {
  return async (c: Context): Promise<Response> => c.body(await page(), 200, { 'content-type': contentType });
}
