import type { Passages, PassageTexts } from '../../guardrail/call.ts';
import { fieldsOf } from '../../guardrail/call.ts';
import { parseJson } from '../../guardrail/json.ts';
import { isReadable } from '../../guardrail/json-nodes.ts';
import { contentTexts, passagesWith } from '../../guardrail/passages.ts';

/** Nodes that Akto puts around what it returns. */
const SPARE_NODES = 100;

/** The body of a check, and where its texts come from. */
export type Checked = {
  readonly body: object;
  /** Messages whose text parts were joined in the body. */
  readonly joined: readonly unknown[];
  readonly passages: Passages;
};

/**
 * New texts of passages by the payload that Akto returned. Null if that is anything but the payload that was sent with other strings
 * in it, or if nothing changed.
 */
export function redactionOf(
  modifiedPayload: unknown,
  { body, joined, passages }: Checked,
): PassageTexts | null {
  const json = JSON.stringify(body);
  const decoded = (value: unknown) => decodedWithin(value, json.length);
  const returned = decoded(modifiedPayload);
  const changes = new Map<string, string>();
  // As it arrived at Akto: without what JSON leaves out
  const sent: unknown = JSON.parse(json);
  const rest = keysLike(sent, decoded(fieldsOf(returned).body ?? returned));
  if (!collectChanges(sent, rest, changes)) return null;
  const rewrites = new Map<string, string>();
  const ways = joiningsIn(joined);
  for (const [before, after] of changes) {
    for (const parts of ways.get(before) ?? [[before]]) {
      const changed = split(after, parts);
      if (changed === null || !parts.every((part, i) => put(rewrites, part, changed[i]!))) return null;
    }
  }
  return rewrites.size > 0 ? passagesWith(passages, rewrites) : null;
}

/** The value of JSON text that holds an object or a list, and no more nodes than were sent; everything else as it is. */
function decodedWithin(value: unknown, sentChars: number): unknown {
  if (typeof value !== 'string' || !/^\s{0,64}[[{]/.test(value)) return value;
  const limits = { maxJsonNodes: SPARE_NODES + sentChars, maxJsonDepth: Number.POSITIVE_INFINITY };
  return (isReadable(value, limits) ? parseJson(value) : undefined) ?? value;
}

/** A body without keys that were not sent: a vendor can add those that are left out of what it is shown. */
function keysLike(sent: unknown, returned: unknown): unknown {
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) return returned;
  return Object.fromEntries(Object.entries(returned).filter(([key]) => Object.hasOwn(fieldsOf(sent), key)));
}

/** True if both have the same structure and every string changed in one way. */
function collectChanges(sent: unknown, returned: unknown, changes: Map<string, string>): boolean {
  if (typeof sent === 'string') {
    return typeof returned === 'string' && (sent === returned || put(changes, sent, returned));
  }
  if (Array.isArray(sent)) {
    if (!Array.isArray(returned) || returned.length !== sent.length) return false;
    return sent.every((item, i) => collectChanges(item, returned[i], changes));
  }
  if (typeof sent !== 'object' || sent === null) return sent === returned;
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) return false;
  const fields = fieldsOf(returned);
  const keys = Object.keys(sent);
  return (
    keys.length === Object.keys(fields).length &&
    keys.every(
      (key) => Object.hasOwn(fields, key) && collectChanges(fieldsOf(sent)[key], fields[key], changes),
    )
  );
}

/** False if one string would become two different ones: a rewrite is applied wherever the string stands. */
function put(rewrites: Map<string, string>, before: string, after: string): boolean {
  const known = rewrites.get(before);
  if (known === undefined && before !== after) rewrites.set(before, after);
  return known === undefined || known === after;
}

/** Every way in which a text of a message came about: two messages can be joined to the same text, or one say it whole. */
function joiningsIn(messages: readonly unknown[]): ReadonlyMap<string, (readonly string[])[]> {
  const ways = new Map<string, (readonly string[])[]>();
  for (const message of messages) {
    const { content } = fieldsOf(message);
    const isText = typeof content === 'string';
    const parts = Array.isArray(content) ? contentTexts(content) : isText ? [content] : [];
    if (parts.length === 0) continue;
    const text = parts.join('\n');
    const known = ways.get(text);
    if (known === undefined) ways.set(text, [parts]);
    else if (!isSameList(known.at(-1)!, parts)) known.push(parts);
  }
  return ways;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
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
