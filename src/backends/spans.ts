import type { TextEdit } from '../guardrail/edit.ts';
import { BackendError } from '../guardrail/failure.ts';

/** A part of a text that a vendor found, the end not in it. */
export type FoundSpan = { readonly start: number; readonly end: number };

/**
 * Spans in UTF-16 units for spans that count code points, as Python does. A text that has one unit for each is only searched.
 *
 * A place behind the end of the text becomes `NaN`, which {@link editsOf} refuses.
 */
export function utf16Spans<Span extends FoundSpan>(text: string, spans: readonly Span[]): readonly Span[] {
  if (spans.length === 0 || !/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return spans;
  const units = new Map<number, number>();
  for (const { start, end } of spans) units.set(start, Number.NaN).set(end, Number.NaN);
  let point = 0;
  let unit = 0;
  for (const sign of text) {
    if (units.has(point)) units.set(point, unit);
    point++;
    unit += sign.length;
  }
  if (units.has(point)) units.set(point, unit);
  return spans.map((span) => ({ ...span, start: units.get(span.start)!, end: units.get(span.end)! }));
}

/**
 * Edits of a passage that put a marker in place of what a vendor found in a text of it, sorted.
 *
 * @param found the text that was judged, and the place in the passage at which it begins
 * @param spans in UTF-16 units of that text, in any order
 * @param field names the spans in the reply
 * @throws BackendError `wrong_shape` for a span that is not in the text
 */
export function editsOf<Span extends FoundSpan>(
  { from, text }: { readonly from: number; readonly text: string },
  spans: readonly Span[],
  markerOf: (span: Span) => string,
  field = 'start',
): readonly TextEdit[] {
  for (const span of spans) requireWithin(text, span, field);
  return spans
    .map((span) => ({ start: from + span.start, end: from + span.end, text: markerOf(span) }))
    .sort((a, b) => a.start - b.start);
}

/** @throws BackendError `wrong_shape` for a span that is not in the text, or empty */
export function requireWithin(text: string, { start, end }: FoundSpan, field = 'start'): void {
  const isWithin = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= text.length;
  if (!isWithin || start >= end) throw new BackendError({ kind: 'wrong_shape', field });
}
