import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { JudgingBackend } from '../pipeline/ask.ts';
import type { RecordsThread } from '../records/records-thread.ts';

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/**
 * `/readyz`: 200 from the first moment, since nothing has to be warmed up, until the bridge drains. A backend in
 * trouble is named and does not make it unready: the fail mode answers for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass. The same goes for telemetry: `outbox` is unhappy while
 * nothing can be stored, while it nears its bounds, and while a backend refuses our token; `audit` while decisions cannot be
 * written down.
 */
export function readyRoute(
  backends: readonly JudgingBackend[],
  telemetry: RecordsThread | undefined,
  audit: Pick<Auditor, 'isUp'>,
  isDraining: () => boolean,
): (c: Context) => Response {
  return (c) => {
    const states = backends.map(({ name, mode, breaker }) => {
      const state = breaker.state();
      return [name, { healthy: state === 'closed', breaker: state, mode }] as const;
    });
    const outbox = telemetry?.health();
    const isSafe =
      outbox === undefined || (outbox.storage === null && !outbox.inDanger && outbox.held.length === 0);
    const unhappy = states
      .flatMap(([name, { healthy }]) => (healthy ? [] : [name]))
      .concat(isSafe ? [] : 'outbox', audit.isUp() ? [] : 'audit');
    const status = isDraining() ? 'draining' : unhappy.length > 0 ? 'degraded' : 'ready';
    const report = { status, unhappy, backends: Object.fromEntries(states), ...(outbox && { outbox }) };
    return c.json(report, isDraining() ? 503 : 200);
  };
}
