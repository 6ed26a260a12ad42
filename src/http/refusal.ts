import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Log } from '../observability/log.ts';
import type { LOG_RESULTS, Metrics, REJECTIONS } from '../observability/metrics.ts';
import { newReference } from '../pipeline/decide.ts';
import { type BlockedText, blockedReason } from './reply.ts';

/** Bindings of Node's server, absent where a route is driven without one, and the body that the middleware read. */
export type BridgeEnv = { Bindings: Partial<HttpBindings>; Variables: { body: Buffer; isGzip: boolean } };
export type BridgeContext = Context<BridgeEnv>;

/** Why a request is not taken: it names the field and says what to do. Never the value. */
export type HttpRefusal<Reason extends string = string> = {
  readonly status: 400 | 401 | 403 | 408 | 413 | 415 | 503;
  readonly reason: Reason;
  readonly message: string;
  readonly field?: string;
};

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

/** The body of an error: `{"error":{"type":…,"field":…,"message":…}}`. */
export function errorBody({ reason, field, message }: Omit<HttpRefusal, 'status'>): object {
  return { error: { type: reason, ...(field !== undefined && { field }), message } };
}

type Rejection = (typeof REJECTIONS)[number];
type LogResult = (typeof LOG_RESULTS)[number];

type Options = {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly blockedMessage: string | undefined;
  readonly maxBodyBytes: number;
  readonly isDraining: () => boolean;
};

/**
 * Refuses what is no guardrail call. What a client can bring about is blocked with a 200: a body too large to judge, nested too
 * deep, not to be read at all, or that does not arrive. LiteLLM lets a call pass at any other status with `fail_on_error: false`. A
 * wrong key, address or method keeps its 401, 403 or 405: it is a mistake of the operator, hits every call alike, and has to be seen.
 */
export function refuseGuardrailCall({
  metrics,
  log,
  blockedMessage,
  maxBodyBytes,
  isDraining,
}: Options): Refuse<Rejection> {
  const block = (text: Omit<BlockedText, 'by' | 'ref'>, fields: object, details = {}) => {
    const blocked = { ...text, by: 'bridge', ref: newReference() };
    log.warn(
      { ...fields, action: 'BLOCKED', cause: text.cause, backend: 'bridge', ref: blocked.ref },
      'blocked',
    );
    const body = { action: 'BLOCKED', blocked_reason: blockedReason(blockedMessage, blocked), ...details };
    return Response.json(body, isDraining() ? { headers: { connection: 'close' } } : {});
  };
  return (c, refusal) => {
    const { reason, field, status, message } = refusal;
    const fields = { reason, ...(field !== undefined && { field }), message };
    metrics.rejected_total.inc({ reason });
    switch (reason) {
      case 'too_large':
      case 'overloaded':
        return block(
          { cause: 'refused', reason: 'too large' },
          { reason, max_bytes: maxBodyBytes, ...(message !== '' && { message }) },
        );
      case 'slow':
        return block({ cause: 'fail_closed', reason: 'the body did not arrive' }, { reason });
      case 'bug':
        return block({ cause: 'fail_closed', reason: 'internal error' }, {});
      case 'invalid':
      case 'content_encoding':
        // LiteLLM reads nothing but the action and its reason; the details are for who tries the bridge with curl
        return block({ cause: 'unreadable', reason: 'cannot be read' }, fields, errorBody(refusal));
      case 'aborted':
        return c.body(null, 400);
      default:
        log.warn(fields, 'request refused');
        return c.json(errorBody(refusal), status);
    }
  };
}

/** Refuses what is no body of log events, or cannot be stored now. */
export function refuseLogs({ metrics, log }: Pick<Options, 'metrics' | 'log'>): Refuse<LogResult> {
  return (c, refusal: HttpRefusal<LogResult>) => {
    const { reason, field, status } = refusal;
    metrics.log_posts_total.inc({ result: reason });
    if (reason === 'aborted') return c.body(null, 400);
    log.warn({ reason, ...(field !== undefined && { field }) }, 'log events refused');
    return c.json(errorBody(refusal), status, status === 503 ? { 'retry-after': '5' } : {});
  };
}
