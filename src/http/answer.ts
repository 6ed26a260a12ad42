import { randomBytes } from 'node:crypto';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { BlockNote } from '../guardrail/record.ts';
import { isSound, type Reply, rewriteReply } from '../litellm/reply.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { callFields } from '../observability/witness.ts';
import type { BlockCause, Decision } from '../pipeline/decision.ts';
import type { Ruling } from '../policies/engine.ts';
import { blockedMessage } from './blocked-message.ts';

export type AnswerOptions = {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly responseRedaction: 'block' | 'rewrite';
  readonly blockedMessage: string | undefined;
};

/** What a call is answered, and what its record will say of it. */
export type Answered =
  | { readonly action: 'NONE'; readonly by: null; readonly body?: Reply }
  | { readonly action: 'DEFERRED' | 'CANCELLED'; readonly by: string | null }
  | { readonly action: 'GUARDRAIL_INTERVENED'; readonly by: string; readonly body: Reply }
  | Blocked;
type Blocked = {
  readonly action: 'BLOCKED';
  readonly by: string;
  readonly body: Reply;
  readonly block: Omit<BlockNote, 'by' | 'input_type'>;
};

/** Turns decisions into answers, and logs what they are. */
export function createAnswers(options: AnswerOptions) {
  const { metrics, log } = options;

  function blocked(
    cause: BlockCause | 'refused',
    by: string,
    reason: string,
    fields: object,
    message?: string,
  ): Blocked {
    const ref = randomBytes(8).toString('hex');
    log.warn({ ...fields, action: 'BLOCKED', cause, backend: by, ref }, 'blocked');
    const blocked_reason = blockedMessage(options.blockedMessage, {
      cause,
      backend: by,
      reason,
      ref,
      message,
    });
    return {
      action: 'BLOCKED',
      body: { action: 'BLOCKED', blocked_reason },
      by,
      block: { cause, reason, ref },
    };
  }

  /** A rewrite that LiteLLM would drop without a word, or that no reply can carry, blocks instead. */
  function rewrite(
    call: GuardrailCall,
    { backends, rewrites }: Decision & { kind: 'modify' },
    holdback: readonly number[] | undefined,
  ): Answered {
    const dropped =
      (call.input_type === 'response' && options.responseRedaction === 'block') ||
      call.additional_provider_specific_params.mode === 'during_call';
    const reply = dropped ? null : rewriteReply(call, rewrites);
    const by = backends.join(',');
    if (reply === null || !isSound(call, reply)) {
      metrics.unappliable.inc({ input_type: call.input_type });
      return blocked('redaction', by, 'a redaction could not be applied', callFields(call));
    }
    log.info({ ...callFields(call), action: reply.action, backends, count: rewrites.size }, 'redacted');
    const body = holdback === undefined ? reply : { ...reply, stream_holdback_chars: holdback };
    return { action: 'GUARDRAIL_INTERVENED', body, by };
  }

  /** @param ruling of the policies, which say how much of a growing answer may not be shown yet */
  function answered(call: GuardrailCall, decision: Decision, ruling?: Ruling): Answered {
    const holdback = ruling?.holdback.some((chars) => chars > 0) ? ruling.holdback : undefined;
    switch (decision.kind) {
      case 'allow':
        return {
          action: 'NONE',
          by: null,
          ...(holdback && { body: { action: 'NONE', stream_holdback_chars: holdback } }),
        };
      case 'block':
        return blocked(decision.cause, decision.backend, decision.reason, callFields(call), decision.message);
      case 'modify':
        return rewrite(call, decision, holdback);
      case 'defer':
        log.warn({ ...callFields(call), backend: decision.backend }, 'deferred to LiteLLM with a 503');
        return { action: 'DEFERRED', by: decision.backend };
      case 'cancelled':
        return { action: 'CANCELLED', by: null };
    }
  }

  return { answered, blocked };
}
