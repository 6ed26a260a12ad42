import { LRUCache } from 'lru-cache';
import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { parseJson } from '../guardrail/json.ts';
import { boundedBy, charsOfAll } from '../guardrail/memory.ts';
import type { PendingCall, PendingCalls } from './pending-calls.ts';
import type { TextLine } from './protocol.ts';

const MAX_AGE_MS = 15 * 60_000;

/** `turn_off_message_logging` leaves this of a text: it stays that way. */
const WITHHELD = 'redacted-by-litellm';

/** The texts of streamed responses that were judged, until LiteLLM logs them. In memory alone. */
export class ResponseTexts {
  readonly #calls: PendingCalls;
  /** By the numbers of their calls. */
  readonly #texts = new LRUCache<number, readonly string[]>({
    ttl: MAX_AGE_MS,
    ...boundedBy('streamed texts', charsOfAll),
  });

  constructor(calls: PendingCalls) {
    this.#calls = calls;
  }

  /** Adds {@link TextLine}s, one JSON text a line. */
  addLines(lines: string): void {
    for (const text of lines.split('\n')) {
      const line = parseJson(text) as TextLine | undefined;
      const call = line && this.#calls.numberOf(line);
      if (call !== undefined) this.#add(call, line as TextLine);
    }
  }

  #add(call: number, { texts }: TextLine): void {
    const before = this.#texts.get(call) ?? [];
    // A line was lost on the way here
    const isTorn = texts.some(({ kept }, i) => kept > (before[i]?.length ?? 0));
    if (isTorn) this.#texts.delete(call);
    else
      this.#texts.set(
        call,
        texts.map(({ kept, added }, i) => (before[i] ?? '').slice(0, kept) + added),
      );
  }

  /** Forgets the texts of calls that are forgotten. */
  forget(): void {
    for (const call of this.#texts.keys()) if (!this.#calls.has(call)) this.#texts.delete(call);
  }

  /**
   * Puts what was delivered in the place of what LiteLLM logged of a stream. What an event has behind that stays, but for a
   * chat: if its client hung up that can be pieces in any order.
   */
  restore({ number }: PendingCall, { stream, response, call_type }: Fields): void {
    const texts = this.#texts.get(number);
    const { choices } = fieldsOf(response);
    if (texts === undefined || stream !== true || !Array.isArray(choices)) return;
    const messages = choices
      .toSorted((a, b) => Number(fieldsOf(a).index) - Number(fieldsOf(b).index))
      .map((choice) => fieldsOf(fieldsOf(choice).message) as { content?: unknown });
    if (messages.length !== texts.length) return;
    const isChat = call_type === 'acompletion' || call_type === 'completion';
    for (const [i, message] of messages.entries()) {
      const { content } = message;
      const text = texts[i] as string;
      if (typeof content !== 'string' || content.includes(WITHHELD)) continue;
      if (isChat || !content.startsWith(text)) message.content = text;
    }
  }
}
