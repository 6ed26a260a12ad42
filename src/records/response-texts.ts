import { LRUCache } from 'lru-cache';
import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { parseJson } from '../guardrail/json.ts';
import { boundedBy, charsOfAll } from '../guardrail/memory.ts';
import type { PendingCall } from './pending-call.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { TextLine } from './protocol.ts';
import { type Ends, isMixedUp, isNext, MAX_COMPARISONS, type Text } from './streamed-texts.ts';

const MAX_AGE_MS = 15 * 60_000;
/** A response of one check is needed until it is known that there was no other. */
const FIRST_MS = 60_000;

/** `turn_off_message_logging` leaves this of a text: it stays that way. */
const WITHHELD = 'redacted-by-litellm';

/** The rounds of a stream that one judge saw: the texts of the last, when that was, and the lengths that they had. */
export type TextPart = {
  readonly source: number;
  readonly at: number;
  readonly texts: readonly string[];
  readonly ends: readonly Ends[];
  /** True while there is one round. */
  readonly isFirst: boolean;
} & Pick<TextLine, 'fixed' | 'isModified' | 'hasEnded'>;

/** The texts of streamed responses that were judged, until LiteLLM logs them. In memory alone. */
export class ResponseTexts {
  readonly #calls: PendingCalls;
  readonly #onChange: ((line: TextLine, call: number) => void) | undefined;
  /** By the numbers of their calls. */
  readonly #texts = new LRUCache<number, readonly TextPart[]>({
    ttl: MAX_AGE_MS,
    ...boundedBy('streamed texts', charsOfParts),
  });
  /** Responses with one round, which may be all of it. */
  readonly #first = new LRUCache<number, readonly TextPart[]>({
    ttl: FIRST_MS,
    ...boundedBy('first texts', charsOfParts),
  });

  /** @param onChange told of each line about a call that is noted */
  constructor(calls: PendingCalls, onChange?: (line: TextLine, call: number) => void) {
    this.#calls = calls;
    this.#onChange = onChange;
  }

  /** Adds {@link TextLine}s, one JSON text a line. */
  addLines(lines: string): void {
    for (const text of lines.split('\n')) {
      const line = parseJson(text) as TextLine | undefined;
      const call = line && this.#calls.numberOf(line);
      if (call === undefined) continue;
      this.#add(call, line as TextLine);
      this.#onChange?.(line as TextLine, call);
    }
  }

  #add(call: number, line: TextLine): void {
    const { texts, source = 0, at = 0, isFirst, fixed, isModified, hasEnded } = line;
    const known = this.partsOf(call).find((part) => part.source === source);
    const before = known?.texts ?? [];
    // A line was lost on the way here
    const isTorn = texts.some(({ kept }, i) => kept > (before[i]?.length ?? 0));
    if (isTorn) {
      this.#keep(call, source, undefined);
      return;
    }
    const now = texts.map(({ kept, added }, i) => (before[i] ?? '').slice(0, kept) + added);
    const ends = now.map(({ length }, i) => [...new Set([...(known?.ends[i] ?? []), length])]);
    this.#keep(call, source, {
      ...{ source, at, texts: now, ends, isFirst: isFirst === true && known === undefined },
      ...(fixed && { fixed }),
      ...(isModified && { isModified }),
      ...(hasEnded && { hasEnded }),
    });
  }

  /** What is kept of a call, by who saw it. */
  partsOf(call: number): readonly TextPart[] {
    return this.#texts.get(call) ?? this.#first.get(call) ?? [];
  }

  /** Adds what another replica saw, in place of what it saw before. */
  addPart(call: number, part: TextPart): void {
    this.#keep(call, part.source, part);
  }

  /** Another replica judged a round of this response: the one that is here is not all of it. */
  isOneOfSeveral(call: number): void {
    for (const part of this.partsOf(call)) this.addPart(call, { ...part, isFirst: false });
  }

  #keep(call: number, source: number, part: TextPart | undefined): void {
    const others = this.partsOf(call).filter((one) => one.source !== source);
    const parts = part === undefined ? others : [...others, part];
    this.#first.delete(call);
    this.#texts.delete(call);
    if (parts.length > 0) (areFirst(parts) ? this.#first : this.#texts).set(call, parts);
  }

  /** Forgets the texts of calls that are forgotten. */
  forget(): void {
    for (const texts of [this.#texts, this.#first]) {
      for (const call of texts.keys()) if (!this.#calls.has(call)) texts.delete(call);
    }
  }

  /**
   * Puts what was delivered in the place of what LiteLLM logged of a stream. What an event has behind that stays, but for a
   * chat: if its client hung up that can be pieces in any order.
   *
   * @param cleaned is given each text and the JSON pointer to its place, and returns what is put there
   * @returns true if that changed anything
   */
  restore(
    { number }: Pick<PendingCall, 'number'>,
    { stream, response, call_type }: Fields,
    cleaned = (text: string, _pointer: string) => text,
  ): boolean {
    const parts = this.#texts.get(number);
    const { choices } = fieldsOf(response);
    if (parts === undefined || stream !== true || !Array.isArray(choices)) return false;
    const texts = lastOf(parts);
    const places = choices
      .map((choice, place) => ({ index: Number(fieldsOf(choice).index), place, message: messageOf(choice) }))
      .toSorted((a, b) => a.index - b.index);
    if (places.length !== texts.length) return false;
    const isChat = call_type === 'acompletion' || call_type === 'completion';
    let isChanged = false;
    for (const [i, { message, place }] of places.entries()) {
      const { content } = message;
      const text = cleaned(texts[i] as string, `/response/choices/${place}/message/content`);
      if (typeof content !== 'string' || content.includes(WITHHELD) || content === text) continue;
      if (!isChat && content.startsWith(text)) continue;
      message.content = text;
      isChanged = true;
    }
    return isChanged;
  }
}

const messageOf = (choice: unknown) => fieldsOf(fieldsOf(choice).message) as { content?: unknown };

/** True for what is one round, which may be all of its response. */
export const areFirst = (parts: readonly TextPart[]): boolean =>
  parts.length === 1 && parts[0]?.isFirst === true;

/** The texts of the last round that goes on from those before: one that does not is mixed up, as when a client hangs up. */
function lastOf(parts: readonly TextPart[]): readonly string[] {
  const [first, ...later] = parts.toSorted((a, b) => a.at - b.at);
  const left = { comparisons: MAX_COMPARISONS };
  return later.reduce((before, part) => {
    if (part.isModified) return part;
    const isSound = isNext(textsOf(before), textsOf(part), part.hasEnded === true);
    return isSound && !part.texts.some((text, i) => isMixedUp(text, endsBefore(text, parts, i), left))
      ? part
      : before;
  }, first as TextPart).texts;
}

const textsOf = ({ texts, fixed }: TextPart): readonly Text[] =>
  texts.map((text, i) => ({ text, fixed: fixed?.[i] ?? text.length }));

/** The lengths that a text had, in any part. */
function endsBefore(text: string, parts: readonly TextPart[], i: number): Ends {
  const ends = parts.flatMap((part) => part.ends[i] ?? []).filter((end) => end < text.length);
  return [...new Set(ends)].sort((a, b) => a - b);
}

function charsOfParts(parts: readonly TextPart[]): number {
  return parts.reduce(
    (chars, { texts, ends }) =>
      chars + charsOfAll(texts) + 4 * ends.reduce((sum, { length }) => sum + length, 0),
    0,
  );
}
