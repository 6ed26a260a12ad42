import type { TextPolicy } from '../policy.ts';

export type MarkerOptions = {
  readonly format: 'label' | 'asterisks' | 'partial';
  /** True if a marker is as long as the value it replaces. */
  readonly preservesLength: boolean;
  /** By the id of the rule. */
  readonly custom: ReadonlyMap<string, string>;
  /** True if markers tell one value of a kind from another. */
  readonly isReversible: boolean;
};

/** Values with fewer letters and digits than this would show too much by their last four. */
const LEAST_FOR_PARTIAL = 9;

/** Gaps within them are no characters of their own. */
const LAST_FOUR = /(?:[\p{L}\p{N}][^\p{L}\p{N}]{0,3}){4}$/u;

/**
 * Makes the replacement of personal data: `[EMAIL_ADDRESS]`, `***`, or a part by which its owner knows it.
 *
 * @see https://docs.keeptrusts.com/docs/policies/pii-detector (names the formats and does not show them)
 */
export function markers(options: MarkerOptions): TextPolicy['replace'] {
  const { format, preservesLength, custom, isReversible } = options;
  return ({ id }, value, index) => {
    const label = custom.get(id) ?? `[${id.toUpperCase().replaceAll('-', '_')}]`;
    if (isReversible) return numbered(label, index);
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
