/** Deeper than any real conversation or JSON schema, and far from what exhausts a stack. */
export const MAX_DEPTH = 128;

/** Whether a parsed value is nested deeper than can be walked and written again. */
export function isTooDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (isTooDeep(item, levels - 1)) return true;
    return false;
  }
  for (const key in value) if (isTooDeep((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}

/** What a JSON text in a field of a call holds; undefined where it is no JSON, or too deep to be taken for it. */
export function parseInner(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return isTooDeep(value) ? undefined : value;
  } catch {
    return undefined;
  }
}
