import type { Handler } from 'hono';
import type { CallForm } from '../calls/call-form.ts';
import { ReceivedBody } from '../calls/received-body.ts';
import type { CallResponse } from '../calls/refusal.ts';
import { parseJson } from '../guardrail/json.ts';
import type { AktoCheck } from '../litellm/akto-call.ts';
import { aktoReply, mergedReply, verdictIn } from '../litellm/akto-reply.ts';
import type { JudgeBody } from './guardrail.ts';
import { type LogsRouteOptions, storedBy } from './logs.ts';
import { type BridgeContext, type BridgeEnv, responseOf } from './refusal.ts';

/** Where LiteLLM's integration of Akto, and Akto's own hook, send everything. */
export const AKTO_PROXY_PATH = '/api/http-proxy';
/** Where Akto takes many records at once. */
export const AKTO_BATCH_PATH = '/api/ingestData';

export type AktoRouteOptions = LogsRouteOptions & {
  readonly judge: JudgeBody;
  readonly isDraining: () => boolean;
  /** Told of each request with a body. */
  readonly asked: (asks: 'check' | 'record' | 'check_and_record') => void;
};

const INVALID = 'nothing of it is an envelope of Akto: send JSON objects with requestPayload';

const FLAGS = { guardrails: 'request', response_guardrails: 'response', file_guardrails: 'files' } as const;

/** The sides of an envelope that its sender wants to have judged. */
export function checksIn(c: BridgeContext): AktoCheck[] {
  return Object.entries(FLAGS).flatMap(([flag, check]) => (isSet(c, flag) ? [check] : []));
}

function isSet(c: BridgeContext, flag: string): boolean {
  return c.req.query(flag)?.toLowerCase() === 'true';
}

/** `POST /api/http-proxy`: judges an envelope, records it, or both, as its flags say. */
export function aktoRoute({ judge, isDraining, asked, ...options }: AktoRouteOptions): Handler<BridgeEnv> {
  return async (c) => {
    const checks = checksIn(c);
    const isRecorded = isSet(c, 'ingest_data');
    if (checks.length > 0) {
      asked(isRecorded ? 'check_and_record' : 'check');
      if (isRecorded && !options.records?.isOn) options.dropped();
      return responseOf(await judgeAll(judge, c, checks, isRecorded), isDraining());
    }
    asked('record');
    const reply = aktoReply.recorded();
    if (!isRecorded) return responseOf({ status: 200, body: reply }, isDraining());
    return storedBy(options, c, {
      store: (records) => records.turned(taken(c), { door: 'akto', isBatch: false }),
      reply: () => reply,
      invalid: INVALID,
      unwanted: parseJson(reply) as object,
    });
  };
}

/** `POST /api/ingestData`: records of many calls, acknowledged when they are durable. */
export function aktoBatchRoute({ asked, ...options }: AktoRouteOptions): Handler<BridgeEnv> {
  return (c) => {
    asked('record');
    return storedBy(options, c, {
      store: (records) => records.turned(taken(c), { door: 'akto', isBatch: true }),
      reply: () => '{"success":true}',
      invalid: INVALID,
      unwanted: { success: true },
    });
  };
}

function taken(c: BridgeContext): Uint8Array {
  return new Uint8Array(c.get('body').take());
}

/** LiteLLM asks about one side at a time. Of several, each is judged as the one before left the envelope. */
async function judgeAll(
  judge: JudgeBody,
  c: BridgeContext,
  checks: readonly AktoCheck[],
  isRecorded: boolean,
): Promise<CallResponse> {
  const form = (i: number, check: AktoCheck): CallForm => ({
    ...{ door: 'akto', check, isRecorded },
    isLast: i === checks.length - 1,
  });
  const [only, ...others] = checks;
  if (only !== undefined && others.length === 0) return judge(c, c.get('body'), form(0, only));
  let bytes = Buffer.from(c.get('body').bytes());
  const replies: (readonly [AktoCheck, string])[] = [];
  for (const [i, check] of checks.entries()) {
    const response = await judge(c, ReceivedBody.of(Buffer.from(bytes)), form(i, check));
    if (response.status !== 200 || response.body === null) return response;
    const reply = Buffer.from(response.body as Uint8Array).toString();
    const { Allowed, Modified, ModifiedPayload } = verdictIn(reply);
    if (!Allowed) return response;
    replies.push([check, reply]);
    if (!Modified) continue;
    const payload = check === 'response' ? 'responsePayload' : 'requestPayload';
    bytes = Buffer.from(JSON.stringify({ ...JSON.parse(bytes.toString()), [payload]: ModifiedPayload }));
  }
  return { status: 200, body: mergedReply(replies) };
}
