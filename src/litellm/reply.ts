import type { GuardrailCall } from '../guardrail/call.ts';
import { eachWord, eachWordOfRows, rewriteWords } from '../guardrail/words.ts';
import { isAtLeast, type Release } from './releases.ts';

/** LiteLLM's answer; only these three actions, spelled so: any other word would let the call pass. */
export type Reply =
  | { action: 'NONE'; stream_holdback_chars?: readonly number[] }
  | { action: 'BLOCKED'; blocked_reason: string }
  | { action: 'GUARDRAIL_INTERVENED'; texts: string[]; stream_holdback_chars?: readonly number[] }
  | { action: 'GUARDRAIL_INTERVENED'; structured_messages: unknown[] };

/** Older releases ignore `structured_messages` in a reply, and the original would pass. */
const READS_STRUCTURED_MESSAGES: Release = [1, 103];

/** LiteLLM tells its version since 1.81.12; releases before drop the rewrite of some answers without a word. */
const TELLS_ITS_VERSION: Release = [1, 81];

/**
 * The reply that puts `rewrites` in place of the strings they replace, or null when no reply can: a string in tools, in
 * tool-call arguments of an answer, one that stands nowhere in the call, or a field that this LiteLLM does not read.
 *
 * `texts` is preferred, since a rewritten row of `structured_messages` loses the keys that LiteLLM did not send;
 * where a row differs LiteLLM ignores `texts`, so one reply cannot need both. Arguments of tool calls are rewritten in rows where
 * `tool_calls` repeats them: on `/v1/responses`, where it does not, LiteLLM would build the input anew and lose parts of it.
 *
 * @see LiteLLM 1.106.2, `_structured_rows_to_write_back` in generic_guardrail_api.py
 */
export function rewriteReply(call: GuardrailCall, rewrites: ReadonlyMap<string, string>): Reply | null {
  const seen = new Map(
    [...rewrites.keys()].map((text) => [
      text,
      { texts: 0, structured_messages: 0, row_tool_calls: 0, tool_calls: 0, tools: 0, inside: 0 },
    ]),
  );
  eachWord(call, (text, place) => {
    const counts = seen.get(text);
    if (counts !== undefined) counts[place]++;
  });
  let needsRows = false;
  let needsTexts = false;
  for (const { texts, structured_messages, row_tool_calls, tool_calls, tools, inside } of seen.values()) {
    const inCalls = row_tool_calls + tool_calls + inside;
    if (tools > 0 || row_tool_calls > tool_calls || texts + structured_messages + inCalls === 0) return null;
    if (structured_messages > texts || inCalls > 0) needsRows = true;
    if (texts > structured_messages + row_tool_calls) needsTexts = true;
  }
  if (call.input_type === 'response' && !isAtLeast(call.litellm_version, TELLS_ITS_VERSION)) return null;
  if (!needsRows) {
    return { action: 'GUARDRAIL_INTERVENED', texts: call.texts.map((text) => rewrites.get(text) ?? text) };
  }
  if (needsTexts || !isAtLeast(call.litellm_version, READS_STRUCTURED_MESSAGES)) return null;
  return rowsReply(call, rewrites);
}

/** The reply by rows, or null if it leaves something where it was: in a key, in JSON within a string, or in no row. */
function rowsReply(call: GuardrailCall, rewrites: ReadonlyMap<string, string>): Reply | null {
  const rows = call.structured_messages.map((row) => rewriteWords(row, rewrites));
  const words = new Set<string>();
  eachWordOfRows(rows, (text) => words.add(text));
  if ([...rewrites.keys()].some((text) => words.has(text))) return null;
  let isWhole = true;
  const before = new Set<string>();
  eachWordOfRows(call.structured_messages, (text) => before.add(text));
  eachWord(call, (text) => {
    if (rewrites.has(text) && !before.has(text)) isWhole = false;
  });
  return isWhole ? { action: 'GUARDRAIL_INTERVENED', structured_messages: rows } : null;
}

/** Whether a reply does what it says: LiteLLM takes what it cannot apply for an allow. */
export function isSound(call: GuardrailCall, reply: Reply): boolean {
  if (reply.action === 'NONE') return true;
  if (reply.action === 'BLOCKED') return reply.blocked_reason.trim() !== '';
  return 'texts' in reply
    ? reply.texts.length === call.texts.length && reply.texts.every((text) => typeof text === 'string')
    : reply.structured_messages.length === call.structured_messages.length;
}
