import type { Log } from '../observability/log.ts';
import type { LOG_RESULTS, Metrics, REJECTIONS } from '../observability/metrics.ts';
import { newReference } from '../pipeline/decide.ts';
import { errorBody, type HttpRefusal, type Refuse } from './refusal.ts';
import { type BlockedText, blockedReason } from './reply.ts';

type Rejection = (typeof REJECTIONS)[number];
type LogResult = (typeof LOG_RESULTS)[number];

type Options = {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly blockedMessage: string | undefined;
  readonly maxBodyBytes: number;
};

/**
 * Refuses what is no guardrail call. A body that is too large to judge, and a call that we failed to read, are blocked:
 * even where everything else fails open these would be the way round.
 */
export function refuseGuardrailCall({
  metrics,
  log,
  blockedMessage,
  maxBodyBytes,
}: Options): Refuse<Rejection> {
  const block = (text: Omit<BlockedText, 'by' | 'ref'>, fields: object) => {
    const blocked = { ...text, by: 'bridge', ref: newReference() };
    log.warn(
      { ...fields, action: 'BLOCKED', cause: text.cause, backend: 'bridge', ref: blocked.ref },
      'blocked',
    );
    const body = { action: 'BLOCKED', blocked_reason: blockedReason(blockedMessage, blocked) };
    return Response.json(body);
  };
  return (c, refusal) => {
    const { reason, field, status } = refusal;
    metrics.rejected_total.inc({ reason });
    switch (reason) {
      case 'too_large':
      case 'overloaded':
        return block({ cause: 'refused', reason: 'too large' }, { reason, max_bytes: maxBodyBytes });
      case 'bug':
        return block({ cause: 'fail_closed', reason: 'internal error' }, {});
      case 'aborted':
        return c.body(null, 400);
      default:
        log.warn(
          { reason, ...(field !== undefined && { field }), message: refusal.message },
          'request refused',
        );
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
