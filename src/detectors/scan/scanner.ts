import { lazily } from '../lazily.ts';
import {
  type AnchoredRule,
  DIGITS,
  type Finding,
  type Span,
  type SweepingRule,
  type TextRule,
} from '../rule.ts';
import { createAutomaton } from './automaton.ts';

export type Scan = {
  /** By where they begin. Those of different rules may overlap. */
  readonly findings: readonly Finding[];
  /**
   * Before it everything is decided, whatever the text goes on with; what is found behind it may still change. It may
   * lie within a finding. The length of the text if it ends here.
   */
  readonly open: number;
  /** Starts of matches that the end of the text may cut off, for each rule; without a rule, of any. */
  readonly opens: readonly Open[];
};

export type Open = { readonly rule: TextRule | undefined; readonly start: number };

export type Range = {
  readonly from?: number;
  readonly to?: number;
  /** Before it nothing is found, even where it is announced in the range; `from` by default. */
  readonly floor?: number;
};

/** Characters that take a few milliseconds at most, whatever they are. */
const SLICE = 8 * 1024;
/** Expressions of users take up to 16 us for a character. */
const SWEPT_SLICE = 2048;

/** Looks for some rules in one pass for the anchors of all of them, then round each anchor found. */
export class Scanner {
  /** Characters that can be scanned in one go without keeping others waiting. */
  readonly slice: number;
  readonly #anchored: readonly AnchoredRule[];
  readonly #sweeping: readonly SweepingRule[];
  /** Rules whose matches begin before their anchor. */
  readonly #tailed: readonly AnchoredRule[];
  /** Made for the first text, so that a start does not wait for it. */
  readonly #index: () => Index;
  /** Position from which each anchored rule searches on: not within its last finding. */
  readonly #next: Int32Array;
  /** The reach of each anchored rule that a growing text has needed; 0 before that. */
  readonly #reaches: Float64Array;
  /** True if `#next` is not all zeros. */
  #isUsed = false;

  constructor(rules: readonly TextRule[]) {
    this.#anchored = rules.filter((rule): rule is AnchoredRule => 'anchors' in rule);
    this.#sweeping = rules.filter((rule): rule is SweepingRule => !('anchors' in rule));
    this.#tailed = this.#anchored.filter((rule) => rule.openTail !== undefined);
    this.#next = new Int32Array(this.#anchored.length);
    this.#reaches = new Float64Array(this.#anchored.length);
    this.#index = lazily(() => indexOf(this.#anchored));
    this.slice = this.#sweeping.length > 0 ? SWEPT_SLICE : SLICE;
  }

  /**
   * Looks for all rules in a range of a text: matches whose anchor begins in it. Linear in its length.
   *
   * @param grows true if the text may still grow: only then `open` is looked for
   */
  scan(text: string, { from = 0, to = text.length, floor = from }: Range = {}, grows = false): Scan {
    const anchored = this.#anchored;
    const next = this.#next;
    const reaches = this.#reaches;
    const findings: Finding[] = [];
    const opens: Open[] = [];
    if (this.#isUsed) next.fill(0);
    this.#isUsed = false;

    const visit = (numbers: readonly number[], at: number) => {
      this.#isUsed = true;
      for (const number of numbers) {
        if (at < next[number]!) continue;
        const rule = anchored[number]!;
        const span = rule.match(text, at);
        // Half of it is not asked again: a row of anchors would be read from each of them on
        if (span?.isRefused) next[number] = at + ((span.end - at) >> 1);
        else if (span !== undefined && span.start >= floor) {
          findings.push({ rule, start: span.start, end: span.end, from: Math.min(at, span.start) });
          next[number] = span.end;
        }
        if (!grows) continue;
        reaches[number] ||= rule.reach();
        if (text.length - at <= reaches[number]) {
          const start = rule.open(text, at);
          if (start !== undefined) opens.push({ rule, start });
        }
      }
    };

    const { automaton, byAnchor, byDigits, dispatch } = this.#index();
    const begun = automaton.run(text, from, to, (anchor, at) => visit(byAnchor[anchor]!, at));
    if (byDigits.length > 0) eachNumber(text, from, to, (at) => dispatch(text, at, grows, visit));
    for (const rule of this.#sweeping)
      for (const span of rule.sweep(text, from, to)) findings.push({ rule, ...span, from: span.start });
    if (findings.length > 1) findings.sort((a, b) => a.start - b.start);
    if (grows && to >= text.length) {
      if (begun > 0) opens.push({ rule: undefined, start: text.length - begun });
      for (const rule of this.#tailed)
        opens.push({ rule, start: rule.openTail?.(text, floor) ?? text.length });
      for (const rule of this.#sweeping)
        opens.push({ rule, start: rule.openFrom(text, floor) ?? text.length });
    }
    return { findings, opens, open: Math.max(floor, firstOf(opens, text.length)) };
  }
}

type Index = ReturnType<typeof indexOf>;

/** Numbers of the rules by anchor and by the digits of numbers. */
function indexOf(anchored: readonly AnchoredRule[]) {
  const numbersOf = new Map<string, number[]>();
  anchored.forEach((rule, number) => {
    for (const anchor of new Set(rule.anchors)) {
      const numbers = numbersOf.get(anchor) ?? [];
      numbersOf.set(anchor, numbers);
      numbers.push(number);
    }
  });
  const byDigits = numbersOf.get(DIGITS) ?? [];
  numbersOf.delete(DIGITS);
  return {
    automaton: createAutomaton([...numbersOf.keys()]),
    byAnchor: [...numbersOf.values()],
    byDigits,
    dispatch: dispatchOf(anchored, byDigits),
  };
}

/** The first beginning, or the end if there is none. */
export function firstOf(opens: readonly Open[], end: number): number {
  let first = end;
  for (const { start } of opens) if (start < first) first = start;
  return first;
}

type Visit = (numbers: readonly number[], at: number) => void;

/** Picks the rules for numbers that are worth a try at a number, by one look at each of a few characters for all of them. */
function dispatchOf(anchored: readonly AnchoredRule[], byDigits: readonly number[]) {
  const looking = byDigits.filter((number) => anchored[number]!.look !== undefined).slice(0, 31);
  const always = byDigits.filter((number) => !looking.includes(number));
  const tables = new Map<number, Uint32Array>();
  looking.forEach((number, bit) => {
    const { offset, isWorth } = anchored[number]!.look!;
    const table = tables.get(offset) ?? new Uint32Array(129);
    tables.set(offset, table);
    isWorth.forEach((is, unit) => {
      if (is) table[unit]! |= 1 << bit;
    });
  });
  const offsets = [...tables.keys()];
  const masks = [...tables.values()];
  const one = looking.map((number) => [number]);
  return (text: string, at: number, grows: boolean, visit: Visit) => {
    if (grows) return visit(byDigits, at);
    let bits = 0;
    for (let i = 0; i < offsets.length; i++) {
      const unit = text.charCodeAt(at + offsets[i]!);
      bits |= masks[i]![unit < 128 ? unit : 128]!;
    }
    for (; bits !== 0; bits &= bits - 1) visit(one[31 - Math.clz32(bits & -bits)]!, at);
    if (always.length > 0) visit(always, at);
  };
}

const NUMBER = /\d+/g;

/** Numbers that begin in a range. Only the range is read, as the next number can be megabytes away. */
function eachNumber(text: string, from: number, to: number, visit: (at: number) => void): void {
  const isWithin = from > 0 && isDigit(text.charCodeAt(from - 1));
  const part = text.slice(from, to);
  NUMBER.lastIndex = 0;
  for (let match = NUMBER.exec(part); match !== null; match = NUMBER.exec(part)) {
    if (match.index > 0 || !isWithin) visit(from + match.index);
  }
}

const isDigit = (unit: number) => unit >= 0x30 && unit <= 0x39;

/**
 * The position, or the next one before it that cuts nothing: neither spans with what announced them nor a surrogate pair.
 */
export function withoutCut(
  text: string,
  spans: readonly (Span & { readonly from: number })[],
  position: number,
): number {
  let at = position;
  // A span can reach back behind others: until none is cut. From the last on, a chain of them is followed in one go
  for (let before = -1; before !== at; ) {
    before = at;
    for (let i = spans.length - 1; i >= 0; i--) {
      const { from, end } = spans[i]!;
      if (from < at && end > at) at = from;
    }
  }
  const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
  return at > 0 && at < text.length && isLow(text.charCodeAt(at)) ? at - 1 : at;
}
