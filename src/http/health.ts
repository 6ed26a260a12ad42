import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { Releases } from '../litellm/releases.ts';
import type { JudgingBackend } from '../pipeline/check-backend.ts';
import type { RecordsThread } from '../records/records-thread.ts';

export type ReadyRouteOptions = {
  readonly backends: readonly JudgingBackend[];
  readonly records: RecordsThread | undefined;
  readonly audit: Pick<Auditor, 'isUp'>;
  readonly releases: Releases;
  readonly isDraining: () => boolean;
};

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/**
 * `/readyz`: 200 from the first moment, since nothing has to be warmed up, until the bridge drains. A backend in
 * trouble is named and does not make it unready: the fail mode decides for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass. The same goes for records: `outbox` is unhappy while
 * nothing can be stored, while it nears its bounds, and while a backend refuses our token; `audit` while decisions cannot be
 * written down. `litellm` tells of a release that is no longer supported, once one was seen.
 */
export function readyRoute(options: ReadyRouteOptions): (c: Context) => Response {
  const { backends, records, audit, releases, isDraining } = options;
  return (c) => {
    const states = backends.map(({ name, mode, breaker }) => {
      const state = breaker.state();
      return [name, { healthy: state === 'closed', breaker: state, mode }] as const;
    });
    const outbox = records?.health();
    const litellm = releases.report(outbox?.oldRelease);
    const isSafe =
      outbox === undefined || (outbox.storage === null && !outbox.inDanger && outbox.held.length === 0);
    const unhappy = states.flatMap(([name, { healthy }]) => (healthy ? [] : [name]));
    if (!isSafe) unhappy.push('outbox');
    if (!audit.isUp()) unhappy.push('audit');
    const status = isDraining() ? 'draining' : unhappy.length > 0 ? 'degraded' : 'ready';
    const report = {
      status,
      unhappy,
      backends: Object.fromEntries(states),
      ...(outbox && { outbox }),
      ...(!litellm.supported && { litellm }),
    };
    return c.json(report, isDraining() ? 503 : 200);
  };
}
