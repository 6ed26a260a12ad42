import { fieldsOf, type GuardrailCall, textOf, toolCallOf } from '../../guardrail/call.ts';
import { contentTexts, textsOutsideMessages } from '../../guardrail/passages.ts';

/** One side's part of a conversation, as plain text. */
export type Turn = { readonly role: 'user' | 'assistant'; readonly content: string };

/** Stands for a question that nobody remembers: the conversation has to begin with the user. */
const UNKNOWN_QUESTION = '(not known)';

/**
 * A call as turns that alternate and begin with the user's. The last one is the one to judge: the user's for a request, the model's for
 * a response. None if there is no text.
 *
 * Only the model's own messages are its turns. What operators and tools say stands with the user's words, as both can hold what a
 * client wrote; so does a beginning of the response that a client sends with its request.
 *
 * @param request of a response, if it is known
 */
export function turnsOf(call: GuardrailCall, request: GuardrailCall | undefined): readonly Turn[] {
  if (call.input_type === 'request') {
    const turns = askedIn(call);
    const last = turns.at(-1);
    return joined(last === undefined ? [] : [...turns.slice(0, -1), { ...last, role: 'user' }]);
  }
  const content = [...call.texts, ...call.tool_calls.map(toolText)].filter(isText).join('\n\n');
  if (content === '') return [];
  const asked = request === undefined ? [] : askedIn(request);
  return joined([...asked, { role: 'assistant', content }]);
}

function askedIn(call: GuardrailCall): readonly Turn[] {
  const turns = call.structured_messages.map(turnOf);
  if (turns.length === 0 && call.tool_calls.length > 0)
    turns.push({ role: 'assistant', content: call.tool_calls.map(toolText).join('\n') });
  for (const content of textsOutsideMessages(call)) turns.push({ role: 'user', content });
  return turns.filter(({ content }) => isText(content));
}

function turnOf(message: unknown): Turn {
  const { role, content, refusal, tool_calls, function_call } = fieldsOf(message);
  const calls = [...(Array.isArray(tool_calls) ? tool_calls : []), { function: function_call }];
  const texts = Array.isArray(content) ? contentTexts(content) : [textOf(content) ?? ''];
  return {
    role: role === 'assistant' ? 'assistant' : 'user',
    content: [...texts, textOf(refusal) ?? '', ...calls.map(toolText)].filter(isText).join('\n'),
  };
}

function toolText(toolCall: unknown): string {
  const { name = '', arguments: args = '' } = toolCallOf(toolCall);
  return `${name} ${args}`.trim();
}

const isText = (text: string) => text.trim() !== '';

function joined(turns: readonly Turn[]): readonly Turn[] {
  const all: Turn[] = turns[0]?.role === 'assistant' ? [{ role: 'user', content: UNKNOWN_QUESTION }] : [];
  for (const turn of turns) {
    const last = all.at(-1);
    if (last?.role !== turn.role) all.push(turn);
    else all[all.length - 1] = { ...last, content: `${last.content}\n\n${turn.content}` };
  }
  return all;
}
