import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { errorBody } from '../calls/refusal.ts';
import type { Log } from '../observability/log.ts';
import { healthRoute } from './health.ts';
import { readOn, type UnreadLimits } from './middleware/unread-body.ts';
import type { OpsKeys } from './ops-keys.ts';
import type { BridgeEnv } from './refusal.ts';

/** Paths that stand on a listener of their own where there is one. */
export const OPS_PATHS: readonly string[] = ['/ui', '/metrics', '/readyz'];

/** Pages and addresses for those who operate the bridge. */
export type OpsRoutes = {
  readonly ready: Handler<BridgeEnv>;
  readonly metrics: Handler<BridgeEnv>;
  /** All below `/ui`, with its own keys. */
  readonly page: Handler<BridgeEnv>;
};

/** Puts them beside other routes, where readiness and metrics need no key. */
export function addOps(
  app: Hono<BridgeEnv>,
  { ready, metrics, page }: OpsRoutes,
  withoutBody: MiddlewareHandler<BridgeEnv>,
): void {
  app.get('/readyz', withoutBody, ready);
  app.get('/metrics', withoutBody, metrics);
  app.all('/ui/*', page);
}

export type OpsOptions = OpsRoutes & {
  readonly keys: OpsKeys;
  /** False until guardrail calls are taken. */
  readonly isOpen: () => boolean;
  readonly unread: UnreadLimits;
  readonly log: Pick<Log, 'error'>;
};

/** All routes of the listener for those who operate the bridge; it does not listen. */
export function createOps(options: OpsOptions): Hono<BridgeEnv> {
  const { keys, page, ready, metrics, isOpen, unread, log } = options;
  const app = new Hono<BridgeEnv>();
  app.use('*', (c, next) => {
    // The page reads its own
    if (!c.req.path.startsWith('/ui')) readOn(c.env?.incoming, unread);
    return next();
  });
  const asked = (at: string) =>
    keys.asked(at, (c, reason) => {
      const message = `send one of ${keys.setting} as x-api-key`;
      const refusal = { reason: 'unauthorized', field: 'x-api-key', message };
      return c.json(errorBody(refusal), reason === 'crowded' ? 429 : 401);
    });
  app.get('/healthz', healthRoute);
  app.get('/readyz', asked('readyz'), (c, next) =>
    isOpen()
      ? ready(c, next)
      : Promise.resolve(c.json({ status: 'starting', unhappy: [], findings: [] }, 503)),
  );
  app.get('/metrics', asked('metrics'), metrics);
  app.get('/', (c) => c.redirect('/ui'));
  app.all('/ui/*', page);
  app.notFound((c) => {
    const message = `no such path; ${OPS_PATHS.join(', ')} and /healthz stand here, and guardrail calls go to PORT`;
    return c.json(errorBody({ reason: 'not_found', message }), 404);
  });
  app.onError((error, c) => {
    log.error({ error: error.name }, 'route failed');
    return c.json(errorBody({ reason: 'bug', message: 'see the log' }), 500);
  });
  return app;
}
