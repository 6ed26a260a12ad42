import * as v from 'valibot';
import type { TextPolicy } from '../policy.ts';

/** Options of the replacement of personal data. */
export const redactionOptions = v.pipe(
  v.strictObject({
    marker_format: v.pipe(
      v.optional(v.picklist(['label', 'asterisks', 'partial']), 'label'),
      v.description('`label`: `[EMAIL_ADDRESS]`; `asterisks`: `***`; `partial`: `***1234`.'),
    ),
    include_metadata: v.pipe(
      v.optional(v.boolean(), true),
      v.description('Accepted: records always say which rules found something, and never what.'),
    ),
    preserve_length: v.pipe(
      v.optional(v.boolean(), false),
      v.description('Markers are as long as what they replace.'),
    ),
    custom_markers: v.pipe(
      v.optional(v.record(v.string(), v.string()), {}),
      v.description('Markers of your own, by entity.'),
    ),
    reversible: v.pipe(
      v.optional(v.boolean(), false),
      v.description('`[EMAIL_ADDRESS_1]`, and the response gets the values back.'),
    ),
  }),
  v.metadata({
    if: { properties: { reversible: { const: true } }, required: ['reversible'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { marker_format: { const: 'label' }, preserve_length: { const: false } } },
  }),
);

/** Values with fewer letters and digits than this would show too much by their last four. */
const LEAST_FOR_PARTIAL = 9;

/** Gaps within them are no characters of their own. */
const LAST_FOUR = /(?:[\p{L}\p{N}][^\p{L}\p{N}]{0,3}){4}$/u;

/**
 * Makes the replacement of personal data: `[EMAIL_ADDRESS]`, `***`, or a part by which its owner knows it.
 *
 * @param custom markers by the id of the rule
 * @see https://docs.keeptrusts.com/docs/policies/pii-detector (names the formats and does not show them)
 */
export function markers(
  {
    marker_format: format,
    preserve_length: preservesLength,
    reversible,
  }: v.InferOutput<typeof redactionOptions>,
  custom: ReadonlyMap<string, string>,
): TextPolicy['replace'] {
  return ({ id }, value, index) => {
    const label = custom.get(id) ?? `[${id.toUpperCase().replaceAll('-', '_')}]`;
    if (reversible) return numbered(label, index);
    if (custom.has(id)) return label;
    if (format === 'asterisks') return stars(preservesLength ? value.length : 3);
    if (format === 'partial') return partly(id, value, preservesLength);
    if (!preservesLength) return label;
    return label.length > value.length ? stars(value.length) : label.padEnd(value.length, '*');
  };
}

/** Numbers keep their last four characters, e-mail addresses the first one and the domain. */
function partly(id: string, value: string, preservesLength: boolean): string {
  const hidden = (length: number) => stars(preservesLength ? length : 3);
  const at = value.indexOf('@');
  if (id === 'email-address' && at > 1) {
    const [first = ''] = value;
    return first + hidden(at - first.length) + value.slice(at);
  }
  const { length } = value.replace(/[^\p{L}\p{N}]/gu, '');
  if (id === 'email-address' || length < LEAST_FOR_PARTIAL) return hidden(value.length);
  const [last = ''] = LAST_FOUR.exec(value) ?? [];
  return hidden(value.length - last.length) + last;
}

function numbered(label: string, index: number): string {
  return label.endsWith(']') ? `${label.slice(0, -1)}_${index}]` : `${label}_${index}`;
}

const stars = (length: number) => '*'.repeat(length);
