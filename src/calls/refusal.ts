import type { Door } from '../guardrail/call.ts';
import type { RefusalCause } from '../guardrail/category.ts';
import { aktoReply } from '../litellm/akto-reply.ts';
import type { Log } from '../observability/log.ts';
import type { REJECTIONS } from '../observability/metric-labels.ts';
import type { Metrics } from '../observability/metrics.ts';
import { RepeatedLines } from '../observability/repeated-lines.ts';
import { newReference } from '../pipeline/decide.ts';
import { type BlockedText, blockedReason } from './reply.ts';

/** The response to the HTTP request of a guardrail call: JSON, or nothing. */
export type CallResponse = {
  readonly status: number;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
};

/** Why a request is not taken: it names the field and says what to do. Never the value. */
export type HttpRefusal<Reason extends string = string> = {
  readonly status: 400 | 401 | 403 | 408 | 413 | 415 | 503;
  readonly reason: Reason;
  readonly message: string;
  readonly field?: string;
};

/** The body of an error: `{"error":{"type":…,"field":…,"message":…}}`. */
export function errorBody({ reason, field, message }: Omit<HttpRefusal, 'status'>): object {
  return { error: { type: reason, ...(field !== undefined && { field }), message } };
}

export type CallRefusal = HttpRefusal<(typeof REJECTIONS)[number]>;

/** The body of a reply that blocks a call which cannot be judged. @param details for who tries the bridge with curl */
function blockedBody(door: Door | undefined, reason: string, details: object): string {
  switch (door) {
    case undefined:
      return JSON.stringify({ action: 'BLOCKED', blocked_reason: reason, ...details });
    case 'akto':
      return aktoReply.block(reason, details);
    case 'capsule':
      return JSON.stringify({ decision: 'deny', reason, ...details });
  }
}

/** Counts and logs the refusal of a guardrail call, and makes the response. @param door undefined for a generic call */
export type RefuseCall = (refusal: CallRefusal, door?: Door) => CallResponse;

type Refused = Omit<BlockedText, 'by' | 'ref'>;

export type RefuseOptions = {
  readonly metrics: Pick<Metrics, 'rejected_total'>;
  readonly log: Pick<Log, 'warn'>;
  readonly blockedMessage: string | undefined;
  readonly maxBodyBytes: number;
  /** Told of each call that is blocked unread. */
  readonly unread: (ref: string, cause: RefusalCause) => void;
};

/**
 * Refuses what is no guardrail call. What a client can bring about is blocked with a 200: a body too large to judge, nested too
 * deep, not to be read at all, or that does not arrive. LiteLLM lets a call pass at any other status with `fail_on_error: false`. A
 * wrong key, address or method keeps its 401, 403 or 405: it is a mistake of the operator, hits every call alike, and has to be seen.
 */
export function createRefuseCall(options: RefuseOptions): RefuseCall {
  const { metrics, log, blockedMessage, maxBodyBytes, unread } = options;
  const repeated = new RepeatedLines(log);
  const blockAt = (door: Door | undefined, text: Refused, fields: object, details: object) => {
    const blocked = { ...text, by: 'bridge', ref: newReference() };
    log.warn(
      { ...fields, action: 'BLOCKED', cause: text.cause, backend: 'bridge', ref: blocked.ref },
      'blocked',
    );
    unread(blocked.ref, text.cause);
    const body = blockedBody(door, blockedReason(blockedMessage, blocked), details);
    return { status: 200, body };
  };
  return (refusal, door) => {
    const block = (text: Refused, fields: object, details = {}) => blockAt(door, text, fields, details);
    const { reason, field, status, message } = refusal;
    const fields = { reason, ...(field !== undefined && { field }), message };
    metrics.rejected_total.inc({ reason });
    switch (reason) {
      case 'too_large':
        return block({ cause: 'refused', reason: 'too large' }, { reason, max_bytes: maxBodyBytes });
      case 'overloaded':
        return block({ cause: 'fail_closed', reason: 'too many large calls at once' }, { reason });
      case 'slow':
        return block({ cause: 'fail_closed', reason: 'the body did not arrive' }, { reason });
      case 'too_many_nodes':
        return block(
          { cause: 'refused', reason: 'too many lists, objects and commas' },
          fields,
          errorBody(refusal),
        );
      case 'bug':
        return block({ cause: 'fail_closed', reason: 'internal error' }, {});
      case 'invalid':
      case 'too_deep':
      case 'content_encoding':
        // LiteLLM reads nothing but the action and its reason; the details are for who tries the bridge with curl
        return block({ cause: 'unreadable', reason: 'cannot be read' }, fields, errorBody(refusal));
      case 'aborted':
        return { status: 400, body: null };
      default:
        repeated.warn(fields, {}, 'request refused');
        return { status, body: JSON.stringify(errorBody(refusal)) };
    }
  };
}
