import { fieldsOf, type GuardrailCall, type Passage, type PassageTexts, textOf } from '../guardrail/call.ts';
import type { RewriteForm } from '../guardrail/decision.ts';
import { isInMessage, withTexts } from '../guardrail/passages.ts';
import { nestedTexts } from '../guardrail/read-passages.ts';
import { isMcpRewritable } from './mcp-reply.ts';
import { isAtLeast, READS_MESSAGES_IN_REPLIES } from './releases.ts';

/** The body of a reply; only these three actions, spelled so: any other word would let the call pass. */
export type Reply =
  | { action: 'NONE'; stream_holdback_chars?: readonly number[] }
  | { action: 'BLOCKED'; blocked_reason: string }
  | { action: 'GUARDRAIL_INTERVENED'; texts: readonly string[]; stream_holdback_chars?: readonly number[] }
  | { action: 'GUARDRAIL_INTERVENED'; structured_messages: readonly unknown[] };

/** In how many places of each kind one text stands, and whether messages have it, inside JSON too. */
type Count = {
  texts: number;
  messages: number;
  messageToolCalls: number;
  toolCalls: number;
  nested: number;
  isInMessages: boolean;
};

/**
 * The field of the reply that puts `texts` in place of passages, or null when no reply can: for a passage in tools, in
 * tool-call arguments of a response, in a key, or in a field that this LiteLLM does not read.
 *
 * `texts` is preferred, since a rewritten row of `structured_messages` loses the keys that LiteLLM did not send;
 * where a row differs LiteLLM ignores `texts`, so one reply cannot need both. Arguments of tool calls are rewritten in rows where
 * `tool_calls` repeats them: on `/v1/responses`, where it does not, LiteLLM would build the input anew and lose parts of it.
 *
 * A rewrite that comes in `during_call` LiteLLM drops; of responses it drops more, see `response-wiring.ts`.
 *
 * @see LiteLLM 1.106.2, `_structured_rows_to_write_back` in generic_guardrail_api.py
 */
export function rewriteForm(call: GuardrailCall, texts: PassageTexts): RewriteForm | null {
  if (texts.size === 0) return null;
  const { mode } = call.additional_provider_specific_params;
  if (mode === 'during_call' || mode === 'during_mcp_call') return null;
  if (call.shape === 'mcp_tool' || call.shape === 'mcp_result')
    return isMcpRewritable(call, texts) ? 'texts' : null;
  let needsMessages = false;
  let needsTexts = false;
  let areAllInMessages = true;
  const counts = countsOf(texts);
  if (counts === undefined) return null;
  for (const count of counts.values()) {
    if (count.messageToolCalls > count.toolCalls) return null;
    if (count.messages > count.texts || count.messageToolCalls + count.toolCalls + count.nested > 0)
      needsMessages = true;
    if (count.texts > count.messages + count.messageToolCalls) needsTexts = true;
    areAllInMessages &&= count.isInMessages;
  }
  if (!needsMessages) return 'texts';
  if (needsTexts || !areAllInMessages || !isAtLeast(call.litellm_version, READS_MESSAGES_IN_REPLIES))
    return null;
  /** The strings of each rewritten JSON text: many passages can stand in one. */
  const nested = new Map<Passage, ReadonlySet<string>>();
  const isReplaced = [...texts.keys()].every((passage) => isReplacedInMessages(passage, texts, nested));
  return isReplaced && call.structured_messages.every(isRow) ? 'structured_messages' : null;
}

/** False for what has LiteLLM ignore all messages of a reply. @see LiteLLM 1.110.2, `structured_messages_from_response` */
function isRow(row: unknown): boolean {
  return textOf(fieldsOf(row).role) !== undefined;
}

const NOWHERE: Count = {
  texts: 0,
  messages: 0,
  messageToolCalls: 0,
  toolCalls: 0,
  nested: 0,
  isInMessages: false,
};

/** Undefined if a text stands in the description of a tool, or in an id. */
function countsOf(texts: PassageTexts): ReadonlyMap<string, Count> | undefined {
  const counts = new Map<string, Count>();
  for (const passage of texts.keys()) {
    const { text, place, messagePath } = passage;
    const count = counts.get(text) ?? { ...NOWHERE };
    counts.set(text, count);
    count.isInMessages ||= isInMessage(passage);
    switch (place) {
      case 'text':
        count.texts++;
        if (messagePath !== undefined) count.messages++;
        break;
      case 'message':
        count.messages++;
        break;
      case 'message_tool_call':
        count.messageToolCalls++;
        break;
      case 'tool_call':
        count.toolCalls++;
        break;
      case 'nested':
        count.nested++;
        break;
      case 'tool':
      case 'structure':
        return undefined;
    }
  }
  return counts;
}

/** False if a reply by messages would leave the text of a passage where it was: in a key, or in JSON within a string. */
function isReplacedInMessages(
  { place, text, isKey, within }: Passage,
  texts: PassageTexts,
  nested: Map<Passage, ReadonlySet<string>>,
): boolean {
  if (isKey) return place === 'tool_call';
  if (within === undefined) return true;
  const rewritten = texts.get(within);
  if (rewritten === undefined) return false;
  const left = nested.get(within) ?? nestedTexts(rewritten);
  nested.set(within, left);
  return !left.has(text);
}

/** The reply that puts new texts in place of passages, in the field that {@link rewriteForm} chose. */
export function rewriteReply(
  call: GuardrailCall,
  texts: PassageTexts,
  form: RewriteForm,
  holdback?: readonly number[],
): Reply {
  const rewritten = withTexts(call, texts);
  if (form === 'structured_messages') {
    return { action: 'GUARDRAIL_INTERVENED', structured_messages: rewritten.structured_messages };
  }
  return {
    action: 'GUARDRAIL_INTERVENED',
    texts: rewritten.texts,
    ...(holdback !== undefined && { stream_holdback_chars: holdback }),
  };
}
