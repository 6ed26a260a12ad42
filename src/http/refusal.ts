import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ReceivedBody } from '../calls/received-body.ts';
import {
  type CallRefusal,
  type CallResponse,
  errorBody,
  type HttpRefusal,
  type RefuseCall,
} from '../calls/refusal.ts';
import type { FindingCode } from '../findings/finding.ts';
import type { Door } from '../guardrail/call.ts';
import type { Log } from '../observability/log.ts';
import type { LOG_RESULTS } from '../observability/metric-labels.ts';
import type { Metrics } from '../observability/metrics.ts';
import { RepeatedLines } from '../observability/repeated-lines.ts';

/** Bindings of Node's server, absent where a route is driven without one, and the body that the middleware read. */
export type BridgeEnv = {
  Bindings: Partial<HttpBindings>;
  Variables: {
    body: ReceivedBody;
    isGzip: boolean;
    /** True for a browser that a cookie has let in. */
    hasSession?: boolean;
  };
};
export type BridgeContext = Context<BridgeEnv>;

/** Counts and logs a refusal, and makes the response. */
export type Refuse<Reason extends string = string> = (
  c: BridgeContext,
  refusal: HttpRefusal<Reason>,
) => Response;

/** The header of a request. Node's own object is read where there is one: hono would copy all headers first. */
export function requestHeader(c: BridgeContext, name: string): string | undefined {
  const value = c.env?.incoming === undefined ? c.req.header(name) : c.env.incoming.headers[name];
  return typeof value === 'string' ? value : undefined;
}

type LogResult = (typeof LOG_RESULTS)[number];

const JSON_HEADERS = { 'content-type': 'application/json' };
/** For calls that were judged while the bridge began to drain. */
const LAST_JSON_HEADERS = { ...JSON_HEADERS, connection: 'close' };
const INIT = { headers: JSON_HEADERS };
const LAST_INIT = { headers: LAST_JSON_HEADERS };

/** The response to a guardrail call; the last one of its connection if the bridge drains. */
export function responseOf({ status, body }: CallResponse, isDraining: boolean): Response {
  if (body === null) return new Response(null, { status });
  const init = isDraining ? LAST_INIT : INIT;
  return new Response(body, status === 200 ? init : { ...init, status });
}

/** True for what LiteLLM sends. Anybody can bring about a refusal, and only those of LiteLLM tell how it is wired. */
export function isByLitellm(c: BridgeContext): boolean {
  return c.req.method === 'POST' && requestHeader(c, 'user-agent')?.startsWith('litellm/') === true;
}

/** Findings that refusals show, by their reason. */
const SHOWN: Partial<Record<CallRefusal['reason'], FindingCode>> = {
  unauthorized: 'guardrail_key_wrong',
  address: 'address_refused',
};

/** Refuses what is no guardrail call, in the form of the door at which it came. */
export function refuseGuardrailCall(
  {
    refuse,
    isDraining,
    metrics,
  }: { refuse: RefuseCall; isDraining: () => boolean; metrics: Pick<Metrics, 'finding_calls_total'> },
  door?: Door,
): Refuse<CallRefusal['reason']> {
  return (c, refusal) => {
    const code = SHOWN[refusal.reason];
    // A client at a door of another vendor's names itself as it likes
    if (code !== undefined && (door !== undefined || isByLitellm(c)))
      metrics.finding_calls_total.inc({ code });
    return responseOf(refuse(refusal, door), isDraining());
  };
}

/** Refuses what is no body of log events, or cannot be stored now. */
export function refuseLogs({ metrics, log }: { metrics: Metrics; log: Log }): Refuse<LogResult> {
  const repeated = new RepeatedLines(log);
  return (c, refusal: HttpRefusal<LogResult>) => {
    const { reason, field, status } = refusal;
    metrics.log_posts_total.inc({ result: reason });
    if (reason === 'aborted') return c.body(null, 400);
    const code = codeOf(c, reason);
    if (code !== undefined && isByLitellm(c)) metrics.finding_calls_total.inc({ code }, eventsIn(c));
    repeated.warn({ reason, ...(field !== undefined && { field }) }, {}, 'log events refused');
    return c.json(errorBody(refusal), status, status === 503 ? { 'retry-after': '5' } : {});
  };
}

/** The finding that a refused POST of log events shows; undefined where its sender is only slow. */
function codeOf(c: BridgeContext, reason: LogResult): FindingCode | undefined {
  if (reason === 'slow') return undefined;
  if (reason !== 'unauthorized') return 'log_posts_refused';
  const hasKey = ['x-api-key', 'authorization'].some((name) => requestHeader(c, name) !== undefined);
  return hasKey ? 'callback_key_wrong' : 'callback_headers_missing';
}

/** LiteLLM's events of a short call are of 10 to 15 KB. */
const EVENT_BYTES = 10_000;

/** Events in a body that was not read, by its length. One is no finding alone. */
export function eventsIn(c: BridgeContext): number {
  const bytes = Number(requestHeader(c, 'content-length') ?? 0);
  return Math.max(1, Math.min(MAX_EVENTS, Math.floor(bytes / EVENT_BYTES)));
}
const MAX_EVENTS = 5;
