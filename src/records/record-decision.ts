import { type CallFields, type Fields, type GuardrailCall, textOf } from '../guardrail/call.ts';
import { actionOf, type CheckResult, type Decision, decidedBy, resultOf } from '../guardrail/decision.ts';
import { mcpToolOf } from '../guardrail/mcp-tool.ts';
import { textsOutsideMessages } from '../guardrail/passages.ts';
import {
  type BlockNote,
  type CheckNote,
  KEY_CHARS,
  MAX_ID_CHARS,
  type NotedCall,
} from '../guardrail/record.ts';
import { lastTextOf, requestFingerprint, wordsOf } from '../litellm/log-event.ts';
import { isAtLeast, LOGS_JUDGED_STREAMS } from '../litellm/releases.ts';
import type { VerdictLine } from '../outbox/note-bytes.ts';
import { copyOf } from '../policies/markers.ts';
import type { BlockedCall } from './protocol.ts';
import type { RecordsThread } from './records-thread.ts';

/**
 * Keeps a decision for the record of its call; a block becomes a record at once.
 *
 * @param request of a response: reads the request it belongs to
 * @returns of a block: resolves when its record is durable, or cannot be waited for
 */
export function recordDecision(
  records: Pick<RecordsThread, 'note' | 'blocked'>,
  decision: Decision,
  request: () => GuardrailCall | undefined,
): Promise<void> | undefined {
  const { call, outcome, ref = '', removed, forwarded } = decision;
  // The definition of a tool in a list: nobody has called anything
  if (call.shape === 'mcp_tool' && call.litellm_call_id === null) return undefined;
  const note = noteOf(decision);
  if (note === undefined) return undefined;
  if (outcome.kind === 'block') {
    const { cause, category, by, reason } = outcome;
    const block = { cause, ...(category && { category }), by, reason, ref, input_type: call.input_type };
    return records.blocked(blockedCall(removed.length > 0 ? forwarded : call, request(), note, block));
  }
  if (call.litellm_call_id !== null) records.note(note);
  return undefined;
}

/** The note on a decision, for the record of its call; undefined for a decision that nobody waited for. */
export function noteOf(decision: Decision): VerdictLine | undefined {
  const { call, outcome, removed, forwarded, checks, ms } = decision;
  const action = actionOf(decision);
  if (action === 'CANCELLED') return undefined;
  return {
    ...notedCall(call),
    ...(call.input_type === 'request' && { words: wordsOf(lastTextOf(forwarded.texts)) }),
    action,
    by: decidedBy(decision),
    ...(outcome.kind === 'modify' && removed.length > 0 && { removed }),
    at: Date.now(),
    ms: rounded(ms),
    checks: checks.map(checkNoteOf),
    ...(!isAtLeast(call.litellm_version, LOGS_JUDGED_STREAMS) && { logsStreamsEarly: true }),
  };
}

/** A call as notes name it. */
export function notedCall(call: CallFields): NotedCall {
  const key = textOf(call.request_data.user_api_key_hash)?.slice(0, KEY_CHARS);
  return {
    litellm_call_id: call.litellm_call_id?.slice(0, MAX_ID_CHARS) ?? null,
    litellm_trace_id: call.litellm_trace_id?.slice(0, MAX_ID_CHARS) ?? null,
    ...(key !== undefined && { key }),
    input_type: call.input_type,
  };
}

/** The result of one check, without any content. */
export function checkNoteOf(check: CheckResult): CheckNote {
  const { backend, mode, seconds } = check;
  const note = { backend, mode, result: resultOf(check), ms: rounded(seconds * 1000) };
  const categories =
    'verdict' in check && check.verdict.kind === 'block' ? check.verdict.categories : undefined;
  if (categories === undefined || categories.length === 0) return note;
  // A vendor can send any number
  return {
    ...note,
    categories: categories
      .slice(0, MAX_CATEGORIES)
      .map((word) => (word.length <= MAX_CATEGORY_CHARS ? word : copyOf(word.slice(0, MAX_CATEGORY_CHARS)))),
  };
}

const MAX_CATEGORIES = 16;
const MAX_CATEGORY_CHARS = 100;

/**
 * A blocked call with an event made from its guardrail call, under the names of LiteLLM's `StandardLoggingPayload`: LiteLLM
 * logs a blocked request late, in part, or not at all. A blocked response is left out.
 *
 * @param request of a response: the request it belongs to, where this instance knows it
 */
export function blockedCall(
  call: GuardrailCall,
  request: GuardrailCall | undefined,
  note: VerdictLine,
  block: BlockNote,
): BlockedCall {
  const asked = call.input_type === 'request' ? call : request;
  const mcp = mcpFields(call, request);
  const alone = asked === undefined || mcp !== undefined ? [] : textsOutsideMessages(asked);
  // A response can come without names of its key that its request had
  const identity = { ...asked?.request_data, ...call.request_data };
  // A response comes with the provider's name of the model
  const model = asked?.model ?? call.model;
  const event = {
    litellm_call_id: note.litellm_call_id,
    trace_id: note.litellm_trace_id,
    status: 'failure',
    model,
    // As the client named it: of a response alone that is not known
    model_group: asked?.model ?? null,
    messages: [...(asked?.structured_messages ?? []), ...alone.map((content) => ({ role: 'user', content }))],
    response: null,
    model_parameters: asked === undefined || asked.tools.length === 0 || mcp ? {} : { tools: asked.tools },
    startTime: (note.at - note.ms) / 1000,
    endTime: note.at / 1000,
    end_user: identity.user_api_key_end_user_id ?? null,
    request_headers: call.request_headers,
    ...mcp,
    metadata: { ...identity, ...mcp?.metadata },
  };
  return {
    note,
    block,
    event,
    words: asked && requestFingerprint(asked.request_data, lastTextOf(asked.texts)),
  };
}

/** The fields of an event about a call of an MCP tool. LiteLLM's generic API tells of a result neither the tool nor who called it. */
function mcpFields(
  call: GuardrailCall,
  request: GuardrailCall | undefined,
): { readonly call_type: string; readonly metadata: Fields } | undefined {
  if (call.shape === 'mcp_result') {
    const called = request?.shape === 'mcp_tool' ? mcpFields(request, undefined) : undefined;
    return { call_type: 'call_mcp_tool', metadata: { ...called?.metadata } };
  }
  const tool = mcpToolOf(call);
  if (tool === undefined) return undefined;
  const { name, texts } = tool;
  return {
    call_type: 'call_mcp_tool',
    metadata: { mcp_tool_call_metadata: { name, arguments: { texts } } },
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
