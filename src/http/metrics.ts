import type { Context } from 'hono';

/** `/metrics` in Prometheus' text format; 503 where the process that has them does not answer. */
export function metricsRoute(page: () => Promise<string | undefined>, contentType: string) {
  return async (c: Context): Promise<Response> => {
    const text = await page();
    if (text === undefined) return c.text('the primary process does not answer\n', 503);
    return c.body(text, 200, { 'content-type': contentType });
  };
}
