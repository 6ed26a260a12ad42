import type { Context } from 'hono';
import type { JudgingBackend } from '../pipeline/ask.ts';

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/**
 * `/readyz`: 200 from the first moment, since nothing has to be warmed up, until the bridge drains. A backend in
 * trouble is named and does not make it unready: the fail mode answers for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass.
 */
export function readyRoute(
  backends: readonly JudgingBackend[],
  isDraining: () => boolean,
): (c: Context) => Response {
  return (c) => {
    const states = backends.map(({ name, mode, breaker }) => {
      const state = breaker.state();
      return [name, { healthy: state === 'closed', breaker: state, mode }] as const;
    });
    const unhappy = states.flatMap(([name, { healthy }]) => (healthy ? [] : [name]));
    const status = isDraining() ? 'draining' : unhappy.length > 0 ? 'degraded' : 'ready';
    return c.json({ status, unhappy, backends: Object.fromEntries(states) }, isDraining() ? 503 : 200);
  };
}
