/** Numbers and ids of many kinds, that are nobody's: how many are taken for cards, phones and other personal data. */
import { randomFrom } from '../../support/random.ts';
import { engineWith, judgeText } from './door.ts';
import { Tally } from './halves.ts';
import { type Section, sampled, showWrong } from './report.ts';
import { addTo, type Figure, type Target } from './table.ts';

const MANY = 20_000;
const SEED = 12;
const random = { next: randomFrom(SEED) };

const below = (count: number) => Math.floor(random.next() * count);
const between = (least: number, most: number) => least + below(most - least + 1);
const digits = (count: number, first = between(1, 9)) =>
  String(first) + Array.from({ length: count - 1 }, () => below(10)).join('');
const hex = (count: number) => Array.from({ length: count }, () => below(16).toString(16)).join('');
const two = (number: number) => String(number).padStart(2, '0');
const date = (separator: string) => [2026, two(between(1, 12)), two(between(1, 28))].join(separator);
const time = (separator: string) => [two(below(24)), two(below(60)), two(below(60))].join(separator);
const seconds = () => between(1_577_836_800, 1_893_456_000);
const pick = (signs: string) => signs[below(signs.length)] ?? '';
const alnum = (count: number) =>
  Array.from({ length: count }, () =>
    pick('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'),
  ).join('');

/** With the check digit of the bar codes of shops. @see GS1 General Specifications, section 7.9 */
function ean(twelve: string): string {
  const sum = [...twelve].reduce((all, digit, i) => all + Number(digit) * (i % 2 === 0 ? 1 : 3), 0);
  return `${twelve}${(10 - (sum % 10)) % 10}`;
}

const version = () => [between(1, 30), below(20), below(60), below(250)].join('.');

type Kind = readonly [name: string, make: () => string, frame?: (value: string) => string];

const DIGITS: readonly Kind[] = [
  ['13 digits', () => digits(13)],
  ['14 digits', () => digits(14)],
  ['15 digits', () => digits(15)],
  ['16 digits', () => digits(16)],
  ['17 digits', () => digits(17)],
  ['18 digits', () => digits(18)],
];

const OTHERS: readonly Kind[] = [
  ['14 digits that are a time of 2026', () => date('') + time('')],
  ['17 digits that are a time with milliseconds', () => date('') + time('') + digits(3, below(10))],
  ['EAN-13 that begins with 4', () => ean(digits(12, 4))],
  ['EAN-13', () => ean(digits(12))],
  ['10 and 12 digits', () => digits(random.next() < 0.5 ? 10 : 12)],
  ['8, 9 and 11 digits', () => digits([8, 9, 11][below(3)] ?? 8)],
  ['order numbers with a hyphen', () => `${digits(3)}-${digits(7)}-${digits(7)}`],
  ['snowflakes of 19 digits', () => digits(19, 1)],
  ['seconds since 1970', () => String(seconds())],
  ['milliseconds since 1970', () => `${seconds()}${digits(3, below(10))}`],
  ['microseconds since 1970', () => `${seconds()}${digits(6, below(10))}`],
  ['nanoseconds since 1970', () => `${seconds()}${digits(9, below(10))}`],
  ['ISO times', () => `${date('-')}T${time(':')}.${digits(6, below(10))}+0${below(10)}:00`],
  ['times with blanks', () => `${date('.')} ${time(':')} ${digits(4)}`],
  ['floats', () => `${below(1000)}.${digits(16, below(10))}`],
  ['floats with a sign', () => `+${below(10)}.${digits(8, below(10))}`],
  ['floats with an exponent', () => `${pick('+-')}${below(10)}.${digits(7, below(10))}e-0${below(10)}`],
  ['UUID', () => [8, 4, 4, 4, 12].map(hex).join('-')],
  ['MD5, SHA-1 and SHA-256', () => hex([32, 40, 64][below(3)] ?? 40)],
  ['trace ids', () => `00-${hex(32)}-${hex(16)}-01`],
  ['object ids of 24 hex digits', () => hex(24)],
  ['ARNs', () => `arn:aws:iam::${digits(12)}:role/${alnum(8)}`],
  ['ISBN', () => `978-${below(10)}-${digits(4)}-${digits(4)}-${below(10)}`],
  ['ZIP+4', () => `${digits(5)}-${digits(4)}`],
  ['versions a.b.c.d', version],
  ['versions a.b.c.d, called so', version, (value) => `${pick('vV')}ersion: ${value}, build 7`],
  ['versions of packages', version, (value) => `some-package==${value}\n`],
  ['versions of browsers', () => `Mozilla/5.0 Chrome/${between(80, 140)}.0.${below(7000)}.${below(250)}`],
  ['sections', () => `section ${between(1, 30)}.${between(1, 9)}.${between(1, 9)}.${between(1, 9)}`],
  [
    'ids of mail queues',
    () => `${hex(2).toUpperCase()}${alnum(3).toUpperCase()}${digits(5)}${hex(1).toUpperCase()}`,
  ],
  ['base64 of 27 bytes', () => alnum(36)],
  ['prices in a table', () => Array.from({ length: 4 }, () => `${digits(4)}.${digits(2)}`).join(' ')],
  ['a diff that adds seconds', () => String(seconds()), (value) => ` 1764140400\n+${value}\n 1764151200`],
  ['a diff that adds ten digits', () => digits(10), (value) => `@@ -1 +1,2 @@\n+${value}\n`],
  ['a dump of bytes', () => Array.from({ length: 16 }, () => hex(2)).join(' ')],
  ['a dump of small bytes', () => Array.from({ length: 16 }, () => `0${below(10)}`).join(' ')],
  ['MAC-like ids of 8 bytes', () => Array.from({ length: 8 }, () => hex(2)).join('-')],
];

const TAKEN = ', taken for personal data';

const inId = (value: string) => `id: ${value} ok`;

/** Places where nothing says what a number is. */
const FRAMES: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => `the value is ${value} now`,
  (value) => `{"n": ${value}, "k": "${value}"}`,
  (value) => `load(${value}, "x");`,
  (value) => `harbour;${value};0.5`,
  (value) => `| gull | ${value} | - |`,
];

type Setting = {
  readonly options?: Record<string, unknown>;
  /** In place of the frame of each kind, one after the other. */
  readonly frames?: readonly ((value: string) => string)[];
  /** The name and target of a figure of all kinds together, and the rule it counts. */
  readonly sum?: { readonly name: string; readonly rule: string; readonly target?: Target };
  /** Prints that figure alone. */
  readonly isSumAlone?: boolean;
};

async function measured(kinds: readonly Kind[], setting: Setting = {}): Promise<readonly Figure[]> {
  const { options, frames, sum, isSumAlone } = setting;
  const engine = engineWith('pii-detector', options);
  const together = new Tally();
  const byKind = new Map<string, Tally>();
  const figures: Figure[] = [];
  for (const [name, make, frame = inId] of kinds) {
    random.next = randomFrom(SEED);
    const tally = new Tally();
    const byRule = new Map<string, Tally>();
    const values = sampled(Array.from({ length: MANY }, make), 10);
    for (const [number, value] of values.entries()) {
      const text = (frames?.[number % frames.length] ?? frame)(value);
      const { rules } = await judgeText(engine, text);
      const half = tally.add(value, rules.length > 0 ? 1 : 0);
      for (const rule of rules) addTo(byRule, rule, value, 1);
      if (rules.length > 0) showWrong(sum?.name ?? name, half, rules.join(), text);
      const counts = sum !== undefined && rules.includes(sum.rule) ? 1 : 0;
      together.add(value, counts);
      if (isSumAlone) addTo(byKind, name, value, counts);
    }
    figures.push({
      name: `${name}${TAKEN}`,
      unit: 'share',
      tally,
      ...(byRule.size > 0 && { note: countsOf(byRule) }),
    });
  }
  if (sum === undefined) return cleanTogether(figures);
  const { name, target } = sum;
  const parts = new Map([...byKind].filter(([, { all }]) => all.hits > 0));
  const whole: Figure = { name, unit: 'share', tally: together, parts, ...(target && { target }) };
  return isSumAlone ? [whole] : [...cleanTogether(figures), whole];
}

/** Those of which nothing was taken for anything in one line. */
function cleanTogether(figures: readonly Figure[]): readonly Figure[] {
  const clean = figures.filter(({ tally }) => tally.all.hits === 0);
  if (clean.length < 2) return figures;
  const tally = new Tally();
  for (const { tally: one } of clean) {
    tally.tuned.of += one.tuned.of;
    tally.heldOut.of += one.heldOut.of;
  }
  const names = clean.map(({ name }) => name.replace(TAKEN, '')).join('; ');
  const together: Figure = { name: `${clean.length} kinds${TAKEN}`, unit: 'share', tally, note: names };
  return [...figures.filter((figure) => !clean.includes(figure)), together];
}

/** `credit-card 12, phone-number 3`. */
function countsOf(parts: ReadonlyMap<string, Tally>): string {
  return [...parts].map(([rule, { all }]) => `${rule} ${all.hits.toLocaleString('en')}`).join(', ');
}

const CARDS = {
  name: 'numbers of 13 to 18 digits taken for cards',
  rule: 'credit-card',
  target: { most: 0.005 },
};
const PHONES = { name: 'all these kinds taken for phones, ten countries set', rule: 'phone-number' };
const COUNTRIES = ['DE', 'US', 'FR', 'GB', 'IN', 'CN', 'BR', 'IT', 'ES', 'NL'];

export const NUMBER_SECTIONS: readonly Section[] = [
  { name: 'personal: numbers of 13 to 18 digits (cards)', run: () => measured(DIGITS, { sum: CARDS }) },
  {
    name: 'personal: numbers of 13 to 18 digits, nothing beside them (cards)',
    run: () =>
      measured(DIGITS, {
        sum: { name: 'the same where nothing says what they are', rule: CARDS.rule },
        frames: FRAMES,
        isSumAlone: true,
      }),
  },
  {
    name: 'personal: other numbers and ids (cards, phones, addresses)',
    run: () => measured(OTHERS),
  },
  {
    name: 'personal: all numbers and ids, countries set (phones)',
    run: () =>
      measured([...DIGITS, ...OTHERS], {
        options: { phone_countries: COUNTRIES },
        sum: PHONES,
        isSumAlone: true,
      }),
  },
];
