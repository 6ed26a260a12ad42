import { type Fields, fieldsOf, type GuardrailCall, type Passage } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { parseInner } from '../../guardrail/json.ts';
import { MAX_NODES } from '../../guardrail/json-nodes.ts';
import { passagesWith, textsOutsideMessages } from '../../guardrail/passages.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';
import { returnedTexts } from '../returned-texts.ts';
import { isOfFixture, receivedBy } from './fixture.ts';

const UNMAPPABLE: Verdict = { kind: 'modify', texts: null };

/** Ends each text of a response. Where it has gone, the fixture did not write the response. */
const TEXT_END = '\n\nguardrail-bridge';

/** A request as chat completions know it: its messages, and the tools that are offered. */
export type Asked = { readonly messages: readonly unknown[]; readonly tools?: readonly unknown[] };

export function askedIn(call: GuardrailCall): Asked {
  const { structured_messages, tool_calls, tools } = call;
  const messages = [...structured_messages];
  if (messages.length === 0 && tool_calls.length > 0)
    messages.push({ role: 'assistant', content: '', tool_calls });
  for (const content of textsOutsideMessages(call)) messages.push({ role: 'user', content });
  return { messages, ...(tools.length > 0 && { tools }) };
}

/** A response as one message. */
export function answerIn({ texts, tool_calls }: GuardrailCall) {
  const content = (texts.length > 0 ? texts : ['']).map((text) => text + TEXT_END).join('');
  return { role: 'assistant', content, ...(tool_calls.length > 0 && { tool_calls }) };
}

/** The verdict on a request, by the completion in which the fixture tells what it received. @throws BackendError */
export function requestVerdict(reply: unknown, asked: Asked, call: GuardrailCall): Verdict {
  const received = receivedBy(messageIn(reply).content);
  if (received === undefined) throw new BackendError({ kind: 'no_verdict' });
  const { messages, tools } = fieldsOf(parseInner(received, MAX_NODES));
  const all = Array.isArray(messages) ? messages : [];
  // A gateway may put instructions of its own before them
  const last = all.slice(Math.max(0, all.length - asked.messages.length));
  return changed(returnedTexts(asked, { messages: last, tools }), call);
}

/** The verdict on a response, by the completion that came back instead of it. @throws BackendError */
export function responseVerdict(
  reply: unknown,
  answer: ReturnType<typeof answerIn>,
  call: GuardrailCall,
): Verdict {
  const { content, tool_calls } = messageIn(reply);
  const { texts, passages } = call;
  const calls = returnedTexts(answer.tool_calls ?? [], tool_calls ?? []);
  if (content === answer.content) return changed(calls, call);
  const parts = content.split(TEXT_END);
  if (parts.length === 1 && !isOfFixture(fieldsOf(reply).id)) throw new BackendError({ kind: 'no_verdict' });
  const inCalls = calls && passagesWith(passages, calls);
  if (inCalls === null || parts.length !== Math.max(1, texts.length) + 1 || parts.at(-1) !== '')
    return UNMAPPABLE;
  const rewritten = new Map<Passage, string>(inCalls);
  for (const [i, text] of texts.entries()) {
    if (parts[i] !== text) rewritten.set(passages.all[i]!, parts[i]!);
  }
  return rewritten.size === 0 ? UNMAPPABLE : { kind: 'modify', texts: rewritten };
}

function changed(texts: ReadonlyMap<string, string> | null, call: GuardrailCall): Verdict {
  if (texts?.size === 0) return ALLOW;
  return { kind: 'modify', texts: texts && passagesWith(call.passages, texts) };
}

function messageIn(reply: unknown): Fields & { readonly content: string } {
  const { choices } = fieldsOf(reply);
  const message = fieldsOf(fieldsOf(Array.isArray(choices) ? choices[0] : undefined).message);
  if (typeof message.content !== 'string')
    throw new BackendError({ kind: 'wrong_shape', field: 'choices.0.message.content' });
  return message as Fields & { readonly content: string };
}
