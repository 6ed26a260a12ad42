import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Budget, SLICE, type Work } from './budget.ts';

/** A text shorter than this is judged again sooner than it is recognised. */
const MIN_CHARS = 48;
/** V8 hashes the characters of a string up to 16,383 of them; of longer ones it takes the length alone. */
const MAX_KEY_CHARS = 8192;

/**
 * Results for texts that were judged before, so that a conversation that is sent again with each turn costs about its new
 * text. The least recently used are forgotten first.
 *
 * A text up to 8,192 characters is its own key: looked up at 0.1 us, where a SHA-256 of 4 KB costs 5. Longer ones are known
 * by their SHA-256.
 */
export class KnownTexts<Result extends object> {
  /** By text or hash; bounded by number and by characters of the keys. */
  readonly #results: LRUCache<string, Result>;

  constructor({ max = 20_000, maxChars = 8 * 1024 * 1024 } = {}) {
    const sizeCalculation = (_: Result, key: string) => key.length;
    this.#results = new LRUCache({ max, maxSize: maxChars, sizeCalculation });
  }

  /** The result for a text that is its own key. */
  get(text: string): Result | undefined {
    return text.length < MIN_CHARS || text.length > MAX_KEY_CHARS ? undefined : this.#results.get(text);
  }

  /** The result for a text, or what `judge` makes of it, to be remembered if `isWorthIt`. */
  *getOrJudge(
    text: string,
    budget: Budget,
    judge: () => Work<Result>,
    isWorthIt: (result: Result) => boolean,
  ): Work<Result> {
    if (text.length < MIN_CHARS) return yield* judge();
    const key = text.length > MAX_KEY_CHARS ? yield* hashOf(text, budget) : text;
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = yield* judge();
    if (isWorthIt(result)) this.#results.set(key, result);
    return result;
  }
}

function* hashOf(text: string, budget: Budget): Work<string> {
  const sum = createHash('sha256');
  for (let from = 0; from < text.length; from += SLICE) {
    sum.update(text.slice(from, from + SLICE), 'utf16le');
    const turn = text.length > SLICE ? budget.spend(SLICE / 4) : undefined;
    if (turn !== undefined) yield turn;
  }
  return sum.digest('base64');
}
