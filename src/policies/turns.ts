import {
  type Fields,
  fieldsOf,
  type GuardrailCall,
  type Passage,
  type PassagePath,
} from '../guardrail/call.ts';

/** Stands in place of text that was blocked in an earlier turn. */
export const REMOVED = '[removed by security policy]';

/**
 * Where a passage of a conversation stands: in an older turn, in the user's newest message, or anywhere else. System prompts
 * are in no turn.
 */
export type TurnPlace = 'older' | 'newest' | 'elsewhere';

/**
 * Tells the turns of a request apart. The newest begins with the last message of the user that says something of the user's
 * own; what followed it, such as results of tools, belongs to it and is `elsewhere`. A call without messages is all `elsewhere`.
 */
export function turnPlaces({
  structured_messages: rows,
  tool_calls,
}: Pick<GuardrailCall, 'structured_messages' | 'tool_calls'>): (passage: Passage) => TurnPlace {
  const newest = newestPrompt(rows);
  const olderCalls = newest > 0 ? toolCallsBefore(newest, rows, tool_calls) : 0;
  return ({ messagePath, path, author }) => {
    const [field, index] = rootOf(messagePath ?? path);
    if (field === 'tool_calls') return index < olderCalls ? 'older' : 'elsewhere';
    if (field !== 'structured_messages' || author === 'operator' || index > newest) return 'elsewhere';
    return index === newest ? 'newest' : 'older';
  };
}

/** True if all of these passages of a call stand in older turns of a conversation. */
export function isOlder(call: GuardrailCall, passages: readonly Passage[]): boolean {
  if (passages.length === 0 || call.input_type !== 'request' || call.shape !== 'conversation') return false;
  const placeOf = turnPlaces(call);
  return passages.every((passage) => placeOf(passage) === 'older');
}

/** The last row in which the user says something of the user's own; -1 for none. */
export function newestPrompt(rows: readonly unknown[]): number {
  return rows.findLastIndex(isPrompt);
}

/** Tags in which agents put what the user did not write. */
const HARNESS = /^<(system-reminder|environment_context|environment_details|user_instructions)>/;

/** True for a text that an agent added to the user's own. */
export function isHarness(text: string): boolean {
  const trimmed = text.trim();
  const [, tag] = HARNESS.exec(trimmed) ?? [];
  return tag !== undefined && trimmed.endsWith(`</${tag}>`);
}

function isPrompt(row: unknown): boolean {
  const { role, content } = fieldsOf(row);
  if (role !== 'user') return false;
  if (!Array.isArray(content)) return isOwn(content);
  return content.some((part) => {
    const { type, text } = fieldsOf(part);
    return typeof text === 'string' || type === 'text' ? isOwn(text) : type !== undefined;
  });
}

function isOwn(text: unknown): boolean {
  return typeof text === 'string' && text.trim() !== '' && !isHarness(text);
}

/** How many of a call's tool calls stand before a row; 0 if they are not those of the rows, in order. */
function toolCallsBefore(newest: number, rows: readonly unknown[], toolCalls: readonly unknown[]): number {
  const idsIn = (some: readonly unknown[]) =>
    some.flatMap((row) => {
      const { tool_calls: calls } = fieldsOf(row);
      return Array.isArray(calls) ? calls.map(idOf) : [];
    });
  const ids = idsIn(rows);
  const areSame = ids.length === toolCalls.length && toolCalls.every((call, i) => idOf(call) === ids[i]);
  return areSame ? idsIn(rows.slice(0, newest)).length : 0;
}

/**
 * The passages that are new in a call: those of the newest message, or of what came after the model's last words, such as
 * results of tools.
 */
export function newPassages({
  structured_messages: rows,
  passages,
}: Pick<GuardrailCall, 'structured_messages' | 'passages'>): readonly Passage[] {
  const newest = newestPrompt(rows);
  const answered = rows.findLastIndex((row) => fieldsOf(row).role === 'assistant');
  return passages.all.filter(({ messagePath, path }) => {
    const [field, index] = rootOf(messagePath ?? path);
    return field === 'structured_messages' && (answered > newest ? index > answered : index === newest);
  });
}

const idOf = (call: unknown): Fields[string] => fieldsOf(call).id;

/** The field of the call in which a path lies, and the index there. */
export function rootOf(path: PassagePath): [field: string | number, index: number] {
  let index = Number.NaN;
  let node = path;
  for (; node.parent !== undefined; node = node.parent) index = Number(node.key);
  return [node.key, index];
}
