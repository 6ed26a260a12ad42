import { createRequire } from 'node:module';
import { lazily } from '../lazily.ts';
import { isLuhn } from './entity.ts';

/** How a number of digits is written by its issuer today, seldom, or never. */
export type CardKind = 'usual' | 'seldom' | undefined;

/** The lengths in which issuers make cards today; the others of the library are seldom. */
const USUAL: Readonly<Record<string, readonly number[]>> = {
  visa: [16],
  mastercard: [16],
  'american-express': [15],
  discover: [16],
  jcb: [15, 16],
  'diners-club': [14],
  unionpay: [16, 19],
  mir: [16],
  elo: [16],
  troy: [16],
  verve: [16],
  hiper: [16],
  hipercard: [16],
  naranja: [16],
  // JCB's cards and RuPay's share it, each with parts that no list has
  'jcb and rupay': [16],
};

/** A number as its beginning, or the first and the last of a range; a text for one that begins with 0. */
type Pattern = number | string | readonly [number, number];
type Issuer = {
  readonly type: string;
  readonly patterns: readonly Pattern[];
  readonly lengths: readonly number[];
};

/** Additions to the library. RuPay: @see https://en.wikipedia.org/wiki/Payment_card_number */
const MORE: readonly Issuer[] = [
  { type: 'visa', patterns: [4], lengths: [13] },
  { type: 'jcb', patterns: [2131, 1800], lengths: [15] },
  { type: 'jcb and rupay', patterns: [35], lengths: [16] },
  { type: 'maestro', patterns: ['0604'], lengths: [12] },
  { type: 'rupay', patterns: [60, [81, 82], 508], lengths: [16] },
];

/** The first digits of cards of some lengths: a range of numbers that begin with `from` to `to`. */
type Range = {
  readonly from: string;
  readonly to: string;
  readonly lengths: readonly number[];
  readonly usual: readonly number[];
};

/** Loaded for the first number with the sum of a card: a start does not wait for it. */
const ranges = lazily((): readonly Range[] => {
  const library = createRequire(import.meta.url)('credit-card-type') as typeof import('credit-card-type');
  const listed = Object.values(library.types).map((type) => library.getTypeInfo(type) as Issuer);
  return [...listed, ...MORE].flatMap(({ type, patterns, lengths }) =>
    patterns.map((pattern) => {
      const [from, to] = (typeof pattern === 'object' ? pattern : [pattern, pattern]).map(String) as [
        string,
        string,
      ];
      return { from, to, lengths, usual: USUAL[type] ?? [] };
    }),
  );
});

/** Sorts a number by the ranges and lengths of issuers and by its sum. */
export function cardKind(digits: string): CardKind {
  const { length } = digits;
  if (length < 12 || length > 19 || !isLuhn(digits)) return undefined;
  let kind: CardKind;
  for (const { from, to, lengths, usual } of ranges()) {
    // Texts of one length compare as numbers do
    if (digits < from || !lengths.includes(length)) continue;
    if (digits > to && !digits.startsWith(to)) continue;
    if (usual.includes(length)) return 'usual';
    kind = 'seldom';
  }
  return kind;
}
