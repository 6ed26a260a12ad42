import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import type { ReceivedBody } from '../calls/received-body.ts';
import { type CallRefusal, errorBody, type RefuseCall } from '../calls/refusal.ts';
import type { JsonLimits } from '../guardrail/json-nodes.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { RepeatedLines } from '../observability/repeated-lines.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { CANARY_PATH, type CanaryRouteOptions, canaryRoute } from './canary.ts';
import { CAPSULE_CHECK_PATHS, CAPSULE_RECORD_PATHS } from './capsule.ts';
import { FIXTURE_PATH, fixtureRoute, refuseGateway } from './fixture.ts';
import { type GuardrailRouteOptions, guardrailRoute, judgeBody } from './guardrail.ts';
import { healthRoute } from './health.ts';
import { LOG_BODY_MESSAGES, type LogsRouteOptions, logsRoute } from './logs.ts';
import { allowAddresses } from './middleware/address.ts';
import { authenticate } from './middleware/authenticate.ts';
import { readBody } from './middleware/body.ts';
import { BodyReader } from './middleware/body-reader.ts';
import { readOn } from './middleware/unread-body.ts';
import { addOps, OPS_PATHS, type OpsRoutes } from './ops.ts';
import {
  type BridgeContext,
  type BridgeEnv,
  eventsIn,
  isByLitellm,
  type Refuse,
  refuseGuardrailCall,
  refuseLogs,
} from './refusal.ts';
import { isOwnRequest, turnedRoutes } from './turned.ts';

const GUARDRAIL_PATH = '/beta/litellm_basic_guardrail_api';
/** LiteLLM adds it to `api_base`; after some edits of a guardrail in its database it does not. */
export const GUARDRAIL_PATHS: readonly string[] = [GUARDRAIL_PATH, '/'];

/** Where LiteLLM's `generic_api` logger sends its events. */
export const LOGS_PATH = '/v1/litellm/logs';

/** True for log events, at a path of guardrail calls: a list, or an object that begins with the id of its event. */
function isOfEvents(body: ReceivedBody): boolean {
  return /^\s*(?:\[|\{\s*"id")/.test(body.bytes().toString('latin1', 0, 32));
}

/** Where Akto's clients look whether it answers, and whether it knows their token. */
const AKTO_HEALTH_PATH = '/healthCheck';
const AKTO_AUTH_PATH = '/api/auth-check';

export type AppOptions = GuardrailRouteOptions & {
  readonly refuse: RefuseCall;
  /** Undefined when telemetry is off. */
  readonly records: RecordsThread | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  /** None: callers are not asked for a key. */
  readonly apiKeys: readonly string[];
  /** True for an address that may call; gets undefined for a call without a connection. */
  readonly isAllowedAddress: (address: string | undefined) => boolean;
  /** The request under a state key as JSON, if it is remembered. */
  readonly requestOf: (key: string) => Promise<Uint8Array | undefined>;
  readonly limits: JsonLimits;
  readonly maxBodyBytes: number;
  readonly maxLogBodyBytes: number;
  /** Milliseconds in which a body has to arrive. */
  readonly bodyTimeoutMs: number;
  readonly isDraining: () => boolean;
  /** Undefined where they stand on a listener of their own. */
  readonly ops: OpsRoutes | undefined;
  readonly canaries: CanaryRouteOptions['canaries'];
  readonly responseRedaction: CanaryRouteOptions['responseRedaction'];
};

const isAktoPath = (path: string | undefined) => path?.startsWith('/api/') === true;

/** Where LiteLLM is told the key for some paths of one door. */
function keyAt([path]: readonly string[], otherwise: string): string {
  if (isAktoPath(path)) return 'as akto_api_key, or AKTO_API_TOKEN of the hook';
  return path !== undefined && CAPSULE_PATHS.has(path) ? 'as CAPSULE_LITELLM_TOKEN' : otherwise;
}
const CAPSULE_PATHS = new Set([...CAPSULE_CHECK_PATHS, ...CAPSULE_RECORD_PATHS]);

/** All routes of the bridge; it does not listen. */
export function createApp(options: AppOptions): Hono<BridgeEnv> {
  const { metrics, log, isAllowedAddress, apiKeys, records } = options;
  const app = new Hono<BridgeEnv>();
  const refuseCall = refuseGuardrailCall(options);
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

  const callReader = new BodyReader({
    maxBytes: options.maxBodyBytes,
    timeoutMs: options.bodyTimeoutMs,
    largestAtOnce: 4,
  });
  // Read, a body takes several times its size: they share the room of one, and LiteLLM sends a refused one again
  const logReader = new BodyReader({
    maxBytes: options.maxLogBodyBytes,
    timeoutMs: options.bodyTimeoutMs,
    largestAtOnce: 1,
  });
  const callMessages = { too_large: '', overloaded: '', content_encoding: 'send the body uncompressed' };
  /** Takes calls of one form. */
  const judged = (
    paths: readonly string[],
    refuse: Refuse<CallRefusal['reason']>,
    route: Handler<BridgeEnv>,
  ) => {
    app.on(
      'POST',
      [...paths],
      allowAddresses(isAllowedAddress, early(refuse)),
      authenticate(
        apiKeys,
        keyAt(paths, 'the api_key of the guardrail'),
        early(refuse),
        isAktoPath(paths[0]),
      ),
      readBody(callReader, {
        acceptsGzip: false,
        messages: callMessages,
        refuse,
        refuseEarly: early(refuse),
      }),
      route,
    );
  };
  /** Takes what is to be recorded. */
  const recorded = (paths: readonly string[], route: Handler<BridgeEnv>, acceptsGzip: boolean) => {
    app.on(
      'POST',
      [...paths],
      allowAddresses(isAllowedAddress, early(refuseCall)),
      authenticate(
        apiKeys,
        keyAt(paths, 'under headers of the callback'),
        early(refuseEvents),
        isAktoPath(paths[0]),
      ),
      readBody(logReader, {
        acceptsGzip,
        messages: LOG_BODY_MESSAGES,
        refuse: refuseEvents,
        refuseEarly: early(refuseEvents),
      }),
      route,
    );
  };
  const logs: LogsRouteOptions = {
    records,
    refuse: refuseEvents,
    dropped: () => metrics.log_posts_total.inc({ result: 'no_backend' }),
    accepted(ms) {
      metrics.log_posts_total.inc({ result: 'accepted' });
      metrics.log_post_seconds.observe({}, ms / 1000);
    },
  };
  const judge = judgeBody(options);
  const turned = turnedRoutes({ ...options, logs, judge });
  const repeated = new RepeatedLines(log);
  const notFound = (c: BridgeContext) => {
    metrics.rejected_total.inc({ reason: 'not_found' });
    repeated.warn({ reason: 'not_found', method: c.req.method }, {}, 'request refused');
    const isElsewhere = OPS_PATHS.some((path) => c.req.path === path || c.req.path.startsWith(`${path}/`));
    const message = isElsewhere
      ? `${OPS_PATHS.join(', ')} stand at OPS_PORT`
      : `no such path; guardrail calls go to ${GUARDRAIL_PATHS[0]}, log events to ${LOGS_PATH}`;
    return c.json(errorBody({ reason: 'not_found', message }), 404);
  };
  const guardrail = guardrailRoute(judge, options.isDraining);
  judged(GUARDRAIL_PATHS, refuseCall, (c, next) => {
    if (!isByLitellm(c) || !isOfEvents(c.get('body'))) return guardrail(c, next);
    metrics.finding_calls_total.inc({ code: 'callback_url_wrong' }, eventsIn(c));
    return notFound(c);
  });
  app.on('POST', [...turned.paths], (c, next) => {
    if (!isOwnRequest(c)) return next();
    readOn(c.env?.incoming, unread);
    metrics.rejected_total.inc({ reason: 'loop' });
    const message = 'this bridge asks itself: a vendor has the address of the bridge';
    return Promise.resolve(c.json(errorBody({ reason: 'loop', message }), 508));
  });
  for (const { paths, refuse, route } of turned.checks) judged(paths, refuse, route);
  recorded([LOGS_PATH], logsRoute(logs), true);
  for (const { paths, route } of turned.records) recorded(paths, route, false);
  const fixtureReader = new BodyReader({
    maxBytes: options.maxBodyBytes,
    timeoutMs: options.bodyTimeoutMs,
    largestAtOnce: 1,
  });
  const refuseFixture = refuseGateway(options);
  app.post(
    FIXTURE_PATH,
    allowAddresses(isAllowedAddress, early(refuseFixture)),
    authenticate(apiKeys, 'secret_key_ref of the provider target', early(refuseFixture)),
    readBody(fixtureReader, {
      acceptsGzip: false,
      messages: callMessages,
      refuse: refuseFixture,
      refuseEarly: early(refuseFixture),
    }),
    fixtureRoute,
  );
  app.on('ALL', [...GUARDRAIL_PATHS, LOGS_PATH, FIXTURE_PATH, ...turned.paths], withoutBody, (c) => {
    metrics.rejected_total.inc({ reason: 'method' });
    return c.json(errorBody({ reason: 'method', message: 'send a POST' }), 405, { allow: 'POST' });
  });
  app.on('GET', ['/healthz', AKTO_HEALTH_PATH], withoutBody, healthRoute);
  app.all(
    AKTO_AUTH_PATH,
    withoutBody,
    allowAddresses(isAllowedAddress, refuseCall),
    authenticate(apiKeys, keyAt([AKTO_AUTH_PATH], ''), refuseCall, true),
    (c) => c.json({ success: true }),
  );
  app.get(
    CANARY_PATH,
    withoutBody,
    allowAddresses(isAllowedAddress, refuseCall),
    authenticate(apiKeys, 'the api_key of the guardrail', refuseCall),
    canaryRoute(options),
  );
  if (options.ops !== undefined) addOps(app, options.ops, withoutBody);

  app.notFound((c) => {
    readOn(c.env?.incoming, unread);
    if (isByLitellm(c) && isAllowedAddress(c.env?.incoming?.socket.remoteAddress)) {
      const code = c.req.path.endsWith(GUARDRAIL_PATH) ? 'guardrail_url_wrong' : 'callback_url_wrong';
      metrics.finding_calls_total.inc({ code });
    }
    return notFound(c);
  });
  app.onError((error, c) => {
    log.error({ error: error.name }, 'route failed');
    const bug = { status: 400, reason: 'bug', message: 'see the log' } as const;
    const { path } = c.req;
    const refuse = GUARDRAIL_PATHS.includes(path) ? refuseCall : turned.refuseAt(path);
    if (c.req.method === 'POST' && refuse !== undefined) return refuse(c, bug);
    metrics.rejected_total.inc({ reason: 'bug' });
    return c.json(errorBody(bug), bug.status);
  });
  return app;
}
