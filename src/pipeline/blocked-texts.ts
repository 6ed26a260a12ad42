import { hash, randomBytes, randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Span } from '../detectors/rule.ts';

/** The trace of a blocked text, from which nobody can read it. */
export type TextHash = {
  readonly head: number;
  readonly length: number;
  readonly hash: string;
  readonly by: string;
};

/** Where in a text a blocked one stands, and who had blocked it. */
export type BlockedSpan = Span & { readonly by: string };

/** The characters that may still be hashed for one call: a client decides how many texts begin alike. */
export type Allowance = { chars: number };

/** The characters that may be hashed for one call, about 5 ms. */
export const HASHED_CHARS = 2 * 1024 * 1024;
/** Cost of a hash beside its length, in characters. */
const PER_HASH = 512;

const MAX_SCOPES = 500;
const MAX_TEXTS = 50;
const MAX_AGE_MS = 24 * 60 * 60_000;
const MAX_CHARS = 64 * 1024;
/** A shorter text says too little to be recognised with something behind it. */
const HEAD = 12;

/**
 * Texts that were blocked, by their sender: hashes under a key that this process alone has, bounded by number and age. A text
 * is found again with an addition behind it too, as agents make.
 */
export class BlockedTexts {
  readonly #key = randomBytes(32).toString('hex');
  readonly #salt = randomInt(0x1_0000_0000);
  readonly #scopes = new LRUCache<string, readonly TextHash[]>({ max: MAX_SCOPES, ttl: MAX_AGE_MS });

  get isEmpty(): boolean {
    return this.#scopes.size === 0;
  }

  /** All that is remembered under a scope; undefined for nothing. */
  of(scope: string): readonly TextHash[] | undefined {
    return this.#scopes.get(scope);
  }

  remember(scope: string, text: string, by: string): void {
    const trimmed = text.trim();
    if (trimmed === '' || trimmed.length > MAX_CHARS) return;
    const blocked = { head: this.#head(trimmed), length: trimmed.length, hash: this.#hash(trimmed), by };
    const others = this.of(scope)?.filter((other) => other.hash !== blocked.hash) ?? [];
    this.#scopes.set(scope, [...others, blocked].slice(-MAX_TEXTS));
  }

  /** Forgets a text that was allowed since. */
  forget(scope: string, text: string): void {
    const forgotten = this.#hash(text.trim());
    const left = this.of(scope)?.filter((other) => other.hash !== forgotten) ?? [];
    if (left.length > 0) this.#scopes.set(scope, left);
    else this.#scopes.delete(scope);
  }

  /** The longest blocked text that a text is, or begins with. */
  find(among: readonly TextHash[], text: string, allowance: Allowance): BlockedSpan | undefined {
    const trimmed = text.trim();
    const head = this.#head(trimmed);
    let found: TextHash | undefined;
    for (const one of among) {
      const { length } = one;
      if (one.head !== head || length > trimmed.length || length + PER_HASH > allowance.chars) continue;
      if (length < (found?.length ?? 0) || (length < HEAD && length !== trimmed.length)) continue;
      allowance.chars -= length + PER_HASH;
      if (this.#hash(trimmed.slice(0, length)) === one.hash) found = one;
    }
    if (found === undefined) return undefined;
    const start = text.length - text.trimStart().length;
    return { by: found.by, start, end: start + found.length };
  }

  #hash(text: string): string {
    return hash('sha256', this.#key + text, 'base64url');
  }

  /** A number for the first characters: of nearly every other text it tells that nothing has to be hashed. */
  #head(text: string): number {
    let mix = this.#salt;
    for (let i = 0; i < HEAD && i < text.length; i++) mix = Math.imul(mix ^ text.charCodeAt(i), 0x01000193);
    return mix;
  }
}
