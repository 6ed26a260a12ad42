import { json, type Reply } from './fake-backend.ts';

/** A reply of Akto's `/api/http-proxy` with a verdict, or without one. */
export function aktoReply(guardrailsResult?: Record<string, unknown>): Reply {
  const message = 'Request processed successfully';
  return json({ success: true, message, data: { success: true, message, guardrailsResult } });
}

const NOTHING = { Modified: false, ModifiedPayload: '', Reason: '', behaviour: '' };

export const aktoAllows = aktoReply({ Allowed: true, ...NOTHING });

export const aktoBlocks = (Reason = 'Prompt injection detected', behaviour = 'block') =>
  aktoReply({ Allowed: false, ...NOTHING, Reason, behaviour });

/** Akto's own guardrails service did not answer it. */
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
