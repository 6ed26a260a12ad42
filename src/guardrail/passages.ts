import type { GuardrailCall, Passage, PassagePath, Passages, PassageTexts } from './call.ts';
import { fieldsOf } from './json.ts';
import { isMediaPart } from './opaque.ts';
import { PassageReader } from './read-passages.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The texts in a list of content parts, for backends that read only strings: text parts, and the texts of other parts. */
export function contentTexts(content: readonly unknown[]): readonly string[] {
  return content.flatMap((part) => {
    const { type, text } = fieldsOf(part);
    if (typeof text === 'string') return text === '' ? [] : [text];
    // Documents can be plain text
    if (isMediaPart(type) && type.toLowerCase() !== 'document') return [];
    // The nodes of the whole call were counted when it was read
    const reader = new PassageReader([], 'user', Number.POSITIVE_INFINITY);
    reader.readMessage(part, 0);
    return reader.all.filter(({ place }) => place !== 'structure').map((passage) => passage.text);
  });
}

/**
 * Passages by new texts for the texts they have, for a backend that returns texts and not places. Null if one of the old
 * texts stands in no passage.
 */
export function passagesWith({ all }: Passages, rewrites: ReadonlyMap<string, string>): PassageTexts | null {
  const texts = new Map<Passage, string>();
  const mapped = new Set<string>();
  for (const passage of all) {
    const rewrite = rewrites.get(passage.text);
    if (rewrite === undefined) continue;
    texts.set(passage, rewrite);
    mapped.add(passage.text);
  }
  return mapped.size === rewrites.size ? texts : null;
}

/** True for a passage in `structured_messages`, or one of `texts` that it repeats; inside JSON too. */
export function isInMessage({ place, messagePath, within }: Passage): boolean {
  const outer = within?.place ?? place;
  return messagePath !== undefined || outer === 'message' || outer === 'message_tool_call';
}

/** The texts that `structured_messages` does not repeat, for backends that are sent the conversation. */
export function textsOutsideMessages({ passages }: { readonly passages: Passages }): readonly string[] {
  const alone = passages.all.filter(
    ({ place, messagePath, text }) => place === 'text' && messagePath === undefined && text !== '',
  );
  if (alone.length === 0) return [];
  const inMessages = new Set<string>();
  for (const passage of passages.all) if (isInMessage(passage)) inMessages.add(passage.text);
  return alone.map(({ text }) => text).filter((text) => !inMessages.has(text));
}

/**
 * A copy of a call with new texts in the places of some passages, both where they stand and where a message repeats them.
 * Keys, nested passages and structure stay as they are. What does not change is shared with the original.
 */
export function withTexts(call: GuardrailCall, texts: PassageTexts): GuardrailCall {
  const copies = new Map<object, object>();
  const copyOf = (value: object): Record<string | number, unknown> => {
    const known = copies.get(value);
    const copy = known ?? (Array.isArray(value) ? value.slice() : { ...value });
    copies.set(value, copy);
    copies.set(copy, copy);
    return copy as Record<string | number, unknown>;
  };
  const root = copyOf(call);
  /** The copy of the container at a path; of the call itself without a path. */
  const containerAt = (path: PassagePath | undefined): Record<string | number, unknown> => {
    if (path === undefined) return root;
    const container = containerAt(path.parent);
    const copy = copyOf(container[path.key] as object);
    define(container, path.key, copy);
    return copy;
  };
  const replace = ({ parent, key }: PassagePath, text: string): void => {
    define(containerAt(parent), key, text);
  };
  const all: Mutable<Passage>[] = call.passages.all.map((passage) => ({
    ...passage,
    text: texts.get(passage) ?? (passage.within && texts.has(passage.within) ? '' : passage.text),
  }));
  for (const passage of all) passage.within &&= all[passage.within.index];
  for (const [{ path, messagePath, place, isKey, within }, text] of texts) {
    if (isKey || within !== undefined || place === 'structure') continue;
    replace(path, text);
    if (messagePath !== undefined) replace(messagePath, text);
  }
  return { ...(root as unknown as GuardrailCall), passages: { ...call.passages, all } };
}

/** Sets a field, one that is called `__proto__` too. */
function define(container: Record<string | number, unknown>, key: string | number, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(container, key, { value, enumerable: true, writable: true, configurable: true });
  else container[key] = value;
}
