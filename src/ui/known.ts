import { oneLine } from '../guardrail/one-line.ts';
import { within } from '../guardrail/within.ts';
import { html, type Markup } from './markup.ts';

/** An answer, or why there is none. */
export type FromSource<T> = { readonly value: T } | { readonly why: string };

/** Longer than any answer may take that a page waits for. */
const LIMIT_MS = 5000;
const MAX_WHY = 300;

/** Waits for an answer. Nothing that goes wrong with it reaches the rest of a page. */
export async function known<T>(
  answer: () => Promise<T | undefined>,
  otherwise = 'nobody answered in time',
  limitMs = LIMIT_MS,
): Promise<FromSource<T>> {
  try {
    const value = await within(limitMs, answer());
    return value === undefined ? { why: otherwise } : { value };
  } catch (error) {
    return { why: whyOf(error) };
  }
}

/** The reason of an error, on one line. */
export const whyOf = (error: unknown): string =>
  error instanceof Error && error.message !== '' ? oneLine(error.message, MAX_WHY) : 'an error without words';

/** The content of a box of which nothing is known. */
export const unknownMarkup = (why: string): Markup =>
  html`<span class="unknown"><span class="sign" aria-hidden="true">○</span> Not known now: ${why}.</span>`;

/** The content of a box, or why it is not known. */
export function orUnknown<T>(answer: FromSource<T>, show: (value: T) => Markup): Markup {
  return 'value' in answer ? show(answer.value) : unknownMarkup(answer.why);
}
