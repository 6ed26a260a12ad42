import { Hono, type MiddlewareHandler } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { CallHandler } from '../calls/call-handler.ts';
import type { LargeCalls } from '../calls/large-calls.ts';
import { errorBody, type RefuseCall } from '../calls/refusal.ts';
import type { Releases } from '../litellm/releases.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { FIXTURE_PATH, fixtureRoute, refuseGateway } from './fixture.ts';
import { guardrailRoute } from './guardrail.ts';
import { healthRoute, readyRoute } from './health.ts';
import { LOG_BODY_MESSAGES, logsRoute } from './logs.ts';
import { metricsRoute } from './metrics.ts';
import { allowAddresses } from './middleware/address.ts';
import { authenticate } from './middleware/authenticate.ts';
import { readBody } from './middleware/body.ts';
import { readOn } from './middleware/unread-body.ts';
import { type BridgeEnv, type Refuse, refuseGuardrailCall, refuseLogs } from './refusal.ts';

/** LiteLLM adds it to `api_base`; after some edits of a guardrail in its database it does not. */
export const GUARDRAIL_PATHS = ['/beta/litellm_basic_guardrail_api', '/'];

/** Where LiteLLM's `generic_api` logger sends its events. */
export const LOGS_PATH = '/v1/litellm/logs';

export type AppOptions = {
  readonly handler: CallHandler;
  readonly largeCalls: LargeCalls;
  readonly refuse: RefuseCall;
  readonly backends: ConfiguredBackends;
  /** Undefined when telemetry is off. */
  readonly records: RecordsThread | undefined;
  readonly audit: Auditor;
  readonly releases: Releases;
  readonly metrics: Metrics;
  readonly log: Log;
  /** None: callers are not asked for a key. */
  readonly apiKeys: readonly string[];
  /** True for an address that may call; gets undefined for a call without a connection. */
  readonly isAllowedAddress: (address: string | undefined) => boolean;
  readonly maxBodyBytes: number;
  readonly maxLogBodyBytes: number;
  /** Milliseconds in which a body has to arrive. */
  readonly bodyTimeoutMs: number;
  readonly isDraining: () => boolean;
};

/** All routes of the bridge; it does not listen. */
export function createApp(options: AppOptions): Hono<BridgeEnv> {
  const { metrics, log, records, isAllowedAddress, apiKeys } = options;
  const app = new Hono<BridgeEnv>();
  const refuseCall = refuseGuardrailCall(options.refuse, options.isDraining);
  const refuseEvents = refuseLogs(options);
  const unread = {
    timeoutMs: options.bodyTimeoutMs,
    onCut: () => metrics.cut_connections_total.inc({ reason: 'body' }),
  };
  /** Refuses before the body is read. */
  const early =
    <Reason extends string>(refuse: Refuse<Reason>): Refuse<Reason> =>
    (c, refusal) => {
      readOn(c.env?.incoming, unread);
      return refuse(c, refusal);
    };
  const withoutBody: MiddlewareHandler<BridgeEnv> = (c, next) => {
    readOn(c.env?.incoming, unread);
    return next();
  };

  app.on(
    'POST',
    GUARDRAIL_PATHS,
    allowAddresses(isAllowedAddress, early(refuseCall)),
    authenticate(apiKeys, 'the api_key of the guardrail', early(refuseCall)),
    readBody({
      maxBytes: options.maxBodyBytes,
      timeoutMs: options.bodyTimeoutMs,
      largestAtOnce: 4,
      acceptsGzip: false,
      messages: { too_large: '', overloaded: '', content_encoding: 'send the body uncompressed' },
      refuse: refuseCall,
      refuseEarly: early(refuseCall),
    }),
    guardrailRoute(options),
  );
  app.post(
    LOGS_PATH,
    allowAddresses(isAllowedAddress, early(refuseCall)),
    authenticate(apiKeys, 'under headers of the callback', early(refuseEvents)),
    readBody({
      maxBytes: options.maxLogBodyBytes,
      timeoutMs: options.bodyTimeoutMs,
      // Read, a body takes several times its size: they share the room of one, and LiteLLM sends a refused one again
      largestAtOnce: 1,
      acceptsGzip: true,
      messages: LOG_BODY_MESSAGES,
      refuse: refuseEvents,
      refuseEarly: early(refuseEvents),
    }),
    logsRoute({
      records,
      refuse: refuseEvents,
      dropped: () => metrics.log_posts_total.inc({ result: 'no_backend' }),
      accepted(ms) {
        metrics.log_posts_total.inc({ result: 'accepted' });
        metrics.log_post_seconds.observe({}, ms / 1000);
      },
    }),
  );
  const refuseFixture = refuseGateway(options);
  app.post(
    FIXTURE_PATH,
    allowAddresses(isAllowedAddress, early(refuseFixture)),
    authenticate(apiKeys, 'secret_key_ref of the provider target', early(refuseFixture)),
    readBody({
      maxBytes: options.maxBodyBytes,
      timeoutMs: options.bodyTimeoutMs,
      largestAtOnce: 1,
      acceptsGzip: false,
      messages: { too_large: '', overloaded: '', content_encoding: 'send the body uncompressed' },
      refuse: refuseFixture,
      refuseEarly: early(refuseFixture),
    }),
    fixtureRoute,
  );
  app.on('ALL', [...GUARDRAIL_PATHS, LOGS_PATH, FIXTURE_PATH], withoutBody, (c) => {
    metrics.rejected_total.inc({ reason: 'method' });
    return c.json(errorBody({ reason: 'method', message: 'send a POST' }), 405, { allow: 'POST' });
  });
  app.get('/healthz', withoutBody, healthRoute);
  app.get('/readyz', withoutBody, readyRoute(options));
  app.get('/metrics', withoutBody, metricsRoute(metrics, records));

  app.notFound((c) => {
    readOn(c.env?.incoming, unread);
    metrics.rejected_total.inc({ reason: 'not_found' });
    const message = `no such path; guardrail calls go to ${GUARDRAIL_PATHS[0]}, log events to ${LOGS_PATH}`;
    return c.json(errorBody({ reason: 'not_found', message }), 404);
  });
  app.onError((error, c) => {
    log.error({ error: error.name }, 'route failed');
    const bug = { status: 400, reason: 'bug', message: 'see the log' } as const;
    if (c.req.method === 'POST' && GUARDRAIL_PATHS.includes(c.req.path)) return refuseCall(c, bug);
    metrics.rejected_total.inc({ reason: 'bug' });
    return c.json(errorBody(bug), bug.status);
  });
  return app;
}
