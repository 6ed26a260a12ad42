import type { Verdict } from './verdict.ts';

/**
 * Megabytes that each memory of the bridge may hold, whatever clients send. The guide to operations has the same table, with the sum
 * and the limits that go with it.
 */
export const MEMORY_MB = {
  // Of the main thread
  requests: 24,
  'parsed requests': 2,
  'known texts': 16,
  'beginnings of responses': 16,
  'allowed responses': 16,
  'allowed texts': 16,
  'judged responses': 16,
  'ended responses': 4,
  'waiting checks': 16,
  'tool definitions': 4,
  'delivered texts': 8,
  'begun responses': 8,
  'redacted values': 16,
  'blocked texts': 24,
  'state of calls': 8,
  'matched names': 4,
  'learned models': 5,
  'sessions of agents': 8,
  'log lines': 16,
  'messages about records': 168,
  decisions: 4,
  'traces and log lines': 4,
  // Of the main thread, and of that of large calls
  'watching checks': 32,
  // Of these two, and of the records thread
  'shared state': 4,
  // Of the thread of large calls, which has those from `known texts` to `sessions of agents` once more
  'large requests': 64,
  // Of the records thread
  notes: 32,
  'table of notes': 20,
  'streamed texts': 16,
  'first texts': 8,
  'early records': 8,
  'early checks': 4,
  'blocked results': 4,
} as const;

export type MemoryName = keyof typeof MEMORY_MB;

const MB = 1024 * 1024;
/** Bytes of a unit of UTF-16, and of an entry in a cache beside its texts. */
const CHAR_BYTES = 2;
const ENTRY_BYTES = 250;

export const memoryBytes = (name: MemoryName): number => MEMORY_MB[name] * MB;

/** Most bytes that an entry of these texts takes. */
export const textBytes = (texts: readonly string[]): number => ENTRY_BYTES + CHAR_BYTES * charsOfAll(texts);

/**
 * Bounds a cache by its bytes: options for an `LRUCache`, which leaves out what alone would be too large. A bound of its number beside that
 * would make it reserve a megabyte for every 20,000.
 *
 * @param charsOf characters of a value; its key is counted too
 */
export function boundedBy<Value, Key extends string | number = string>(
  name: MemoryName,
  charsOf: (value: Value) => number,
) {
  return {
    maxSize: memoryBytes(name),
    sizeCalculation: (value: Value, key: Key) =>
      ENTRY_BYTES + CHAR_BYTES * (charsOf(value) + (typeof key === 'string' ? key.length : 0)),
  };
}

/** A string beside its letters, and its place in a list, in characters. */
const STRING_CHARS = 12;

/** Characters of all texts, with what a list of them takes. */
export const charsOfAll = (texts: readonly string[]): number =>
  texts.reduce((chars, { length }) => chars + length + STRING_CHARS, 0);

/** Characters of the texts in a verdict. */
export function charsOfVerdict(verdict: Verdict): number {
  switch (verdict.kind) {
    case 'allow':
      return verdict.flagged?.length ?? 0;
    case 'block':
      return verdict.reason.length;
    case 'modify':
      return charsOfAll([...(verdict.texts?.values() ?? [])]);
  }
}
