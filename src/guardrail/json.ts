import { isReadable } from './json-nodes.ts';

/** A JSON object with unknown fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object with unknown fields; anything else is an empty object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The value if it is a string with something in it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The value as text if it is a string or a number: others need not have one, an object with a key `toString` throws. */
export function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The value of a JSON text; undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Levels of JSON that stands in a string, and of the policy file: more than any real one has, and far from what exhausts a stack. */
export const MAX_INNER_DEPTH = 128;

/** The value of JSON that stands in a string field; undefined if it is not JSON, or nested too deep to be read as such. */
export function parseInner(json: string, maxJsonNodes = Number.POSITIVE_INFINITY): unknown {
  return isReadable(json, { maxJsonNodes, maxJsonDepth: MAX_INNER_DEPTH }) ? parseJson(json) : undefined;
}
