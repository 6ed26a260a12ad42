import { hash } from 'node:crypto';
import { BLOCKED_BY, MCP_PATH } from '../guardrail/akto-wire.ts';
import { type Fields, fieldsOf, scalarText, textOf } from '../guardrail/json.ts';
import { clientHeadersOf, identityOf, isPart, requestOf } from './akto-call.ts';
import type { AktoEnvelope } from './akto-envelope.ts';
import { leavesOf } from './leaves.ts';
import type { TurnedEvent } from './turned-event.ts';

/** Before this the clock of a sender was not set. */
const MIN_TIME = Date.UTC(2020);

/** An envelope that is to be recorded. @param now Unix milliseconds @throws BadField */
export function aktoEvent(sent: AktoEnvelope, now: number): TurnedEvent {
  const { fields, request, response, tags, callId, session } = sent;
  const body = fieldsOf(response?.body);
  const sentAt = Number(scalarText(fields.time));
  const at = (sentAt > MIN_TIME && sentAt < now ? sentAt : now) / 1000;
  const status = Number(scalarText(fields.statusCode) ?? scalarText(fields.status) ?? 200);
  const isFailure = status >= 400;
  const mcp = mcpOf(sent);
  const { structured_messages, texts, tools, model } = requestOf(request.body);
  const messages =
    structured_messages.length > 0
      ? structured_messages
      : texts.map((content) => ({ role: 'user', content }));
  const event: Fields = {
    litellm_call_id: callId,
    id: textOf(body.id) ?? callId,
    trace_id: session,
    status: isFailure ? 'failure' : 'success',
    call_type: mcp === undefined ? textOf(tags.call_type) : 'call_mcp_tool',
    ...{ model: textOf(tags.model) ?? model, model_group: textOf(tags.model) ?? model },
    messages: mcp === undefined ? messages : [],
    response: isFailure ? null : (mcp?.result ?? response?.body ?? null),
    model_parameters: tools.length > 0 ? { tools } : {},
    startTime: at,
    endTime: at,
    end_user: textOf(tags.end_user_id) ?? null,
    requester_ip_address: textOf(fields.ip) ?? null,
    request_headers: clientHeadersOf(sent.headers),
    ...(isFailure && { error_information: errorOf(body, status) }),
    metadata: {
      ...identityOf(tags),
      user_api_key_request_route: textOf(fields.path),
      ...(mcp && { mcp_tool_call_metadata: mcp.call }),
    },
  };
  const stage = isFailure || response !== undefined ? (isPart(response?.body) ? 'part' : 'whole') : 'request';
  return { event, door: 'akto', stage, tellsApart: response === undefined ? '' : textsHash(response.body) };
}

/** The words of a response: LiteLLM can tell of it once more with another model in it. */
function textsHash(body: unknown): string {
  const { texts, toolCalls } = leavesOf(body, false);
  return hash('sha1', JSON.stringify([texts, toolCalls]));
}

/** The tool that an envelope is about; undefined for one about a model. */
function mcpOf({ fields, request, response, tags }: AktoEnvelope) {
  const { method, params } = fieldsOf(request.body);
  if (method !== 'tools/call' && fields.path !== MCP_PATH) return undefined;
  const { name, arguments: args } = fieldsOf(params);
  const server = textOf(tags.mcp_server_name);
  const call = {
    mcp_server_name: server,
    name: textOf(name) ?? textOf(tags.tool_name),
    arguments: args ?? {},
  };
  return { call, result: fieldsOf(response?.body).result };
}

/** A call that was refused; the marker of Akto's hooks says why. */
function errorOf(body: Fields, status: number): Fields {
  const isBlock = body[BLOCKED_BY] !== undefined;
  const message = textOf(body.reason) ?? textOf(fieldsOf(body.error).message) ?? textOf(body.error) ?? '';
  return {
    error_class: isBlock ? 'GuardrailRaisedException' : (textOf(fieldsOf(body.error).type) ?? 'error'),
    error_code: String(status),
    error_message: message,
  };
}
