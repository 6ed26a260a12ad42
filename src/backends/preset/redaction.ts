import { type Passage, textOf } from '../../guardrail/call.ts';
import type { TextEdit } from '../../guardrail/edit.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { utf16Spans } from '../spans.ts';
import type { MessagePart } from './conversation.ts';
import { optionNamed } from './options.ts';
import { firstAt, Places, placesOf } from './places.ts';
import type { OptionValues, RedactForm, SpansForm } from './shape.ts';
import { compileText } from './template.ts';
import type { VendorRequest } from './vendor-request.ts';

/** Edits of passages. `isWhole`: they replace texts as a whole, of which only a part has changed. */
export type VendorRedaction = {
  readonly edits: ReadonlyMap<Passage, readonly TextEdit[]>;
  readonly isWhole: boolean;
  /** How many spans have each label; undefined where there are no labels. */
  readonly labels: ReadonlyMap<string, number> | undefined;
};

/** The redaction in a reply: `lost` where no place can be found for it, `same` where it says what was sent, undefined where it says nothing. */
export type ReadRedaction = (
  reply: unknown,
  asked: VendorRequest,
) => VendorRedaction | 'lost' | 'same' | undefined;

/** A stretch of a passage that was sent, with where it began in what was sent. */
type Stretch = {
  readonly passage: Passage;
  readonly from: number;
  readonly length: number;
  readonly start: number;
};

export function compileRedaction(form: RedactForm, options: OptionValues): ReadRedaction {
  if (form.spans !== undefined) return compileSpans(form.spans, options);
  const textAt = placesOf(form.text);
  const textsAt = placesOf(form.texts);
  return (reply, asked) => {
    if (textAt.length > 0) {
      const text = firstAt(textAt, reply);
      if (text === undefined) return undefined;
      return typeof text === 'string' ? wholeTexts([text], [stretchFinder(asked)(undefined)]) : 'lost';
    }
    const texts = firstAt(textsAt, reply);
    if (texts === undefined) return undefined;
    const sent = textStretches(asked);
    if (
      !Array.isArray(texts) ||
      texts.length !== sent.length ||
      !texts.every((text) => typeof text === 'string')
    )
      throw new BackendError({ kind: 'wrong_shape', field: textsAt[0]?.field ?? 'texts' });
    return wholeTexts(texts, sent);
  };
}

function wholeTexts(
  texts: readonly string[],
  sent: readonly (readonly Stretch[])[],
): VendorRedaction | 'lost' | 'same' {
  const edits = new Map<Passage, TextEdit[]>();
  for (const [i, text] of texts.entries()) {
    const stretches = sent[i] ?? [];
    const was = stretches
      .map(({ passage, from, length }) => passage.text.slice(from, from + length))
      .join('\n');
    if (text === was) continue;
    const [stretch] = stretches;
    // A text of several passages: no telling where the new one belongs
    if (stretch === undefined || stretches.length > 1) return 'lost';
    const { passage, from, length } = stretch;
    listAt(edits, passage).push({ start: from, end: from + length, text });
  }
  return edits.size === 0 ? 'same' : { edits, isWhole: true, labels: undefined };
}

/** The places of `$texts`, one after the other. */
function textStretches({ portion, call }: VendorRequest): readonly (readonly Stretch[])[] {
  if (portion !== undefined) {
    return portion.texts.map(({ passage, from, text }) => [{ passage, from, length: text.length, start: 0 }]);
  }
  const passages = call.passages.all.slice(0, call.texts.length);
  return passages.map((passage) => [wholeOf({ passage, start: 0 })]);
}

/** Finds the places of a message of `$messages`, or of one of `$texts`; by default those of `$text`. */
function stretchFinder(asked: VendorRequest): (index: number | undefined) => readonly Stretch[] {
  if (asked.portion === undefined) return (index) => messageStretches(asked, index);
  const all = textStretches(asked);
  return (index) => (index === undefined && all.length > 1 ? all.flat() : (all[index ?? 0] ?? []));
}

function messageStretches(asked: VendorRequest, index: number | undefined): readonly Stretch[] {
  const { conversation } = asked;
  const isRequest = asked.call.input_type === 'request';
  const newest = isRequest ? conversation.findLast(({ role }) => role === 'user') : conversation.at(-1);
  return ((index === undefined ? newest : conversation[index])?.parts ?? []).map(wholeOf);
}

function wholeOf({ passage, start }: MessagePart): Stretch {
  return { passage, from: 0, length: passage.text.length, start };
}

/** `found`: the text that the vendor says stands there. */
type Span = {
  readonly start: number;
  readonly end: number;
  readonly marker: string;
  readonly found: string | undefined;
};

function compileSpans(form: SpansForm, options: OptionValues): ReadRedaction {
  const entries = new Places(form.at);
  const startAt = new Places(form.start);
  const endAt = new Places(form.end);
  const textAt = form.text === undefined ? undefined : new Places(form.text);
  const foundAt = form.found === undefined ? undefined : new Places(form.found);
  const labelAt = form.label === undefined ? undefined : new Places(form.label);
  const isInclusive = (options[optionNamed(form.end_is) ?? ''] ?? form.end_is) === 'inclusive';
  const marker = compileText(form.marker, { known: {}, values: { label: (label) => label } });
  return (reply, asked) => {
    const spans = new Map<number | undefined, Span[]>();
    const labels = labelAt === undefined ? undefined : new Map<string, number>();
    let isLost = false;
    for (const entry of entries.all(reply)) {
      const start = wholeNumber(startAt.first(entry));
      const end = wholeNumber(endAt.first(entry));
      const index = textAt === undefined ? undefined : wholeNumber(textAt.first(entry));
      if (start === undefined || end === undefined || (textAt !== undefined && index === undefined)) {
        isLost = true;
        break;
      }
      const label = labelAt?.first(entry);
      if (typeof label === 'string') labels?.set(label, (labels.get(label) ?? 0) + 1);
      const written = typeof marker === 'function' ? marker(labelWord(label)) : marker;
      const found = textOf(foundAt?.first(entry));
      listAt(spans, index).push({ start, end, marker: written ?? form.marker, found });
    }
    if (isLost) return 'lost';
    const edits = new Map<Passage, TextEdit[]>();
    const stretchesOf = stretchFinder(asked);
    for (const [index, own] of spans) {
      if (
        !addSpans(edits, own, stretchesOf(index), { isByCodePoint: form.unit === 'code_points', isInclusive })
      )
        return 'lost';
    }
    for (const own of edits.values()) own.sort((a, b) => a.start - b.start);
    return edits.size === 0 ? undefined : { edits, isWhole: false, labels };
  };
}

/** `pii/credit_card` as `CREDIT_CARD`. */
function labelWord(label: unknown): string {
  return typeof label === 'string' ? label.slice(label.lastIndexOf('/') + 1).toUpperCase() : 'REDACTED';
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** How a vendor counts places. */
type Counting = { readonly isByCodePoint: boolean; readonly isInclusive: boolean };

/** Adds spans of a text that was sent to the edits of its passages; false if one lies outside of it, or where something else was found. */
function addSpans(
  edits: Map<Passage, TextEdit[]>,
  spans: readonly Span[],
  stretches: readonly Stretch[],
  counting: Counting,
): boolean {
  const sent = stretches
    .map(({ passage, from, length }) => passage.text.slice(from, from + length))
    .join('\n');
  const placed = placedIn(sent, spans, counting);
  if (placed === undefined) return false;
  for (const { start, end, marker } of placed) {
    let text = marker;
    for (const stretch of stretches) {
      const first = Math.max(start, stretch.start);
      const last = Math.min(end, stretch.start + stretch.length);
      if (first >= last) continue;
      const shift = stretch.from - stretch.start;
      listAt(edits, stretch.passage).push({ start: first + shift, end: last + shift, text });
      text = '';
    }
  }
  return true;
}

/** Spans in UTF-16 units, counted as the preset says or in any way in which all that was found is there; undefined if there is none. */
function placedIn(sent: string, spans: readonly Span[], counting: Counting): readonly Span[] | undefined {
  const { isByCodePoint, isInclusive } = counting;
  const others = spans.every(({ found }) => found === undefined)
    ? []
    : [
        { isByCodePoint: !isByCodePoint, isInclusive },
        { isByCodePoint, isInclusive: !isInclusive },
        { isByCodePoint: !isByCodePoint, isInclusive: !isInclusive },
      ];
  for (const { isByCodePoint, isInclusive } of [counting, ...others]) {
    const whole = isInclusive ? spans.map((span) => ({ ...span, end: span.end + 1 })) : spans;
    const placed = isByCodePoint ? utf16Spans(sent, whole) : whole;
    // Places behind the end of a text are no numbers
    const isThere = placed.every(
      ({ start, end, found }) =>
        start < end &&
        end <= sent.length &&
        !cutsPair(sent, start) &&
        !cutsPair(sent, end) &&
        (found === undefined || sent.slice(start, end) === found),
    );
    if (isThere) return placed;
  }
  return undefined;
}

/** True if a place is between the halves of one character. */
function cutsPair(text: string, place: number): boolean {
  return place > 0 && (text.codePointAt(place - 1) ?? 0) > 0xffff;
}

/** The list at a key of a map, a new one at first. */
export function listAt<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list: Item[] = [];
  lists.set(key, list);
  return list;
}
