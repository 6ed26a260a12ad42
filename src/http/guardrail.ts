import { randomBytes } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { GuardrailCall } from '../guardrail/call.ts';
import { parseGuardrailCall } from '../litellm/guardrail.ts';
import { isSound, type Reply, rewriteReply } from '../litellm/reply.ts';
import { STOPPED } from '../pipeline/deadline.ts';
import type { BlockCause, Decision } from '../pipeline/decision.ts';
import type { Judge } from '../pipeline/judge.ts';
import { type Log, loggable } from '../telemetry/log.ts';
import type { Metrics, REJECTIONS } from '../telemetry/metrics.ts';
import { callFields } from '../telemetry/witness.ts';
import { blockedMessage } from './blocked-message.ts';
import { createBodyReader } from './body.ts';
import { createRequestMemory } from './request-memory.ts';

export type GuardrailRouteOptions = {
  readonly judge: Judge;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly maxBodyBytes: number;
  readonly answerRedaction: 'block' | 'rewrite';
  readonly blockedMessage: string | undefined;
  readonly isDraining: () => boolean;
  readonly isAuthorized: (header: (name: string) => string | undefined) => boolean;
};

type BridgeContext = Context<{ Bindings: Partial<HttpBindings> }>;

const JSON_TYPE = { 'content-type': 'application/json' };
/** For calls that were judged while the bridge began to drain. */
const JSON_TYPE_LAST = { ...JSON_TYPE, connection: 'close' };
const NONE = '{"action":"NONE"}';
const DEFERRED = '{"error":{"type":"deferred","message":"a backend gave no verdict"}}';

/** `POST /beta/litellm_basic_guardrail_api`: reads a call, has it judged, answers as LiteLLM understands it. */
export function guardrailRoute(options: GuardrailRouteOptions): (c: BridgeContext) => Promise<Response> {
  const { judge, metrics, log } = options;
  const readBody = createBodyReader(options.maxBodyBytes);
  const memory = judge.wantsRequests ? createRequestMemory() : undefined;

  const jsonType = () => (options.isDraining() ? JSON_TYPE_LAST : JSON_TYPE);

  /** Keeps a request for its answer; for an answer, what was kept. */
  function requestOf(call: GuardrailCall, body: Buffer): GuardrailCall | undefined {
    if (memory === undefined || call.litellm_call_id === null) return undefined;
    if (call.input_type === 'request') {
      memory.remember(call.litellm_call_id, body);
      return undefined;
    }
    const kept = memory.recall(call.litellm_call_id);
    const parsed = kept === undefined ? undefined : parseGuardrailCall(kept.toString());
    return parsed !== undefined && 'call' in parsed ? parsed.call : undefined;
  }

  function reject(
    c: BridgeContext,
    status: 400 | 401 | 415,
    reason: (typeof REJECTIONS)[number],
    error: object,
  ) {
    metrics.rejected.inc({ reason });
    log.warn({ reason, ...error }, 'request refused');
    return c.json({ error: { type: reason, ...error } }, status);
  }

  function blocked(cause: BlockCause | 'refused', backend: string, reason: string, fields: object): Reply {
    const ref = randomBytes(8).toString('hex');
    log.warn({ ...fields, action: 'BLOCKED', cause, backend, ref }, 'blocked');
    return {
      action: 'BLOCKED',
      blocked_reason: blockedMessage(options.blockedMessage, { cause, backend, reason, ref }),
    };
  }

  /** A rewrite that LiteLLM would drop without a word, or that no reply can carry, blocks instead. */
  function rewrite(call: GuardrailCall, { backends, rewrites }: Decision & { kind: 'modify' }): Reply {
    const dropped =
      (call.input_type === 'response' && options.answerRedaction === 'block') ||
      call.additional_provider_specific_params.mode === 'during_call';
    const reply = dropped ? null : rewriteReply(call, rewrites);
    if (reply === null || !isSound(call, reply)) {
      metrics.unappliable.inc({ input_type: call.input_type });
      return blocked('redaction', backends.join(','), 'a redaction could not be applied', callFields(call));
    }
    log.info({ ...callFields(call), action: reply.action, backends, count: rewrites.size }, 'redacted');
    return reply;
  }

  function answer(c: BridgeContext, call: GuardrailCall, decision: Decision): Response {
    const count = (action: string) => metrics.decisions.inc({ input_type: call.input_type, action });
    switch (decision.kind) {
      case 'allow':
        count('NONE');
        return c.body(NONE, 200, jsonType());
      case 'block':
      case 'modify': {
        const reply =
          decision.kind === 'modify'
            ? rewrite(call, decision)
            : blocked(decision.cause, decision.backend, decision.reason, callFields(call));
        count(reply.action);
        return c.body(JSON.stringify(reply), 200, jsonType());
      }
      case 'defer':
        count('DEFERRED');
        log.warn({ ...callFields(call), backend: decision.backend }, 'deferred to LiteLLM with a 503');
        return c.body(DEFERRED, 503, jsonType());
      case 'cancelled':
        count('CANCELLED');
        return c.body(null, 204);
    }
  }

  return async (c) => {
    if (!options.isAuthorized((name) => c.req.header(name))) {
      const message = 'send one of BRIDGE_API_KEYS as x-api-key, in LiteLLM the api_key of the guardrail';
      return reject(c, 401, 'unauthorized', { field: 'x-api-key', message });
    }
    const encoding = c.req.header('content-encoding');
    if (encoding && encoding.toLowerCase() !== 'identity') {
      return reject(c, 415, 'content_encoding', {
        field: 'content-encoding',
        message: 'send the body uncompressed',
      });
    }
    const body = await readBody(c);
    if ('refused' in body) {
      metrics.rejected.inc({ reason: body.refused });
      if (body.refused === 'aborted') return c.body(null, 400);
      // Even where everything else fails open: a body too large to judge would be the way round
      const reply = blocked('refused', 'bridge', 'too large', {
        reason: body.refused,
        max_bytes: options.maxBodyBytes,
      });
      return c.body(JSON.stringify(reply), 200, jsonType());
    }
    let call: GuardrailCall | undefined;
    try {
      const parsed = parseGuardrailCall(body.bytes.toString());
      if ('bad' in parsed) return reject(c, 400, 'invalid', parsed.bad);
      call = parsed.call;
      return await judged(c, call, body.bytes);
    } catch (error) {
      // A mistake of ours must not become a 500, which fail_open settings on the other side may let pass
      metrics.rejected.inc({ reason: 'bug' });
      const fields = call === undefined ? {} : callFields(call);
      log.error({ ...fields, failure: loggable({ kind: 'bug', error }) }, 'cannot judge');
      const reply = blocked('fail_closed', 'bridge', 'internal error', fields);
      if (call !== undefined) metrics.decisions.inc({ input_type: call.input_type, action: reply.action });
      return c.body(JSON.stringify(reply), 200, JSON_TYPE);
    } finally {
      body.release();
    }
  };

  async function judged(c: BridgeContext, call: GuardrailCall, bytes: Buffer): Promise<Response> {
    const startedAt = performance.now();
    const decision = await judge.judge(call, workFor(c), requestOf(call, bytes));
    metrics.seconds.observe({ input_type: call.input_type }, (performance.now() - startedAt) / 1000);
    return answer(c, call, decision);
  }
}

/** Aborted when the caller hangs up before it is answered. */
function workFor(c: BridgeContext): AbortController {
  const work = new AbortController();
  const outgoing = c.env?.outgoing;
  if (outgoing === undefined) c.req.raw.signal.addEventListener('abort', () => work.abort(STOPPED));
  outgoing?.once('close', () => {
    if (!outgoing.writableEnded) work.abort(STOPPED);
  });
  return work;
}
