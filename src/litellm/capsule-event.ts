import { hash } from 'node:crypto';
import { type CallFields, type Fields, textOf } from '../guardrail/call.ts';
import { namesOf } from './capsule-call.ts';
import { BadField, objectIn } from './request.ts';
import type { TurnedEvent } from './turned-event.ts';

/** The call of a `pre` hook, as far as it is remembered. */
export type AskedCall = Pick<CallFields, 'structured_messages' | 'tools' | 'request_data'>;

/**
 * The body of a `post` or `mcp/post` hook, which has neither the request nor the response: the request is what its `pre` hook said.
 *
 * @param asked undefined where nobody remembers it
 * @param now Unix milliseconds
 * @throws BadField
 * @see capsule-litellm 0.1.7 on PyPI (types)
 */
export function capsuleEvent(
  text: string,
  isMcp: boolean,
  asked: AskedCall | undefined,
  now: number,
): TurnedEvent {
  const body = objectIn(text);
  const { litellm_call_id, litellm_trace_id } = namesOf(body);
  const { success, durationMs, sessionId, model } = body;
  if (typeof success !== 'boolean') throw new BadField('success', 'must be true or false');
  const ms = typeof durationMs === 'number' && durationMs >= 0 && durationMs < now ? durationMs : 0;
  const mcp = isMcp ? mcpOf(body, asked) : undefined;
  const event: Fields = {
    ...{ litellm_call_id, id: litellm_call_id, trace_id: litellm_trace_id },
    session_id: textOf(sessionId),
    status: success ? 'success' : 'failure',
    call_type: mcp && 'call_mcp_tool',
    ...{ model: textOf(model), model_group: textOf(model) },
    messages: mcp ? [] : (asked?.structured_messages ?? []),
    response: success && !isMcp ? { usage: usageOf(body) } : null,
    model_parameters: !isMcp && asked?.tools.length ? { tools: asked.tools } : {},
    startTime: (now - ms) / 1000,
    endTime: now / 1000,
    end_user: asked?.request_data.user_api_key_end_user_id ?? null,
    ...(!success && { error_information: errorOf(body) }),
    metadata: { ...asked?.request_data, ...mcp },
  };
  return { event, door: 'capsule', stage: 'whole', tellsApart: hash('sha1', text) };
}

function usageOf({ promptTokens, completionTokens, totalTokens }: Fields): Fields {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: totalTokens };
}

function errorOf({ errorCode, errorMessage }: Fields): Fields {
  return { error_class: textOf(errorCode), error_message: textOf(errorMessage) ?? '' };
}

function mcpOf({ serverName, toolName }: Fields, asked: AskedCall | undefined): Fields {
  const name = textOf(toolName) ?? 'unknown';
  const { texts = [] } = (asked ?? {}) as { texts?: readonly string[] };
  return {
    mcp_tool_call_metadata: {
      mcp_server_name: textOf(serverName) ?? 'unknown',
      name,
      arguments: texts.length > 0 ? { texts } : {},
    },
  };
}
