import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { stateKey } from '../guardrail/caller.ts';
import { actionOf, type Decision } from '../guardrail/decision.ts';
import { boundedBy, charsOfAll, memoryBytes, textBytes } from '../guardrail/memory.ts';
import { withTexts } from '../guardrail/passages.ts';
import { isAtLeast, MIXES_UP_CHATS } from '../litellm/releases.ts';
import type { TextLine } from './protocol.ts';
import { notedCall } from './record-decision.ts';

/** One text of a response so far. What is held back at its end may still change. */
export type Text = { readonly text: string; readonly fixed: number };
/** The lengths that a text had, round by round. */
export type Ends = readonly number[];
type Stream = {
  readonly texts: readonly Text[];
  readonly ends: readonly Ends[];
  /** A round that looks mixed up. If another goes on with it, it was not: nothing is checked after a client hung up. */
  readonly doubted?: readonly Text[];
};

/** Longer than LiteLLM lets a stream pause: its own timeout is 600 s. */
const MAX_AGE_MS = 15 * 60_000;
/** Memory of the lengths that a text had: of the first, and of each in characters. */
const END_BYTES = 60;
const END_CHARS = 4;
/** Texts of a response that can be a stream: providers make 128 choices at most. */
const MAX_TEXTS = 128;
/** Letters of one piece of a stream. */
const MAX_PIECE = 64;
/** Comparisons for one round: where all pieces are alike, there are more ways to put them together than can be tried. */
export const MAX_COMPARISONS = 20_000;
const MAX_SOURCE = 2 ** 47;
/** Two texts that differ before this belong to two responses. */
const SAME_START = 16;

/**
 * The texts of streamed responses as they were delivered, round by round, for their records: LiteLLM writes what was judged into
 * the pieces of a stream, and logs what it then puts together of them.
 *
 * @see litellm.md of the wire contract, section 12
 */
export class StreamedTexts {
  /** Names this one among those of other threads and processes; undefined where no other sees a part of a stream. */
  readonly #source: number | undefined;
  /** The latest version of LiteLLM, and whether its events need it: as a rule all calls tell the same. */
  #version: string | null = null;
  #isNeeded = true;
  /** Responses with one round, which may be all of it: most are not streamed. The newest of them, and those before. */
  #begun = new Map<string, readonly Ends[]>();
  #begunBytes = 0;
  #begunBefore: ReadonlyMap<string, readonly Ends[]> = new Map();
  readonly #streams = new LRUCache<string, Stream>({
    ttl: MAX_AGE_MS,
    ...boundedBy('delivered texts', charsOfStream),
  });

  /** @param areShared true if rounds of one stream can come to other replicas or processes: whoever has them all puts them together */
  constructor(areShared = false) {
    this.#source = areShared ? randomInt(MAX_SOURCE) : undefined;
  }

  /**
   * The additions of a round to the texts of its response; undefined where there are none. Undefined for the first round too, as most responses
   * have one, unless others can have seen some before.
   */
  next(decision: Pick<Decision, 'call' | 'outcome' | 'holdback'>): TextLine | undefined {
    const { call, outcome } = decision;
    const isMixed = call.input_type === 'response' && this.#isMixedUpBy(call.litellm_version);
    const key = isMixed && call.texts.length <= MAX_TEXTS ? stateKey(call) : undefined;
    if (key === undefined) return undefined;
    const action = actionOf({ outcome });
    if (action === 'BLOCKED') this.#forget(key);
    if (action !== 'NONE' && action !== 'GUARDRAIL_INTERVENED') return undefined;
    const stream = this.#streams.get(key) ?? this.#begunStream(key);
    if (stream === undefined) {
      this.#begin(key, call.texts);
      if (this.#source === undefined) return undefined;
      const first = deliveredTexts(decision);
      const texts = first.map(({ text }) => ({ kept: 0, added: text }));
      return { ...this.#named(decision, first), isFirst: true, texts };
    }
    const { texts: before, doubted } = stream;
    const now = deliveredTexts(decision);
    const ends = doubted !== undefined && goesOn(doubted, now) ? withEnds(stream.ends, doubted) : stream.ends;
    if (outcome.kind === 'allow') {
      if (!isNext(before, now, call.tool_calls.length > 0)) return undefined;
      const left = { comparisons: MAX_COMPARISONS };
      if (now.some(({ text }, i) => isMixedUp(text, ends[i] ?? [], left))) {
        this.#streams.set(key, { texts: before, ends, doubted: now });
        return undefined;
      }
    }
    this.#streams.set(key, { texts: now, ends: withEnds(ends, now) });
    const texts = now.map(({ text }, i) => {
      const kept = keptOf(before[i], text);
      return { kept, added: text.slice(kept) };
    });
    const isNothing = before.length === now.length && now.every(({ text }, i) => text === before[i]?.text);
    return isNothing ? undefined : { ...this.#named(decision, now), texts };
  }

  #named(
    { call, outcome }: Pick<Decision, 'call' | 'outcome'>,
    texts: readonly Text[],
  ): Omit<TextLine, 'texts'> {
    const { input_type: _, ...name } = notedCall(call);
    if (this.#source === undefined) return name;
    return {
      ...name,
      ...{ source: this.#source, at: Date.now(), fixed: texts.map(({ fixed }) => fixed) },
      ...(outcome.kind === 'modify' && { isModified: true }),
      ...(call.tool_calls.length > 0 && { hasEnded: true }),
    };
  }

  /** True for a release whose events need it, and for who tells none. */
  #isMixedUpBy(version: string | null): boolean {
    if (version !== this.#version) {
      this.#version = version;
      this.#isNeeded = version === null || isAtLeast(version, MIXES_UP_CHATS);
    }
    return this.#isNeeded;
  }

  #begin(key: string, texts: readonly string[]): void {
    const bytes = textBytes([key]) + END_BYTES * texts.length;
    if (2 * (this.#begunBytes + bytes) > memoryBytes('begun responses')) {
      this.#begunBefore = this.#begun;
      this.#begun = new Map();
      this.#begunBytes = 0;
    }
    this.#begunBytes += bytes;
    const ends = texts.map(({ length }) => [length]);
    this.#begun.set(key, ends);
  }

  #begunStream(key: string): Stream | undefined {
    const ends = this.#begun.get(key) ?? this.#begunBefore.get(key);
    return ends && { texts: [], ends };
  }

  #forget(key: string): void {
    this.#streams.delete(key);
    this.#begun.delete(key);
  }
}

function charsOfStream({ texts, ends, doubted = [] }: Stream): number {
  const chars = charsOfAll([...texts, ...doubted].map(({ text }) => text));
  return chars + END_CHARS * ends.reduce((sum, { length }) => sum + length, 0);
}

function deliveredTexts({
  call,
  outcome,
  holdback,
}: Pick<Decision, 'call' | 'outcome' | 'holdback'>): readonly Text[] {
  const { texts } = outcome.kind === 'modify' ? withTexts(call, outcome.texts) : call;
  return texts.map((text, i) => ({ text, fixed: Math.max(0, text.length - (holdback[i] ?? 0)) }));
}

/**
 * True for the text of the one more check that LiteLLM makes when a client hangs up: behind the last round stand the pieces with
 * which the rounds ended, all of them once more, and only then what follows. A text that repeats itself so often that it cannot be
 * told counts as one that has grown.
 *
 * @see litellm.md of the wire contract, section 6.1: seen on 1.110.2, with default sampling
 */
export function isMixedUp(text: string, ends: Ends, left: { comparisons: number }): boolean {
  const last = ends.at(-1);
  // A piece has a letter at least
  if (last === undefined || text.length < last + ends.length) return false;
  let places = new Set([last]);
  let begin = 0;
  for (const end of ends) {
    const next = new Set<number>();
    for (const at of places) {
      const longest = Math.min(MAX_PIECE, end - begin, text.length - at);
      left.comparisons -= longest;
      if (left.comparisons < 0) return false;
      for (let length = 1; length <= longest; length++) {
        if (text.startsWith(text.slice(end - length, end), at)) next.add(at + length);
      }
    }
    if (next.size === 0) return false;
    places = next;
    begin = end;
  }
  // One letter can be there twice by chance, several cannot
  return ends.length > 3 || Math.max(...places) - last >= 2 * ends.length;
}

/** True if a round is longer than one before, and begins with it. */
function goesOn(before: readonly Text[], now: readonly Text[]): boolean {
  const hasGrown = now.some(({ text }, i) => text.length > (before[i]?.text.length ?? 0));
  return hasGrown && before.every(({ text }, i) => now[i]?.text.startsWith(text) === true);
}

/** Adds the ends of a round. A text that got shorter is another. */
function withEnds(all: readonly Ends[], texts: readonly Text[]): readonly Ends[] {
  return texts.map(({ text: { length } }, i) => {
    const ends = all[i] ?? [];
    const last = ends.at(-1) ?? 0;
    if (length === last) return ends;
    return length > last ? [...ends, length] : [length];
  });
}

/**
 * True if a round takes the place of the one before. A text that leaves the way of the one before is mixed up too, unless it
 * begins otherwise.
 *
 * @param hasEnded true once the model has made its tool calls: their arguments stood behind the text until then
 */
export function isNext(before: readonly Text[], now: readonly Text[], hasEnded: boolean): boolean {
  return before.every((one, i) => {
    const fixed = one.text.slice(0, one.fixed);
    // Findings of a search can come before the text of a response that has begun
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
