import { fieldsOf } from '../guardrail/json.ts';
import { isMedia, isStructure, isUsualWord } from '../guardrail/opaque.ts';

/** The way from a body to one of its strings. */
export type LeafPath = readonly (string | number)[];

/** Strings of a body with the ways to them. */
export type Leaves = { readonly texts: string[]; readonly paths: LeafPath[]; readonly toolCalls: unknown[] };

/** Fields of a response that no model writes. */
const OF_PROVIDERS = new Set([
  'id',
  'object',
  'model',
  'finish_reason',
  'stop_reason',
  'system_fingerprint',
  'service_tier',
]);
/** Numbers, and what repeats the text piece by piece. */
const SKIPPED = new Set(['usage', 'logprobs', 'created']);

/** Fields of a response whose objects a model makes up: whatever a key in them is called, its text counts. */
const DATA = new Set(['input', 'arguments', 'args', 'structuredContent']);

/**
 * Every text of a body that is no list of messages. Of a response tool calls are collected as they are, and words of structure are left
 * out; of `data` nothing is, but for media.
 */
export function leavesOf(
  value: unknown,
  isData: boolean,
  path: LeafPath = [],
  found: Leaves = emptyLeaves(),
): Leaves {
  if (typeof value === 'string') {
    const name = nameIn(path);
    if (value === '' || isMedia(name, value) || (!isData && isOpaque(name, value))) return found;
    found.texts.push(value);
    found.paths.push(path);
  } else if (Array.isArray(value)) {
    if (!isData && path.at(-1) === 'tool_calls') found.toolCalls.push(...value);
    else for (const [i, item] of value.entries()) leavesOf(item, isData, [...path, i], found);
  } else
    for (const [name, item] of Object.entries(fieldsOf(value))) {
      if (isData || !SKIPPED.has(name)) leavesOf(item, isData || DATA.has(name), [...path, name], found);
    }
  return found;
}

export function emptyLeaves(): Leaves {
  return { texts: [], paths: [], toolCalls: [] };
}

/** A copy of a body with new strings at some places. */
export function withLeaves(body: unknown, texts: Iterable<readonly [LeafPath, string]>): unknown {
  const root = { body: JSON.parse(JSON.stringify(body)) as unknown };
  for (const [path, text] of texts) {
    let holder: Record<string | number, unknown> = root;
    let key: string | number = 'body';
    for (const next of path) {
      holder = holder[key] as Record<string | number, unknown>;
      key = next;
    }
    holder[key] = text;
  }
  return root.body;
}

/** The field that a value belongs to; of an item that of its list. */
function nameIn(path: LeafPath): string {
  return String(path.findLast((key) => typeof key === 'string') ?? '');
}

function isOpaque(name: string, value: string): boolean {
  return OF_PROVIDERS.has(name) || (isStructure(name) && isUsualWord(value));
}
