import { json, type Reply, text } from './fake-backend.ts';

/** Fields of every envelope that Akto gets from the bridge, in their order. */
export const AKTO_FIXED = {
  statusCode: '200',
  type: 'HTTP/1.1',
  status: '200',
  akto_account_id: '1000000',
  akto_vxlan_id: '0',
  is_pending: 'false',
  source: 'MIRRORING',
  direction: null,
  process_id: null,
  socket_id: null,
  daemonset_id: null,
  enabled_graph: null,
};

/** A reply of Akto's `/api/http-proxy` with a verdict, or without one. */
export function aktoReply(guardrailsResult?: Record<string, unknown>): Reply {
  const message = 'Request processed successfully';
  return json({ success: true, message, data: { success: true, message, guardrailsResult } });
}

const NOTHING = { Modified: false, ModifiedPayload: '', Reason: '', behaviour: '' };

export const aktoAllows = aktoReply({ Allowed: true, ...NOTHING });

export const aktoBlocks = (Reason = 'Prompt injection detected', behaviour = 'block') =>
  aktoReply({ Allowed: false, ...NOTHING, Reason, behaviour });

/** Akto's own guardrails service did not reply to it. */
export const aktoFailsOpen = aktoReply({ Allowed: true, ...NOTHING, failOpen: true, error: 'timeout' });

/** Gives back the payload it was sent with one word in place of another. */
export function aktoRedacts(from: string, to: string): Reply {
  return (request, response) => {
    const { requestPayload, responsePayload } = request.body as Record<string, string>;
    const sent = request.query.has('response_guardrails') ? responsePayload : requestPayload;
    const ModifiedPayload = sent?.replaceAll(from, to);
    return aktoReply({ Allowed: true, ...NOTHING, Modified: true, ModifiedPayload })(request, response);
  };
}

/** Limits of Akto's JSON reader, in characters: `/api/ingestData` has its own limits. */
const BATCH = { string: 5 * 1024 * 1024, body: 10 * 1024 * 1024 };
const PROXY = { string: 256 * 1024, body: 2 * 1024 * 1024 };

type Sent = Record<string, string | null>;

/**
 * Akto's data-ingestion service: keeps what it is told to record, judges what it is told to judge, and refuses as the
 * vendor does: 401 with an HTML page, 422 for an empty `requestPayload` and for JSON over its limits.
 */
export function fakeAkto({
  token = 'akto-key',
  result,
}: {
  token?: string;
  result?: Record<string, unknown>;
} = {}) {
  const recorded: Sent[] = [];
  const refuse = (message: string) => json({ success: false, message, data: { error: message } }, 422);
  const isOver = (text: string, envelopes: readonly Sent[], limits: typeof BATCH) =>
    text.length > limits.body ||
    envelopes.some((sent) => Object.values(sent).some((value) => (value?.length ?? 0) > limits.string));

  const reply: Reply = (request, response) => {
    const respond = (said: Reply) => said(request, response);
    if (request.headers.authorization !== token) {
      return respond(text('<html><body>HTTP Status 401 - Unauthorized</body></html>', 401));
    }
    const isBatch = request.path.endsWith('/api/ingestData');
    if (!isBatch && !request.path.endsWith('/api/http-proxy')) return respond(text('<html>404</html>', 404));
    const body = request.body as { batchData?: Sent[] } & Sent;
    const envelopes = isBatch ? (body.batchData ?? []) : [body as Sent];
    if (isOver(request.text, envelopes, isBatch ? BATCH : PROXY)) {
      return respond(refuse('Unexpected error: JSON input exceeds the maximum length'));
    }
    if (envelopes.length === 0 || envelopes.some(({ requestPayload }) => !requestPayload)) {
      return respond(refuse('Missing required field: requestPayload'));
    }
    if (isBatch || request.query.get('ingest_data') === 'true') recorded.push(...envelopes);
    if (isBatch) return respond(json({ success: true }));
    const judges = ['guardrails', 'response_guardrails'].some((flag) => request.query.get(flag) === 'true');
    return respond(aktoReply(judges ? result : undefined));
  };
  return { recorded, reply };
}
