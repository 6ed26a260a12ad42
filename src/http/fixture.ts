import type { MiddlewareHandler } from 'hono';
import { FIXTURE_BASE, fixtureReply } from '../backends/keeptrusts/fixture.ts';
import { type CallRefusal, errorBody } from '../calls/refusal.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { RepeatedLines } from '../observability/repeated-lines.ts';
import type { BridgeEnv, Refuse } from './refusal.ts';

/** Chat completions of the provider that a Keeptrusts gateway is given. */
export const FIXTURE_PATH = `${FIXTURE_BASE}/chat/completions`;

/** Answers a gateway whose policies allow a request. */
export const fixtureRoute: MiddlewareHandler<BridgeEnv> = async (c) =>
  new Response(await fixtureReply(c.get('body').bytes()), {
    headers: { 'content-type': 'application/json' },
  });

/** Refuses a gateway as a provider does: by the status. */
export function refuseGateway({
  metrics,
  log,
}: {
  metrics: Metrics;
  log: Log;
}): Refuse<CallRefusal['reason']> {
  const repeated = new RepeatedLines(log);
  return (c, refusal) => {
    const { reason, status } = refusal;
    metrics.rejected_total.inc({ reason });
    if (reason === 'aborted') return c.body(null, status);
    repeated.warn({ reason, path: FIXTURE_PATH }, {}, 'request refused');
    return c.json(errorBody(refusal), status);
  };
}
