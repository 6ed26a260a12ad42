import { fieldsOf, type GuardrailCall } from './call.ts';
import { parseInner } from './json.ts';

/**
 * Where in a call a string stands; it decides how a rewrite of it can be written back. `row_tool_calls` is in a tool call of a
 * message, `inside` within JSON in a string.
 */
export type Place = 'texts' | 'structured_messages' | 'row_tool_calls' | 'tool_calls' | 'tools' | 'inside';

/** Structure, not words: never judged and never rewritten. */
const STRUCTURE = new Set(['role', 'type', 'id', 'tool_call_id', 'index', 'format', 'detail', 'media_type']);

/** Fields that hold media; long base64 in them is no text. */
const MEDIA = new Set(['url', 'data', 'file_data', 'image_url']);
const BASE64 = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

/**
 * Visits every string of a call that a person, a model or a tool wrote: `texts`, all of `structured_messages`
 * (tool results and, in older releases, system prompts stand only there), tool-call arguments, and every string and key of
 * `tools`, which an MCP server writes.
 */
export function eachWord(call: GuardrailCall, visit: (text: string, place: Place) => void): void {
  for (const text of call.texts) visit(text, 'texts');
  eachWordOfRows(call.structured_messages, visit);
  walk(call.tool_calls, '', 'tool_calls', visit);
  walkData(call.tools, (word) => visit(word, 'tools'));
}

/** As {@link eachWord}, of some `structured_messages`. */
export function eachWordOfRows(rows: readonly unknown[], visit: (text: string, place: Place) => void): void {
  walk(rows, '', 'structured_messages', visit);
}

/**
 * As {@link eachWord}, without what merely repeats: a chat body carries its text twice, and `texts` are as a rule the
 * contents of `structured_messages` in their order. Comparing the next text costs far less than hashing all of them.
 */
export function eachNewWord(call: GuardrailCall, visit: (text: string) => void): void {
  let next = 0;
  eachWord(call, (text, place) => {
    if (place === 'structured_messages' && text === call.texts[next]) next++;
    else visit(text);
  });
}

/** All that is to be judged, each text once: `texts` first and in their order, then what stands only elsewhere. */
export function passagesOf(call: GuardrailCall): readonly string[] {
  const passages: string[] = [];
  eachNewWord(call, (text) => passages.push(text));
  return passages;
}

/** The texts that `structured_messages` does not repeat, for backends that are sent the conversation. */
export function textsWithoutRow(call: GuardrailCall): readonly string[] {
  let next = 0;
  const rows: string[] = [];
  walk(call.structured_messages, '', 'structured_messages', (text) => {
    if (text === call.texts[next]) next++;
    else rows.push(text);
  });
  if (next === call.texts.length) return [];
  const others = new Set(rows);
  return call.texts.slice(next).filter((text) => text !== '' && !others.has(text));
}

const MEDIA_PARTS =
  /^(?:(?:input_)?(?:image|audio|video|file)|(?:image|audio|video)_url|image_file|document)$/i;

function isMediaPart(type: unknown): type is string {
  return typeof type === 'string' && MEDIA_PARTS.test(type);
}

/** Documents can be plain text. */
const isDocument = (type: string) => type.toLowerCase() === 'document';

/** What is said in a list of content parts, for backends that read only strings: text, and the words of other parts. */
export function partsOf(content: readonly unknown[]): string[] {
  const parts: string[] = [];
  for (const part of content) {
    const { type, text } = fieldsOf(part);
    if (typeof text === 'string') parts.push(text);
    else if (!isMediaPart(type) || isDocument(type))
      walk(part, '', 'structured_messages', (word) => parts.push(word));
  }
  return parts.filter((word) => word !== '');
}

function walk(value: unknown, key: string, place: Place, visit: (text: string, place: Place) => void): void {
  if (typeof value === 'string') {
    if (STRUCTURE.has(key) || isMedia(key, value)) return;
    visit(value, place);
    // JSON in a string: what is escaped there is not what was said
    if (key === 'arguments' && value.includes('\\'))
      walkData(parseInner(value), (word) => visit(word, 'inside'));
  } else if (Array.isArray(value)) {
    for (const item of value) walk(item, key, place, visit);
  } else if (typeof value === 'object' && value !== null) {
    for (const name in value) {
      if (name === 'input' || name === 'arguments') {
        const data = (value as Record<string, unknown>)[name];
        if (typeof data === 'object') {
          walkData(data, (word) => visit(word, inToolCall(place)));
          continue;
        }
      }
      const inside = name === 'tool_calls' || name === 'function_call' ? inToolCall(place) : place;
      walk((value as Record<string, unknown>)[name], name, inside, visit);
    }
  }
}

function inToolCall(place: Place): Place {
  return place === 'structured_messages' ? 'row_tool_calls' : place;
}

/** What a model gives to a tool, or a server says of its tools: every string and key is a word, whatever the key is called. */
function walkData(value: unknown, visit: (text: string) => void): void {
  if (typeof value === 'string') visit(value);
  else if (Array.isArray(value)) for (const item of value) walkData(item, visit);
  else if (typeof value === 'object' && value !== null) {
    for (const name in value) {
      visit(name);
      walkData((value as Record<string, unknown>)[name], visit);
    }
  }
}

function isMedia(key: string, value: string): boolean {
  return MEDIA.has(key) && value.length > 512 && BASE64.test(value);
}

/** A copy of some structured messages with whole strings exchanged, by the same walk as {@link eachWord}. */
export function rewriteWords(value: unknown, rewrites: ReadonlyMap<string, string>, key = ''): unknown {
  if (typeof value === 'string') return STRUCTURE.has(key) ? value : (rewrites.get(value) ?? value);
  if (Array.isArray(value)) return value.map((item) => rewriteWords(item, rewrites, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).map(([name, item]) => [name, rewriteWords(item, rewrites, name)]),
  );
}

/** How much content is no text: images, audio, files. A backend that reads only text cannot judge it. */
export function mediaOf(call: GuardrailCall): number {
  let parts = 0;
  for (const message of call.structured_messages) parts += mediaIn(fieldsOf(message).content);
  return Math.max(parts, call.images.length);
}

function mediaIn(content: unknown): number {
  if (!Array.isArray(content)) return 0;
  let parts = 0;
  for (const part of content) {
    const { type, content: inner } = fieldsOf(part);
    parts += isMediaPart(type) ? 1 : mediaIn(inner);
  }
  return parts;
}
