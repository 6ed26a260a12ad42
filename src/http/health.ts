import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { Releases } from '../litellm/releases.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { RecordsThread } from '../records/records-thread.ts';

export type ReadyRouteOptions = {
  readonly backends: Pick<ConfiguredBackends, 'all'>;
  readonly records: RecordsThread | undefined;
  readonly audit: Pick<Auditor, 'isUp' | 'isShipping'>;
  readonly releases: Releases;
  readonly isDraining: () => boolean;
};

/** `/healthz`: the process answers. */
export function healthRoute(c: Context): Response {
  return c.json({ status: 'ok' });
}

/**
 * `/readyz`: 200 from the first moment, since nothing has to be warmed up, until the bridge drains. A backend in
 * trouble, or one that refuses our token, is named and does not make it unready: the fail mode decides for it, and taking all replicas out of
 * service would stop the traffic that `fail_open` lets pass. The same goes for records: `outbox` is unhappy while
 * nothing can be stored, while it nears its bounds, and while a backend refuses our token; `database` while the one that
 * replicas share cannot be used, and this machine keeps what comes; `audit` while decisions cannot be written down. `litellm` tells of a release that is no longer supported, once one was seen.
 */
export function readyRoute(options: ReadyRouteOptions): (c: Context) => Response {
  const { backends, records, audit, releases, isDraining } = options;
  return (c) => {
    const states = backends.all.map(({ name, mode, breaker, access }) => {
      const state = breaker.state();
      const isRefused = access.isRefused;
      const healthy = state === 'closed' && !isRefused;
      return [name, { healthy, breaker: state, mode, ...(isRefused && { unauthorized: true }) }] as const;
    });
    const outbox = records?.health();
    const litellm = releases.report(outbox?.oldRelease);
    const isSafe =
      outbox === undefined || (outbox.storage === null && !outbox.inDanger && outbox.held.length === 0);
    const unhappy = states.flatMap(([name, { healthy }]) => (healthy ? [] : [name]));
    if (!isSafe) unhappy.push('outbox');
    if (typeof outbox?.database === 'string') unhappy.push('database');
    if (!audit.isUp()) unhappy.push('audit');
    if (!audit.isShipping() && !unhappy.includes('database')) unhappy.push('database');
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
