import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { JudgingBackend } from '../pipeline/ask.ts';
import { type GuardrailRouteOptions, guardrailRoute } from './guardrail.ts';
import { healthRoute, readyRoute } from './health.ts';
import { type LogsRouteOptions, logsRoute } from './logs.ts';
import { metricsRoute } from './metrics.ts';

/** LiteLLM adds it to `api_base`; after some edits of a guardrail in its database it does not. */
export const GUARDRAIL_PATHS = ['/beta/litellm_basic_guardrail_api', '/'];

/** Where LiteLLM's `generic_api` logger sends its events. */
export const LOGS_PATH = '/v1/litellm/logs';

export type AppOptions = GuardrailRouteOptions &
  LogsRouteOptions & {
    readonly backends: readonly JudgingBackend[];
    /** Whether an address may call; of a call without a connection it is undefined. */
    readonly isAllowedAddress: (address: string | undefined) => boolean;
  };

type BridgeContext = Context<{ Bindings: Partial<HttpBindings> }>;

/** All routes of the bridge; it does not listen. */
export function createApp(options: AppOptions): Hono<{ Bindings: Partial<HttpBindings> }> {
  const { metrics, log, telemetry, audit, isAllowedAddress } = options;
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>();

  const guardrail = guardrailRoute(options);
  const routes = [
    ...GUARDRAIL_PATHS.map((path) => [path, guardrail] as const),
    [LOGS_PATH, logsRoute(options)] as const,
  ];
  for (const [path, route] of routes) {
    app.post(path, async (c: BridgeContext) => {
      if (isAllowedAddress(c.env?.incoming?.socket.remoteAddress)) return route(c);
      metrics.rejected.inc({ reason: 'address' });
      log.warn({ reason: 'address' }, 'request refused');
      return c.json(
        { error: { type: 'address', message: 'Access forbidden: IP address not allowed.' } },
        403,
      );
    });
    app.all(path, (c) => {
      metrics.rejected.inc({ reason: 'method' });
      return c.json({ error: { type: 'method', message: 'send a POST' } }, 405, { allow: 'POST' });
    });
  }
  app.get('/healthz', healthRoute);
  app.get('/readyz', readyRoute(options.backends, telemetry, audit, options.isDraining));
  app.get('/metrics', metricsRoute(metrics.registry, telemetry));

  app.notFound((c) => {
    metrics.rejected.inc({ reason: 'not_found' });
    const message = `no such path; guardrail calls go to ${GUARDRAIL_PATHS[0]}, log events to ${LOGS_PATH}`;
    return c.json({ error: { type: 'not_found', message } }, 404);
  });
  app.onError((error, c) => {
    metrics.rejected.inc({ reason: 'bug' });
    log.error({ error: error.name }, 'route failed');
    return c.json({ error: { type: 'bug', message: 'see the log' } }, 400);
  });
  return app;
}
