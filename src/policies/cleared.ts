import { hash, randomBytes } from 'node:crypto';

/** What was found in texts before, so that a conversation that is sent again with each turn costs about its new text. */
export type Cleared<Found> = {
  /** The name under which a text is remembered; undefined if it is not worth it, or not a text that UTF-8 can tell from others. */
  keyOf(text: string): string | undefined;
  get(key: string): Found | undefined;
  set(key: string, found: Found): void;
};

/**
 * A bounded memory, the least recently used first to go. Texts themselves are not kept: a text is known by a SHA-256 of it
 * and a secret of this process, so that nobody can prepare one that is taken for another.
 *
 * @param options.minChars a text shorter than this is judged again sooner than it is recognised
 */
export function createCleared<Found>({ max = 20_000, minChars = 256 } = {}): Cleared<Found> {
  const secret = randomBytes(16).toString('hex');
  const known = new Map<string, Found>();
  return {
    keyOf(text) {
      if (text.length < minChars || !text.isWellFormed()) return undefined;
      return hash('sha256', secret + text, 'base64');
    },
    get(key) {
      const found = known.get(key);
      if (found === undefined) return undefined;
      known.delete(key);
      known.set(key, found);
      return found;
    },
    set(key, found) {
      known.delete(key);
      known.set(key, found);
      if (known.size > max) known.delete(known.keys().next().value as string);
    },
  };
}
