import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import { isContinued } from '../guardrail/growth.ts';
import { boundedBy, charsOfAll } from '../guardrail/memory.ts';
import type { Verdict } from '../guardrail/verdict.ts';

/** The part of a response that a backend has allowed. */
type Allowed = { readonly texts: readonly string[]; readonly images: string; readonly chars: number };

/**
 * `check`: the backend is to be asked; `continues` is true for a response that goes on with what it allowed before.
 * `known`: it has allowed all of this. `wait`: the response has not grown enough to ask again.
 */
export type Need =
  | { readonly kind: 'check'; readonly continues: boolean }
  | { readonly kind: 'known' | 'wait' };

const CHECK: Need = { kind: 'check', continues: false };

/** After this a vendor may judge differently. */
const MAX_AGE_MS = 10 * 60_000;

/**
 * Remembers what each backend has allowed of a response: LiteLLM sends the whole response every few chunks of a stream.
 * Failures, redactions and blocks are never kept.
 */
export class VerdictCache {
  /** By how much a response has to have grown before a backend is asked again; 1 for each time. */
  readonly #growth: number;
  /** By backend, caller rule and call. */
  readonly #allowed = new LRUCache<string, Allowed>({
    ttl: MAX_AGE_MS,
    ...boundedBy('allowed responses', ({ texts }: Allowed) => charsOfAll(texts)),
  });

  /**
   * @param growth 6 asks about 1.2 times the length of the response until the last such time, and about all of it once more
   *   at the end; 1 asks about all of it each time
   */
  constructor(growth: number) {
    this.#growth = growth;
  }

  /** Tells if a backend is to be asked about a call. @param key names backend, caller rule and call */
  need(key: string, call: GuardrailCall): Need {
    if (call.input_type === 'request') return CHECK;
    const before = this.#allowed.get(key);
    if (before === undefined || before.images !== imagesOf(call) || !isContinued(before.texts, call))
      return CHECK;
    if (call.tool_calls.length > 0) return { kind: 'check', continues: true };
    const chars = charsOf(call.texts);
    if (chars === before.chars) return { kind: 'known' };
    return this.#growth > 1 && chars < before.chars * this.#growth
      ? { kind: 'wait' }
      : { kind: 'check', continues: true };
  }

  /** Remembers a verdict that allows a response without reservation. */
  put(key: string, call: GuardrailCall, verdict: Verdict): void {
    if (call.input_type === 'request' || verdict.kind !== 'allow' || verdict.flagged !== undefined) return;
    this.#allowed.set(key, { texts: call.texts, images: imagesOf(call), chars: charsOf(call.texts) });
  }
}

function charsOf(texts: readonly string[]): number {
  return texts.reduce((total, { length }) => total + length, 0);
}

/** A hash of the images of a response: data addresses are megabytes long. */
function imagesOf({ images }: GuardrailCall): string {
  return images.length === 0 ? '' : hash('sha256', JSON.stringify(images));
}
