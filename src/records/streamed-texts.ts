import { LRUCache } from 'lru-cache';
import { stateKey } from '../guardrail/caller.ts';
import { actionOf, type Decision } from '../guardrail/decision.ts';
import { withTexts } from '../guardrail/passages.ts';
import type { TextLine } from './protocol.ts';
import { notedCall } from './record-decision.ts';

/** One text of a response so far. What is held back at its end may still change. */
type Text = { readonly text: string; readonly fixed: number };

/** Longer than LiteLLM lets a stream pause: its own timeout is 600 s. */
const MAX_AGE_MS = 15 * 60_000;
const MAX_STREAMS = 5000;
const MAX_CHARS = 16 * 1024 * 1024;
/** Two texts that differ before this belong to two responses. */
const SAME_START = 16;

/**
 * The texts of streamed responses as they were delivered, round by round, for their records: LiteLLM writes what was judged into
 * the pieces of a stream, and logs what it then puts together of them.
 *
 * @see litellm.md of the wire contract, section 12
 */
export class StreamedTexts {
  /** Responses with one round, which may be all of it: most are not streamed. Half of the bound, and the half before. */
  #begun = new Set<string>();
  #begunBefore = new Set<string>();
  readonly #streams = new LRUCache<string, readonly Text[]>({
    max: MAX_STREAMS,
    ttl: MAX_AGE_MS,
    maxSize: MAX_CHARS,
    sizeCalculation: (texts) => texts.reduce((chars, { text }) => chars + text.length, 1),
  });

  /** What a round adds to the texts of its response; undefined where that is nothing, and for the first round. */
  next(decision: Pick<Decision, 'call' | 'outcome' | 'policies'>): TextLine | undefined {
    const { call, outcome } = decision;
    const key = call.input_type === 'request' ? undefined : stateKey(call);
    if (key === undefined) return undefined;
    const action = actionOf({ outcome });
    if (action === 'BLOCKED') this.#forget(key);
    if (action !== 'NONE' && action !== 'GUARDRAIL_INTERVENED') return undefined;
    const before = this.#streams.get(key) ?? [];
    if (before.length === 0 && this.#begins(key)) return undefined;
    const now = deliveredTexts(decision);
    if (outcome.kind === 'allow' && !isNext(before, now, call.tool_calls.length > 0)) return undefined;
    this.#streams.set(key, now);
    const texts = now.map(({ text }, i) => {
      const kept = keptOf(before[i], text);
      return { kept, added: text.slice(kept) };
    });
    const isNothing = before.length === now.length && now.every(({ text }, i) => text === before[i]?.text);
    const { input_type: _, ...name } = notedCall(call);
    return isNothing ? undefined : { ...name, texts };
  }

  /** True for the first round of a response. */
  #begins(key: string): boolean {
    if (this.#begun.has(key) || this.#begunBefore.has(key)) return false;
    if (this.#begun.size === MAX_STREAMS) {
      this.#begunBefore = this.#begun;
      this.#begun = new Set();
    }
    this.#begun.add(key);
    return true;
  }

  #forget(key: string): void {
    this.#streams.delete(key);
    this.#begun.delete(key);
    this.#begunBefore.delete(key);
  }
}

function deliveredTexts({
  call,
  outcome,
  policies,
}: Pick<Decision, 'call' | 'outcome' | 'policies'>): readonly Text[] {
  const { texts } = outcome.kind === 'modify' ? withTexts(call, outcome.texts) : call;
  return texts.map((text, i) => ({ text, fixed: Math.max(0, text.length - (policies?.holdback[i] ?? 0)) }));
}

/**
 * True if a round takes the place of the one before. When a client hangs up LiteLLM asks once more, about a text whose pieces
 * it has mixed up: what leaves the way of the text before is that, unless it begins otherwise.
 *
 * @param hasEnded true once the model has made its tool calls: their arguments stood behind the text until then
 */
function isNext(before: readonly Text[], now: readonly Text[], hasEnded: boolean): boolean {
  return before.every((one, i) => {
    const fixed = one.text.slice(0, one.fixed);
    // What a search has found can come before the text of a response that has begun
    if (now.some(({ text }) => text.startsWith(fixed) || (hasEnded && fixed.startsWith(text)))) return true;
    return now[i] !== undefined && !now[i].text.startsWith(fixed.slice(0, SAME_START));
  });
}

/** The number of letters at the beginning that stay as they were. */
function keptOf(before: Text | undefined, text: string): number {
  if (before === undefined) return 0;
  if (text.startsWith(before.text)) return before.text.length;
  return text.startsWith(before.text.slice(0, before.fixed)) ? before.fixed : 0;
}
