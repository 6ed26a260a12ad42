import { fieldsOf, type GuardrailCall, toolCallOf } from '../../guardrail/call.ts';
import {
  contentTexts,
  type Passages,
  type PassageTexts,
  passagesWith,
  textsOutsideMessages,
} from '../../guardrail/passages.ts';

/** A payload as Akto is sent it, and the way back from the payload it returns. */
export type CheckedPayload = {
  /** JSON text; {@link wrapped} makes a payload of it. */
  readonly body: string;
  /** New texts of passages of the judged call, or null if the returned payload is not the sent one with other strings. */
  mapBack(modifiedPayload: unknown): PassageTexts | null;
};

type Options = { readonly flatten: boolean; readonly drop: ReadonlySet<string> };

/**
 * The request to judge. Akto reads message content only where it is a plain string, and violations hide behind
 * `stream` and `tools`, so text parts are joined and these keys are dropped, as in Akto's newer hook.
 *
 * @see contract of the akto-litellm hook: VERDICT_FLATTEN_CONTENT, VERDICT_DROP_BODY_KEYS
 */
export function requestPayload(call: GuardrailCall | undefined, { flatten, drop }: Options): CheckedPayload {
  const original = call?.structured_messages ?? [];
  const rows = flatten ? original.map(flattenRow) : original;
  const alone = call === undefined ? [] : textsOutsideMessages(call);
  const body: Record<string, unknown> = {
    model: call?.model ?? '',
    messages: [...rows, ...alone.map((content) => ({ role: 'user', content }))],
  };
  if (call !== undefined && call.tools.length > 0) body.tools = call.tools;
  if (call !== undefined && call.tool_calls.length > 0) body.tool_calls = call.tool_calls;
  for (const key of drop) delete body[key];
  return payload(body, flatten ? original : [], call?.passages);
}

/**
 * The answer to judge. LiteLLM hands over its texts and tool calls, not the provider's response. The arguments of
 * tool calls are repeated as the content of their message, since Akto reads only content.
 */
export function answerPayload(call: GuardrailCall): CheckedPayload {
  const messages: unknown[] = call.texts.map((content) => ({ content, role: 'assistant' }));
  if (call.tool_calls.length > 0) {
    const content = call.tool_calls.map((toolCall) => toolCallOf(toolCall).arguments ?? '').join('\n');
    messages.push({ content, role: 'assistant', tool_calls: call.tool_calls });
  }
  return payload({ choices: messages.map((message) => ({ message })) }, [], call.passages);
}

/** `{"body": "<JSON text>"}`, itself as JSON text: the encoding of LiteLLM's own integration. */
export function wrapped(body: string): string {
  return JSON.stringify({ body });
}

/** A {@link wrapped} body as JSON writes it into an envelope. Two passes of `JSON.stringify` over the text take three times as long. */
export function wrappedInJson(body: string): string {
  // JSON text has nothing else to escape, and each of the two passes doubles the backslashes
  return `"{\\"body\\":\\"${body.replace(/\\/g, '\\\\\\\\').replace(/"/g, '\\\\\\"')}\\"}"`;
}

function payload(
  body: unknown,
  flattened: readonly unknown[],
  passages: Passages | undefined,
): CheckedPayload {
  return {
    body: JSON.stringify(body),
    mapBack(modifiedPayload) {
      const returned = decode(modifiedPayload);
      const rewrites = new Map<string, string>();
      const joined = joinedParts(flattened);
      const done = new Map<string, string>();
      const change = (before: string, after: string) => {
        const known = done.get(before);
        if (known !== undefined) return known === after;
        done.set(before, after);
        return (joined.get(before) ?? [[before]]).every((parts) => {
          const changed = split(after, parts);
          return changed !== null && parts.every((part, i) => put(rewrites, part, changed[i] as string));
        });
      };
      const same = collectChanges(
        JSON.parse(JSON.stringify(body)),
        decode(fieldsOf(returned).body ?? returned),
        change,
      );
      return same && rewrites.size > 0 && passages !== undefined ? passagesWith(passages, rewrites) : null;
    },
  };
}

/** JSON text of an object or array as what it holds; everything else as it is. */
function decode(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** True if both have the same structure and every changed string was taken by `change`. */
function collectChanges(
  sent: unknown,
  returned: unknown,
  change: (before: string, after: string) => boolean,
): boolean {
  if (typeof sent === 'string') {
    if (typeof returned !== 'string') return false;
    return sent === returned || change(sent, returned);
  }
  if (Array.isArray(sent)) {
    if (!Array.isArray(returned) || returned.length !== sent.length) return false;
    return sent.every((item, i) => collectChanges(item, returned[i], change));
  }
  if (typeof sent !== 'object' || sent === null) return sent === returned;
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) return false;
  const fields = fieldsOf(returned);
  const keys = Object.keys(sent);
  return (
    keys.length === Object.keys(fields).length &&
    keys.every(
      (key) => Object.hasOwn(fields, key) && collectChanges(fieldsOf(sent)[key], fields[key], change),
    )
  );
}

/** One string cannot become two different ones: a rewrite is applied wherever the string stands. */
function put(rewrites: Map<string, string>, before: string, after: string): boolean {
  if (rewrites.has(before) && rewrites.get(before) !== after) return false;
  if (before !== after) rewrites.set(before, after);
  return true;
}

function flattenRow(row: unknown): unknown {
  const { content } = fieldsOf(row);
  return Array.isArray(content) ? { ...fieldsOf(row), content: contentTexts(content).join('\n') } : row;
}

/** Every way in which a content text came about: two messages can be joined to the same text, or one say it whole. */
function joinedParts(rows: readonly unknown[]): ReadonlyMap<string, (readonly string[])[]> {
  const joined = new Map<string, (readonly string[])[]>();
  for (const row of rows) {
    const { content } = fieldsOf(row);
    const parts = Array.isArray(content)
      ? contentTexts(content)
      : typeof content === 'string'
        ? [content]
        : [];
    const text = parts.join('\n');
    if (parts.length === 0) continue;
    const ways = joined.get(text);
    if (ways === undefined) joined.set(text, [parts]);
    else if (!isSameWay(ways.at(-1)!, parts)) ways.push(parts);
  }
  return joined;
}

function isSameWay(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

/** Undoes the joining of `parts` in a changed text, by their lines; null if lines came or went. */
function split(after: string, parts: readonly string[]): string[] | null {
  if (parts.length === 1) return [after];
  const lines = after.split('\n');
  const counts = parts.map((part) => part.split('\n').length);
  if (lines.length !== counts.reduce((sum, count) => sum + count, 0)) return null;
  let at = 0;
  return counts.map((count) => {
    const from = at;
    at += count;
    return lines.slice(from, at).join('\n');
  });
}
