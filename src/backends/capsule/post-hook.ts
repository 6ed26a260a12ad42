import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import { categoryOf } from '../../guardrail/category.ts';
import type { CallRecord } from '../../guardrail/record.ts';
import { callIdOf, clientSession, isMcpListing, mcpCallOf, modelOf } from '../recorded-call.ts';

/** Begins the model name of every event of LiteLLM's MCP gateway. */
const MCP_MODEL = 'MCP: ';

/** True if the plugin posts such an event: all but listings of tools, and calls that Capsule itself denied. @param name of the configured backend */
export function isPosted({ event, block }: Pick<CallRecord, 'event' | 'block'>, name: string): boolean {
  if (block?.by.split(',').includes(name) && block.cause === 'verdict') return false;
  // Raised by the plugin where it is in use beside the bridge
  if (fieldsOf(event.error_information).error_class === 'CapsuleBlockedError') return false;
  if (mcpCallOf(event) !== undefined) return true;
  return !isMcpListing(event) && !textOf(event.model)?.startsWith(MCP_MODEL);
}

/**
 * A record as the plugin's `LiteLlmPostHookInput`, or `LiteLlmMcpPostHookInput` for a tool of the MCP gateway, with the
 * path it goes to. Absent values are left out.
 *
 * @see capsule-litellm 0.1.7 on PyPI (callback and types)
 */
export function postHook(record: CallRecord) {
  const { event, outcome } = record;
  const mcp = mcpCallOf(event);
  const subject =
    mcp === undefined
      ? { model: modelOf(event) ?? 'unknown' }
      : { serverName: mcp.server, toolName: mcp.tool };
  const sessionId = clientSession(event);
  const body = {
    // The id of the pre hook, if it is known
    requestId: callIdOf(record) ?? record.record_id,
    ...subject,
    durationMs: durationMs(event),
    success: outcome === 'success',
    ...(outcome !== 'success' ? errorOf(record) : mcp === undefined && usageOf(event)),
    ...(sessionId && { sessionId }),
  };
  return { path: mcp === undefined ? 'events/post' : 'events/mcp/post', body };
}

/** Whole milliseconds; Unix seconds as a double are exact to less than a microsecond. */
function durationMs({ startTime, endTime }: Fields): number {
  if (typeof startTime !== 'number' || typeof endTime !== 'number') return 0;
  return Math.max(0, Math.floor(Math.round((endTime - startTime) * 1e6) / 1000));
}

function usageOf(event: Fields): Record<string, number> {
  const { prompt_tokens, completion_tokens, total_tokens } = fieldsOf(fieldsOf(event.response).usage);
  const counts = {
    promptTokens: prompt_tokens,
    completionTokens: completion_tokens,
    totalTokens: total_tokens,
  };
  return Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]) =>
      Number.isInteger(count) ? [[name, count as number]] : [],
    ),
  );
}

/** Another vendor's reason for a block is none of Capsule's business. */
function errorOf({ outcome, event, block }: CallRecord): Record<string, string> {
  if (outcome === 'blocked') {
    const category = categoryOf(block ?? { cause: 'verdict' });
    const errorMessage = `Blocked by security policy. [${category}] Reference: ${block?.ref ?? 'unknown'}`;
    return { errorCode: 'GuardrailRaisedException', errorMessage };
  }
  const { error_class, error_message } = fieldsOf(event.error_information);
  const errorCode = textOf(error_class);
  const errorMessage = textOf(error_message) ?? textOf(event.error_str);
  return { ...(errorCode && { errorCode }), ...(errorMessage && { errorMessage }) };
}
