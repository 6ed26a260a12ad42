import { type Fields, type GuardrailCall, headerOf, textOf } from '../../guardrail/call.ts';
import { CREDENTIAL_HEADER } from '../../guardrail/credential-header.ts';

export type EnvelopeOptions = {
  readonly accountId: string;
  readonly vxlanId: string;
  readonly contextSource: string;
  /** A JSON object as text. */
  readonly metadata: string;
};

/** What Akto is told of one exchange between a client and a model. */
export type Exchange = {
  readonly path: string;
  /** The client's, as far as LiteLLM shows them; what is a credential is left out here. */
  readonly headers: Fields;
  readonly session: string | null | undefined;
  readonly messageId: string | null | undefined;
  readonly ip: string;
  /** Unix milliseconds. */
  readonly time: number;
  readonly status: number;
  readonly requestPayload: string;
  readonly responsePayload: string | undefined;
  readonly tags: Readonly<Record<string, string | undefined>>;
};

/** Every value is a string or null, nested JSON too. */
export type Envelope = Readonly<Record<string, string | null>>;

/** Akto takes a session from these, and one blocked turn closes it: a client's own choice, or a whole account's. */
const SESSION = /^x-(?:user|session|conversation)-id$|^x-akto-installer-/i;

/**
 * Akto's flat record of one exchange.
 *
 * @see LiteLLM 1.106.2, `build_envelope` in litellm/proxy/guardrails/guardrail_hooks/akto/akto.py
 */
export function envelope(exchange: Exchange, options: EnvelopeOptions): Envelope {
  const tag = JSON.stringify(exchange.tags);
  const status = String(exchange.status);
  return {
    path: exchange.path,
    requestHeaders: JSON.stringify(requestHeaders(exchange)),
    responseHeaders: exchange.responsePayload === undefined ? '{}' : '{"content-type":"application/json"}',
    method: 'POST',
    requestPayload: exchange.requestPayload,
    responsePayload: exchange.responsePayload ?? '{}',
    ip: exchange.ip,
    destIp: '127.0.0.1',
    time: String(exchange.time),
    statusCode: status,
    type: 'HTTP/1.1',
    status,
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

/** The envelope of a check. LiteLLM tells a guardrail neither the route nor the client's address. */
export function checkEnvelope(
  call: GuardrailCall,
  options: EnvelopeOptions,
  requestPayload: string,
  responsePayload: string | undefined,
): Envelope {
  const exchange = {
    path: DEFAULT_PATH,
    headers: call.request_headers,
    session: headerOf(call, 'x-litellm-session-id') ?? call.litellm_trace_id,
    messageId: call.litellm_call_id,
    ip: '',
    time: Date.now(),
    status: 200,
    requestPayload,
    responsePayload,
    tags: { 'gen-ai': 'Gen AI', ...identityTags(call.request_data) },
  };
  return envelope(exchange, options);
}

export const DEFAULT_PATH = '/v1/chat/completions';

/** Who called, from LiteLLM's `user_api_key_*`; what is not known is undefined, which JSON leaves out. */
export function identityTags(identity: Fields): Record<string, string | undefined> {
  const key = (name: string) => textOf(identity[`user_api_key_${name}`])?.trim() || undefined;
  return {
    user_id: key('user_id'),
    team_id: key('team_id'),
    user_email: key('user_email'),
    team_alias: key('team_alias'),
    key_alias: key('alias'),
  };
}

/**
 * The placeholder `[present]` is left out: as a session id it would make all callers one session, which one blocked
 * turn closes for good.
 */
function requestHeaders({ headers, session, messageId }: Exchange): Record<string, string> {
  const shown = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' &&
    value !== '' &&
    value !== '[present]' &&
    !CREDENTIAL_HEADER.test(name) &&
    !SESSION.test(name)
      ? [[name.toLowerCase(), value] as const]
      : [],
  );
  return {
    'content-type': 'application/json',
    ...Object.fromEntries(shown),
    ...(session && { 'x-akto-installer-akto_session_id': session }),
    ...(messageId && { 'x-akto-installer-akto_message_id': messageId }),
  };
}
