import { createHash, hash, randomBytes } from 'node:crypto';
import type { Budget } from './budget.ts';

/** What was found in texts before, so that a conversation that is sent again with each turn costs about its new text. */
export type Cleared<Found> = {
  /** The name under which a text is remembered; undefined if it is not worth it, or not a text that UTF-8 can tell from others. */
  keyOf(text: string): string | undefined;
  keyOfLong(text: string, budget: Budget): Promise<string>;
  get(key: string): Found | undefined;
  set(key: string, found: Found): void;
};

/**
 * A bounded memory, the least recently used first to go. Texts themselves are not kept: a text is known by a SHA-256 of it
 * and a secret of this process, so that nobody can prepare one that is taken for another.
 *
 * @param options.minChars a text shorter than this is judged again sooner than it is recognised
 */
export function createCleared<Found>({ max = 20_000, minChars = 48 } = {}): Cleared<Found> {
  const secret = randomBytes(16).toString('hex');
  let known = new Map<string, Found>();
  let older = new Map<string, Found>();
  const set = (key: string, found: Found) => {
    known.set(key, found);
    if (known.size < max / 2) return;
    older = known;
    known = new Map();
  };
  return {
    keyOf(text) {
      if (text.length < minChars || !text.isWellFormed()) return undefined;
      return hash('sha256', secret + text, 'base64');
    },
    async keyOfLong(text: string, budget: Budget) {
      const sum = createHash('sha256').update(secret);
      for (let from = 0; from < text.length; from += 32_768) {
        sum.update(text.slice(from, from + 32_768), 'utf16le');
        const others = budget.spend(8_192);
        if (others !== undefined) await others;
      }
      // Not the key of a shorter text whose UTF-8 has the same bytes
      return `long ${sum.digest('base64')}`;
    },
    get(key) {
      const found = known.get(key);
      if (found !== undefined) return found;
      const before = older.get(key);
      if (before !== undefined) set(key, before);
      return before;
    },
    set,
  };
}
