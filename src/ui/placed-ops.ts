import type { Handler, Hono } from 'hono';
import type { Config } from '../config/config.ts';
import { ipList } from '../guardrail/ip-list.ts';
import { metricsRoute } from '../http/metrics.ts';
import { createOps, type OpsRoutes } from '../http/ops.ts';
import { OpsKeys } from '../http/ops-keys.ts';
import type { BridgeEnv } from '../http/refusal.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { PageSource } from './page-source.ts';

export type PlacedOpsOptions = {
  readonly config: Pick<Config, 'ops' | 'access' | 'server' | 'bodies'>;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly ready: Handler<BridgeEnv>;
  /** All metrics in Prometheus' text format. */
  readonly metricsPage: () => Promise<string | undefined>;
  /** All that the page shows. */
  readonly page: PageSource;
  readonly isDraining: () => boolean;
  /** False until guardrail calls are taken. */
  readonly isOpen?: () => boolean;
};

/** Pages and addresses for those who operate the bridge. */
export type PlacedOps = {
  /** Routes beside those of guardrail calls; undefined where there is a listener of its own. */
  readonly beside: OpsRoutes | undefined;
  /** All routes of that listener. */
  readonly apart: Hono<BridgeEnv> | undefined;
  /** Has no wrong key wait any more. */
  close(): void;
};

/** Puts page, metrics and readiness where the configuration has them, behind its keys. */
export function placeOps(options: PlacedOpsOptions): PlacedOps {
  const { config, metrics, log, ready, metricsPage, isDraining, isOpen = () => true } = options;
  const { ops, access, server, bodies } = config;
  const keys = new OpsKeys({
    ...(ops === undefined
      ? { apiKeys: access.apiKeys, setting: 'BRIDGE_API_KEYS' }
      : { apiKeys: ops.apiKeys, setting: 'OPS_API_KEYS' }),
    ...{ metrics, log },
  });
  const unread = {
    timeoutMs: bodies.bodyTimeoutMs,
    onCut: () => metrics.cut_connections_total.inc({ reason: 'body' }),
  };
  const open = async (): Promise<Hono<BridgeEnv>> => {
    const [{ createPage }, { createUi }] = await Promise.all([import('./page.ts'), import('./ui.ts')]);
    const ui = createUi({
      ...{ source: options.page, isDraining, bodyTimeoutMs: bodies.bodyTimeoutMs },
      onError: (error) => log.error({ error: error.name, at: 'ui' }, 'route failed'),
    });
    const isForAll = ops !== undefined || access.allowedIps.length === 0;
    return createPage({
      ...{ ui, keys, unread, host: (ops ?? server).host },
      isAllowedAddress: isForAll ? () => true : ipList(access.allowedIps),
    });
  };
  // Loaded for the first who looks: it takes 15 ms and 7 MB
  let opened: Promise<Hono<BridgeEnv>> | undefined;
  const page: OpsRoutes['page'] = async (c) => {
    opened ??= open();
    return (await opened).fetch(c.req.raw, c.env);
  };
  const routes: OpsRoutes = { ready, metrics: metricsRoute(metricsPage, metrics.contentType), page };
  return {
    beside: ops === undefined ? routes : undefined,
    apart: ops && createOps({ ...routes, keys, isOpen, unread, log }),
    close: () => keys.stopWaiting(),
  };
}
