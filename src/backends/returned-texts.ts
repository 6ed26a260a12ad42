import { fieldsOf } from '../guardrail/json.ts';

/**
 * New texts by old ones, of a vendor that returns what it was sent with other strings in it. Fields that were not sent are ignored, and
 * so is everything that is no string.
 *
 * @returns null if a string is missing, or would become two different ones
 */
export function returnedTexts(sent: unknown, returned: unknown): ReadonlyMap<string, string> | null {
  const texts = new Map<string, string>();
  if (!collect(sent, returned, texts)) return null;
  for (const [before, after] of texts) if (before === after) texts.delete(before);
  return texts;
}

function collect(sent: unknown, returned: unknown, texts: Map<string, string>): boolean {
  if (typeof sent === 'string') {
    if (typeof returned !== 'string') return false;
    // A text that stays is told too: it may not stay in one place and go in another
    const known = texts.get(sent);
    if (known === undefined) texts.set(sent, returned);
    return known === undefined || known === returned;
  }
  if (Array.isArray(sent)) {
    return (
      Array.isArray(returned) &&
      returned.length === sent.length &&
      sent.every((item, i) => collect(item, returned[i], texts))
    );
  }
  const fields = fieldsOf(returned);
  for (const key in fieldsOf(sent)) {
    if (!collect(fieldsOf(sent)[key], Object.hasOwn(fields, key) ? fields[key] : undefined, texts))
      return false;
  }
  return true;
}
