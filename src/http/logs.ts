import type { Handler } from 'hono';
import type { HttpRefusal } from '../calls/refusal.ts';
import type { LogsRefusal, LogsResult } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import type { BridgeContext, BridgeEnv, Refuse } from './refusal.ts';

export type LogsRouteOptions = {
  /** Undefined when telemetry is off. */
  readonly records: RecordsThread | undefined;
  readonly refuse: Refuse<LogsRefusal>;
  /** Called for a body that nobody wants. */
  readonly dropped: () => void;
  /** Called when the events of a body are durable. @param ms time from the request to then */
  readonly accepted: (ms: number) => void;
};

const MESSAGES: Readonly<Record<LogsRefusal, Pick<HttpRefusal, 'status' | 'message'>>> = {
  full: {
    status: 503,
    message: 'the outbox is full; raise OUTBOX_MAX_MB, or see why its backends take nothing',
  },
  unavailable: { status: 503, message: 'records cannot be stored now; see the log for the reason' },
  not_gzip: { status: 400, message: 'content-encoding says gzip and the body is not' },
  invalid: {
    status: 400,
    message: 'no row is a log event: send StandardLoggingPayload objects as json_array, ndjson or single',
  },
  too_large: { status: 413, message: 'the body is too large; raise MAX_LOG_BODY_MB' },
};

/** Messages for bodies that are refused before they are read. */
export const LOG_BODY_MESSAGES = {
  too_large: MESSAGES.too_large.message,
  overloaded: 'too many log events at once; send fewer or later',
  content_encoding: 'send the body uncompressed or as gzip',
};

/** `POST /v1/litellm/logs`: log events of LiteLLM's `callback_type: generic_api`, acknowledged when they are durable. */
export function logsRoute(options: LogsRouteOptions): Handler<BridgeEnv> {
  return (c) =>
    storedBy(options, c, {
      store: (records) => records.logs(new Uint8Array(c.get('body').take()), c.get('isGzip')),
      isRead: true,
      reply: (receipt) => receipt,
      unwanted: { accepted: 0, dropped: 'no backend takes records, or TELEMETRY is off' },
    });
}

/** How one kind of POST is stored and answered. */
type Storing = {
  store(records: RecordsThread): Promise<LogsResult>;
  reply(receipt: string): string;
  /** True if it tells how calls ended, which is compared with what was judged, whoever takes records. */
  readonly isRead?: boolean;
  /** Says how to send a body that can be read. */
  readonly invalid?: string;
  /** The reply where nobody takes records. */
  readonly unwanted: object;
};

/** Replies when what came is durable, or says why it is not taken. */
export async function storedBy(
  { records, refuse, dropped, accepted }: LogsRouteOptions,
  c: BridgeContext,
  { store, reply, isRead, unwanted, invalid = MESSAGES.invalid.message }: Storing,
): Promise<Response> {
  const startedAt = performance.now();
  if (!records?.isOn) {
    dropped();
    if (isRead && records !== undefined) await store(records);
    return c.json(unwanted);
  }
  const result = await store(records);
  if (typeof result !== 'string') {
    const { refused: reason } = result;
    return refuse(c, { ...MESSAGES[reason], ...(reason === 'invalid' && { message: invalid }), reason });
  }
  accepted(performance.now() - startedAt);
  return new Response(reply(result), { headers: { 'content-type': 'application/json' } });
}
