import { type GuardrailCall, headerOf, textOf } from '../guardrail/call.ts';

type Options = {
  readonly accountId: string;
  readonly vxlanId: string;
  readonly contextSource: string;
  /** A JSON object as text. */
  readonly metadata: string;
};

/** Never put into an envelope: Akto stores it. */
const CREDENTIAL =
  /auth|cookie|token|secret|passw|credential|session-key|api[-_]?key|access[-_]?key|subscription-key|-key$/i;

/** Akto takes a session from these, and one blocked turn closes it: a client's own choice, or a whole account's. */
const SESSION = /^x-(?:user|session|conversation)-id$|^x-akto-installer-/i;

/**
 * Akto's flat record of one exchange; every value is a string or null, nested JSON too.
 *
 * LiteLLM tells a guardrail neither the route nor the client's address: `path` is always the default and `ip` empty.
 *
 * @see LiteLLM 1.106.2, `build_envelope` in litellm/proxy/guardrails/guardrail_hooks/akto/akto.py
 */
export function envelope(
  call: GuardrailCall,
  options: Options,
  requestPayload: string,
  responsePayload: string | undefined,
): Record<string, string | null> {
  const tag = JSON.stringify(tagsOf(call));
  return {
    path: '/v1/chat/completions',
    requestHeaders: JSON.stringify(requestHeaders(call)),
    responseHeaders: responsePayload === undefined ? '{}' : '{"content-type":"application/json"}',
    method: 'POST',
    requestPayload,
    responsePayload: responsePayload ?? '{}',
    ip: '',
    destIp: '127.0.0.1',
    time: String(Date.now()),
    statusCode: '200',
    type: 'HTTP/1.1',
    status: '200',
    akto_account_id: options.accountId,
    akto_vxlan_id: options.vxlanId,
    is_pending: 'false',
    source: 'MIRRORING',
    direction: null,
    process_id: null,
    socket_id: null,
    daemonset_id: null,
    enabled_graph: null,
    tag,
    metadata: tag,
    akto_metadata: options.metadata,
    contextSource: options.contextSource,
  };
}

/**
 * The client's headers as far as LiteLLM shows them. The placeholder `[present]` is left out: as a session id it
 * would make all callers one session, which one blocked turn closes for good.
 */
function requestHeaders(call: GuardrailCall): Record<string, string> {
  const shown = Object.entries(call.request_headers).flatMap(([name, value]) =>
    typeof value === 'string' &&
    value !== '' &&
    value !== '[present]' &&
    !CREDENTIAL.test(name) &&
    !SESSION.test(name)
      ? [[name.toLowerCase(), value] as const]
      : [],
  );
  const session = headerOf(call, 'x-litellm-session-id') ?? call.litellm_trace_id;
  return {
    'content-type': 'application/json',
    ...Object.fromEntries(shown),
    ...(session && { 'x-akto-installer-akto_session_id': session }),
    ...(call.litellm_call_id && { 'x-akto-installer-akto_message_id': call.litellm_call_id }),
  };
}

function tagsOf(call: GuardrailCall): Record<string, string> {
  const key = (name: string) => textOf(call.request_data[`user_api_key_${name}`])?.trim();
  const tags = {
    'gen-ai': 'Gen AI',
    user_id: key('user_id'),
    team_id: key('team_id'),
    user_email: key('user_email'),
    team_alias: key('team_alias'),
    key_alias: key('alias'),
  };
  return Object.fromEntries(Object.entries(tags).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
