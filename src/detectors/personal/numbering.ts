import { createRequire } from 'node:module';
import { lazily } from '../lazily.ts';

/** The form of the numbers of one country. */
type Plan = {
  readonly callingCode: string;
  readonly isNumber: RegExp;
  /** Of numbers without the prefix. */
  readonly lengths: readonly number[];
  /** Written before a number within the country; undefined where none is. */
  readonly prefix: string | undefined;
  /** The prefix with what carriers put behind it, and what a number becomes without them. */
  readonly prefixes: RegExp | undefined;
  readonly without: string | undefined;
  /** True if nobody leaves out the prefix. */
  readonly mustHavePrefix: boolean;
  /** The groups in which numbers are written, those with some first digits. */
  readonly groups: readonly { readonly first: RegExp | undefined; readonly split: RegExp }[];
};

/** Google's numbering plans as libphonenumber-js packs them: 83 KB, loaded for the first number that could be one. */
const metadata = lazily(
  () =>
    createRequire(import.meta.url)(
      'libphonenumber-js/min/metadata',
    ) as typeof import('libphonenumber-js/min/metadata').default,
);

const plans = new Map<string, Plan>();

/** @see https://gitlab.com/catamphetamine/libphonenumber-js/-/blob/master/METADATA.md for the places in the lists */
function planOf(country: string): Plan {
  const known = plans.get(country);
  if (known !== undefined) return known;
  const { countries, nonGeographic, country_calling_codes } = metadata() as unknown as Record<
    string,
    Record<string, readonly unknown[]>
  >;
  const packed = countries?.[country] ?? nonGeographic?.[country] ?? [];
  const [callingCode, , pattern, lengths, formats, prefix, rule, prefixes, without, isOptional] = packed as [
    string,
    unknown,
    string,
    readonly number[],
    readonly unknown[][] | 0 | undefined,
    string | 0 | undefined,
    string | 0 | undefined,
    string | 0 | undefined,
    string | 0 | undefined,
    unknown,
  ];
  // Countries that share a code have the groups of the first one
  const main = countries?.[country_calling_codes?.[callingCode]?.[0] as string]?.[4];
  const own = (formats || main || []) as readonly unknown[][];
  const written = prefix || undefined;
  const isWritten = (each: unknown) =>
    typeof each === 'string' && written !== undefined && each.includes(written);
  const plan: Plan = {
    callingCode,
    lengths,
    isNumber: new RegExp(`^(?:${pattern})$`),
    prefix: written,
    prefixes: prefixes || written ? new RegExp(`^(?:${prefixes || written})`) : undefined,
    without: without || undefined,
    mustHavePrefix:
      !isOptional &&
      (isWritten(rule) || (formats || []).some((format) => isWritten(format[3]) && !format[4])),
    groups: own.map(([split, , first]) => ({
      first: Array.isArray(first) ? new RegExp(`^(?:${first.at(-1)})`) : undefined,
      split: new RegExp(`^(?:${split})$`),
    })),
  };
  plans.set(country, plan);
  return plan;
}

/** Codes of all countries with numbers of their own: `DE`. */
export function phoneCountries(): readonly string[] {
  return Object.keys(metadata().countries);
}

/**
 * True for the digits of a number with the code of its country before it.
 *
 * @param isClear true where the text says that it is a number: one that is not given out counts too, if it is as long as others
 */
export function isInternational(digits: string, isClear: boolean): boolean {
  const { country_calling_codes, nonGeographic = {} } = metadata() as unknown as {
    country_calling_codes: Record<string, readonly string[]>;
    nonGeographic?: Record<string, unknown>;
  };
  for (let length = 1; length <= 3; length++) {
    const code = digits.slice(0, length);
    const countries = country_calling_codes[code] ?? (code in nonGeographic ? [code] : undefined);
    if (countries === undefined) continue;
    const number = digits.slice(length);
    return countries.some((country) => {
      const { isNumber, lengths } = planOf(country);
      return isNumber.test(number) || (isClear && lengths.includes(number.length));
    });
  }
  return false;
}

/**
 * How a number is written within one of some countries: with its prefix, without it in the groups that are usual there, in
 * others, or not at all.
 */
export function nationalForm(
  groups: readonly string[],
  countries: readonly string[],
): 'prefixed' | 'grouped' | 'short' | undefined {
  const digits = groups.join('');
  let form: 'grouped' | 'short' | undefined;
  for (const country of countries) {
    const plan = planOf(country);
    const { isNumber, prefix, mustHavePrefix } = plan;
    if (withoutPrefix(digits, plan).some((number) => isNumber.test(number))) return 'prefixed';
    if (!isNumber.test(digits)) continue;
    // The zero of an Italian number is its own
    if (prefix === undefined && digits.startsWith('0')) return 'prefixed';
    if (mustHavePrefix) continue;
    form = form === 'grouped' || areUsual(groups, digits, plan) ? 'grouped' : 'short';
  }
  return form;
}

function withoutPrefix(digits: string, { prefixes, without }: Plan): readonly string[] {
  const found = prefixes?.exec(digits);
  if (!found?.[0]) return [];
  const rest = digits.slice(found[0].length);
  return without !== undefined && found.length > 1 && found.at(-1) !== undefined
    ? [digits.replace(prefixes!, without), rest]
    : [rest];
}

function areUsual(groups: readonly string[], digits: string, plan: Plan): boolean {
  for (const { first, split } of plan.groups) {
    if (first !== undefined && !first.test(digits)) continue;
    const parts = split.exec(digits)?.slice(1);
    if (parts !== undefined)
      return parts.length === groups.length && parts.every((part, i) => part === groups[i]);
  }
  return false;
}

/** True if numbers of one of some countries have as many digits, with the prefix or without. */
export function hasPossibleLength(digits: string, countries: readonly string[]): boolean {
  return countries.some((country) => {
    const { lengths, prefix } = planOf(country);
    const withoutPrefix =
      prefix !== undefined && digits.startsWith(prefix) ? digits.length - prefix.length : 0;
    return digits.length > 6 && (lengths.includes(digits.length) || lengths.includes(withoutPrefix));
  });
}
