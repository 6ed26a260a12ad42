import * as v from 'valibot';
import type { TextPolicy } from '../policy.ts';

/** Options of the replacement of personal data. */
export const redactionOptions = v.strictObject({
  /** `label` by default: `[EMAIL_ADDRESS]`. */
  marker_format: v.optional(v.picklist(['label', 'asterisks', 'partial']), 'label'),
  /** Accepted: records always say which rules found something, and never what. */
  include_metadata: v.optional(v.boolean(), true),
  preserve_length: v.optional(v.boolean(), false),
  /** Markers of your own, by entity. */
  custom_markers: v.optional(v.record(v.string(), v.string()), {}),
  /** Ours: `[EMAIL_ADDRESS_1]`, and the response gets the values back. */
  reversible: v.optional(v.boolean(), false),
});

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
