import { randomUUID } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Auditor } from '../audit/auditor.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { callName } from '../guardrail/caller.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import { parseGuardrailCall } from '../litellm/guardrail.ts';
import { loggable } from '../observability/log.ts';
import type { REJECTIONS } from '../observability/metrics.ts';
import { callFields } from '../observability/witness.ts';
import type { Judge, Judgement } from '../pipeline/judge.ts';
import { blockedEvent, blockedWords } from '../records/blocked-event.ts';
import { noteOf } from '../records/note.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { type Answered, type AnswerOptions, createAnswers } from './answer.ts';
import { createBodyReader } from './middleware/body.ts';
import { createRequestMemory } from './request-memory.ts';

export type GuardrailRouteOptions = AnswerOptions & {
  readonly judge: Judge;
  /** Undefined when no backend takes records, or telemetry is off. */
  readonly telemetry: RecordsThread | undefined;
  readonly audit: Auditor;
  readonly maxBodyBytes: number;
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
  const { judge, telemetry, metrics, log } = options;
  const { answered, blocked } = createAnswers(options);
  const readBody = createBodyReader(options.maxBodyBytes);
  const memory = judge.wantsRequests || telemetry !== undefined ? createRequestMemory() : undefined;

  const jsonType = () => (options.isDraining() ? JSON_TYPE_LAST : JSON_TYPE);

  /** What was kept of the request that an answer belongs to. */
  function requestOf(call: GuardrailCall): Buffer | undefined {
    const name = callName(call);
    return call.input_type === 'response' && name !== undefined ? memory?.recall(name) : undefined;
  }

  /** Keeps a request for its answer, as backends may see it. */
  function keep(call: GuardrailCall, shown: GuardrailCall, body: Buffer): void {
    const name = callName(call);
    if (call.input_type !== 'request' || name === undefined) return;
    memory?.remember(name, shown === call ? body : Buffer.from(JSON.stringify(shown)));
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

  function responseTo(c: BridgeContext, answer: Answered): Response {
    switch (answer.action) {
      case 'NONE':
        return c.body(answer.body === undefined ? NONE : JSON.stringify(answer.body), 200, jsonType());
      case 'DEFERRED':
        return c.body(DEFERRED, 503, jsonType());
      case 'CANCELLED':
        return c.body(null, 204);
      default:
        return c.body(JSON.stringify(answer.body), 200, jsonType());
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
      return responseTo(
        c,
        blocked('refused', 'bridge', 'too large', { reason: body.refused, max_bytes: options.maxBodyBytes }),
      );
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
      const answer = blocked('fail_closed', 'bridge', 'internal error', fields);
      if (call !== undefined) {
        metrics.decisions.inc({ input_type: call.input_type, action: answer.action });
        options.audit.decided({ call, ruling: undefined, answered: answer, ms: 0 });
        if (telemetry !== undefined) record(telemetry, call, [], answer, 0, undefined);
      }
      return responseTo(c, answer);
    } finally {
      body.release();
    }
  };

  async function judged(c: BridgeContext, call: GuardrailCall, bytes: Buffer): Promise<Response> {
    const startedAt = performance.now();
    const kept = requestOf(call);
    const request = kept === undefined ? undefined : callIn(kept);
    const judgement = await judge.judge(call, bytes, workFor(c), request);
    keep(call, judgement.shown, bytes);
    const ms = performance.now() - startedAt;
    metrics.seconds.observe({ input_type: call.input_type }, ms / 1000);
    const answer = answered(call, judgement.decision, judgement.ruling);
    metrics.decisions.inc({ input_type: call.input_type, action: answer.action });
    options.audit.decided({ call, ruling: judgement.ruling, answered: answer, ms });
    if (telemetry !== undefined) record(telemetry, call, judgement.answers, answer, ms, request);
    return responseTo(c, answer);
  }
}

function record(
  telemetry: RecordsThread,
  call: GuardrailCall,
  answers: Judgement['answers'],
  answer: Answered,
  ms: number,
  request: GuardrailCall | undefined,
): void {
  const { action } = answer;
  if (action === 'CANCELLED' || (call.litellm_call_id === null && action !== 'BLOCKED')) return;
  // Nothing else will tell of a blocked call, so it is on record even if no event can be joined with it
  const note = noteOf(call, call.litellm_call_id ?? randomUUID(), answers, { action, by: answer.by }, ms);
  if (answer.action !== 'BLOCKED') telemetry.note(note);
  else {
    const block = { ...answer.block, by: answer.by, input_type: call.input_type };
    const event = blockedEvent(call, request, note);
    telemetry.blocked({ note, block, event, words: blockedWords(call, request) });
  }
}

function callIn(body: Buffer): GuardrailCall | undefined {
  const parsed = parseGuardrailCall(body.toString());
  return 'call' in parsed ? parsed.call : undefined;
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
