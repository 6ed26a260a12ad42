import { type CallFields, toolCallOf } from './call.ts';

/**
 * True if a round of a response has everything that an earlier round had. LiteLLM sends the whole text so far each time, yet
 * texts can come before it (titles and addresses of a web search, another choice), and those of one round can be joined in the
 * next or apart: in rounds of `/v1/responses` before the last one, arguments of tool calls follow the text without a gap.
 */
export function isContinued(
  before: readonly string[],
  now: Pick<CallFields, 'texts' | 'tool_calls'>,
): boolean {
  const { texts } = now;
  return beginInOrder(before, texts) || (before.length > 0 && whole(now).startsWith(before.join('')));
}

/** True if each text of an earlier round begins one of these, in the same order. */
function beginInOrder(before: readonly string[], texts: readonly string[]): boolean {
  let next = 0;
  for (const text of texts) if (next < before.length && text.startsWith(before[next]!)) next++;
  return next === before.length;
}

/** All texts and arguments in one. */
function whole({ texts, tool_calls }: Pick<CallFields, 'texts' | 'tool_calls'>): string {
  return texts.join('') + tool_calls.map((toolCall) => toolCallOf(toolCall).arguments ?? '').join('');
}
