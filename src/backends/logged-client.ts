import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';

/** The headers that a client sent, in lower case, as far as a record has them: newer releases log all, older ones `x-*`. */
export function clientHeaders(event: Fields): Record<string, unknown> {
  const metadata = fieldsOf(event.metadata);
  const all = [
    fieldsOf(fieldsOf(metadata.requester_metadata).headers),
    fieldsOf(metadata.requester_custom_headers),
    fieldsOf(event.request_headers),
  ].flatMap(Object.entries);
  return Object.fromEntries(all.map(([name, value]) => [name.toLowerCase(), value]));
}

/**
 * The id by which a client ties its calls together, if it sent one. `session_id` is empty unless an operator asks
 * LiteLLM for it, and `trace_id` is as a rule made up for the call; the headers are read in LiteLLM's own order.
 *
 * @see LiteLLM 1.106.2, `get_chain_id_from_headers` in litellm/proxy/litellm_pre_call_utils.py
 */
export function clientSession(event: Fields): string | undefined {
  const headers = clientHeaders(event);
  const vendors = Object.keys(headers).filter((name) => /^x-.+-session-id$/.test(name));
  return [
    event.session_id,
    fieldsOf(fieldsOf(event.metadata).requester_metadata).session_id,
    headers['x-litellm-trace-id'],
    headers['x-litellm-session-id'],
    ...[...vendors, 'x-session-id'].map((name) => headers[name]).filter(isSessionId),
  ]
    .map(knownText)
    .find((id) => id !== undefined);
}

/** The text of a field, unless it stands for one that was taken out: as an id that would tie all calls together. */
export function knownText(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || /^\[.*\]$|redacted-by-litellm/.test(text) ? undefined : text;
}

/** What LiteLLM takes for a session in a header that is not its own. */
function isSessionId(value: unknown): boolean {
  return typeof value === 'string' && /^[\w-]{8,}$/.test(value);
}
