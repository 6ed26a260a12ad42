import {
  CHAT_PATH,
  IDENTITY_TAGS,
  MCP_PATH,
  MESSAGE_HEADER,
  SESSION_HEADER,
} from '../../guardrail/akto-wire.ts';
import { type Fields, type GuardrailCall, headerOf, textOf } from '../../guardrail/call.ts';
import { CREDENTIAL_HEADER } from '../../guardrail/caller.ts';
import type { McpExchange } from './mcp.ts';
import { payloadInJson } from './payload.ts';

export type EnvelopeOptions = {
  readonly accountId: string;
  readonly vxlanId: string;
  readonly contextSource: string;
  /** A JSON object as text. */
  readonly metadata: string;
};

/** One exchange between a client and a model. */
export type Exchange = {
  readonly path: string;
  /** Headers of the client, as far as LiteLLM shows them. Credentials are left out of the envelope. */
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
    requestHeaders: JSON.stringify(requestHeaders(exchange.headers, exchange.session, exchange.messageId)),
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

/** Envelopes of checks as JSON text, cut at what differs from call to call: of a request, and of a response. */
type Template = { readonly request: readonly string[]; readonly response: readonly string[] };
export type CheckTemplate = Template & { readonly mcp: Template };

/** No setting can hold this. */
const SLOT = '\0';

/** The constant parts of a check's envelope. LiteLLM tells a guardrail neither the route nor the client's address. */
export function checkTemplate(options: EnvelopeOptions): CheckTemplate {
  const parts = (path: string, responsePayload: string | undefined) => {
    const slots = { requestHeaders: SLOT, requestPayload: SLOT, time: SLOT, tag: SLOT, metadata: SLOT };
    const exchange = { path, headers: {}, session: null, messageId: null, ip: '', time: 0 };
    const sides = { status: 200, requestPayload: SLOT, responsePayload, tags: {} };
    const whole = { ...envelope({ ...exchange, ...sides }, options), ...slots };
    return JSON.stringify(whole).split(JSON.stringify(SLOT));
  };
  const template = (path: string) => ({ request: parts(path, undefined), response: parts(path, SLOT) });
  return { ...template(CHAT_PATH), mcp: template(MCP_PATH) };
}

/** The envelope of a check as JSON text, as `JSON.stringify` would write it; the template saves half of that. */
export function checkEnvelope(
  call: GuardrailCall,
  template: CheckTemplate,
  requestBody: object,
  responseBody: object | undefined,
): string {
  const tags = { 'gen-ai': 'Gen AI', ...identityTags(call.request_data) };
  const bodies = responseBody === undefined ? [requestBody] : [requestBody, responseBody];
  return filled(
    call,
    responseBody === undefined ? template.request : template.response,
    bodies.map((body) => payloadInJson(JSON.stringify(body))),
    tags,
  );
}

/** The envelope of a check of an MCP tool, whose payloads are JSON-RPC as it is. */
export function mcpCheckEnvelope(
  call: GuardrailCall,
  { mcp }: CheckTemplate,
  { request, response, tags }: McpExchange,
): string {
  const bodies = response === undefined ? [request] : [request, response];
  return filled(
    call,
    response === undefined ? mcp.request : mcp.response,
    bodies.map((body) => encoded(JSON.stringify(body))),
    { ...identityTags(call.request_data), ...tags },
  );
}

/** @param payloads as JSON text in JSON */
function filled(
  call: GuardrailCall,
  [start, ...ends]: readonly string[],
  payloads: readonly string[],
  tags: Exchange['tags'],
): string {
  const session = headerOf(call, 'x-litellm-session-id') ?? call.litellm_trace_id;
  const headers = requestHeaders(call.request_headers, session, call.litellm_call_id);
  const tag = encoded(JSON.stringify(tags));
  const slots = [encoded(JSON.stringify(headers)), ...payloads, `"${Date.now()}"`, tag, tag];
  let json = start as string;
  for (const [i, end] of ends.entries()) json += slots[i] + end;
  return json;
}

const encoded = JSON.stringify as (text: string) => string;

/** Who called, from LiteLLM's `user_api_key_*`; what is not known is undefined, which JSON leaves out. */
export function identityTags(identity: Fields): Record<string, string | undefined> {
  const tags: Record<string, string | undefined> = {};
  for (const [tag, name] of IDENTITY) tags[tag] = textOf(identity[name])?.trim() || undefined;
  return tags;
}

const IDENTITY = Object.entries(IDENTITY_TAGS).map(([tag, name]) => [tag, `user_api_key_${name}`] as const);

/**
 * The placeholder `[present]` is left out: as a session id it would make all callers one session, which one blocked
 * turn closes for good.
 */
function requestHeaders(headers: Fields, session: Exchange['session'], messageId: Exchange['messageId']) {
  const sent: Record<string, string> = { 'content-type': 'application/json' };
  for (const name in headers) {
    const value = headers[name];
    if (typeof value !== 'string' || value === '' || value === '[present]') continue;
    if (!CREDENTIAL_HEADER.test(name) && !SESSION.test(name)) sent[name.toLowerCase()] = value;
  }
  if (session) sent[SESSION_HEADER] = session;
  if (messageId) sent[MESSAGE_HEADER] = messageId;
  return sent;
}
