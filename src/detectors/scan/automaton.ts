/** Told of each anchor found: its number, and where it begins. */
type Visit = (anchor: number, at: number) => void;

export type Automaton = {
  /**
   * Finds all anchors that begin in a range, in one pass.
   *
   * @returns how many of the last characters before `end` could be the beginning of an anchor
   */
  run(text: string, from: number, end: number, visit: Visit): number;
};

const BLANK = ' ';
const OTHER_BLANKS = '\t\n\v\f\r';

const isBlank = (unit: number) => unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);

/** A longer gap is remembered once it was walked over, so that no text makes it be walked over often. */
const LONG_GAP = 64;

/** Beginnings of long gaps by their ends. */
type Gaps = Map<number, number>;

/**
 * Where the last units of a text begin, if several blanks count as one.
 *
 * @param end of the units, exclusive
 * @param count how many
 */
function startOfLast(text: string, end: number, count: number, gaps: Gaps): number {
  let at = end;
  for (let left = count; left > 0; left--) {
    at--;
    if (left === 1 || !isBlank(text.charCodeAt(at)) || !isBlank(text.charCodeAt(at - 1))) continue;
    const from = at;
    at = gaps.get(from) ?? at;
    while (isBlank(text.charCodeAt(at - 1))) at--;
    if (from - at > LONG_GAP) gaps.set(from, at);
  }
  return Math.max(0, at);
}

/** Where a literal that begins at a place of a text ends, if several blanks count as one; undefined if another text stands there. */
export function endOfLiteral(text: string, start: number, anchor: string): number | undefined {
  let at = start + anchor.length;
  if (!anchor.includes(BLANK)) return folded(text.slice(start, at)) === anchor ? at : undefined;
  at = start;
  for (const unit of units(anchor)) {
    if (unit === BLANK) {
      if (!isBlank(text.charCodeAt(at++))) return undefined;
      while (isBlank(text.charCodeAt(at))) at++;
    } else if (folded(text.charAt(at++)) !== unit) return undefined;
  }
  return at;
}

const units = (text: string) => text.split('');

/**
 * An automaton after Aho and Corasick over UTF-16 units that ignores capitals: one pass finds any number of literals, at
 * several times the speed of a loop over as many expressions. The packages on npm are five to seven times slower. A blank
 * within an anchor stands for any number of blanks, tabs and line ends.
 *
 * @param anchors literals in lower case, with no two blanks beside each other
 */
export function createAutomaton(anchors: readonly string[]): Automaton {
  const { classOf, rareShift, isShared } = classesOf(anchors);
  const { next, rare, rowOf, mark, found, depth } = linked(
    trieOf(anchors, classOf),
    rareShift,
    classOf[0x20]!,
  );
  const blanks = anchors.map((anchor) => anchor.split(BLANK).length - 1);
  const isLike = anchors.map((anchor) => units(anchor).some((unit) => isShared(unit.charCodeAt(0))));
  const longest = Math.max(1, ...anchors.map(({ length }) => length));

  const gaps: Gaps = new Map();
  /** True if what may become an anchor, and ends here, began before the end of the range. */
  const isBegun = (text: string, at: number, state: number, end: number) =>
    (isBlank(text.charCodeAt(at - 1)) && isBlank(text.charCodeAt(at - 2))) ||
    startOfLast(text, at, depth[state]!, gaps) < end;

  return {
    run(text, from, end, visit) {
      if (gaps.size > 0) gaps.clear();
      let limit = Math.min(text.length, end + longest - 1);
      let state = 0;
      for (let i = from; ; ) {
        for (; i < limit; i++) {
          const unit = classOf[text.charCodeAt(i)]!;
          state =
            unit < COMMON
              ? next[(state << SHIFT) | unit]!
              : rare[(rowOf[state]! << rareShift) | (unit - COMMON)]!;
          if (state < mark) continue;
          state -= mark;
          for (const anchor of found[state]!) {
            const { length } = anchors[anchor]!;
            const at = blanks[anchor] === 0 ? i + 1 - length : startOfLast(text, i + 1, length, gaps);
            if (at < end && (!isLike[anchor] || endOfLiteral(text, at, anchors[anchor]!) !== undefined))
              visit(anchor, at);
          }
        }
        if (limit === text.length || state === 0 || !isBegun(text, limit, state, end)) break;
        // A gap has taken the room of letters
        limit++;
      }
      return limit - startOfLast(text, limit, depth[state]!, gaps);
    },
  };
}

/** The states by number, the root first: their children are a list from `firstChild` on by `sibling`, which ends with 0. */
function trieOf(anchors: readonly string[], classOf: ArrayLike<number>) {
  const most = 1 + anchors.reduce((sum, { length }) => sum + length, 0);
  const firstChild = new Uint32Array(most);
  const sibling = new Uint32Array(most);
  const unitOf = new Uint16Array(most);
  const depth = new Uint16Array(most);
  const found: (readonly number[] | undefined)[] = [];
  let states = 1;
  anchors.forEach((anchor, number) => {
    let state = 0;
    for (let i = 0; i < anchor.length; i++) {
      const unit = classOf[anchor.charCodeAt(i)]!;
      let child = firstChild[state]!;
      while (child !== 0 && unitOf[child] !== unit) child = sibling[child]!;
      if (child === 0) {
        child = states++;
        sibling[child] = firstChild[state]!;
        firstChild[state] = child;
        unitOf[child] = unit;
        depth[child] = i + 1;
      }
      state = child;
    }
    found[state] = [...(found[state] ?? []), number];
  });
  return { states, firstChild, sibling, unitOf, depth, found };
}

/** Classes of common units, and the bits that hold one: with them alone a row is two lines of a cache. */
const COMMON = 64;
const SHIFT = 6;

/**
 * The tables of what follows each state, and what each finds, its suffixes included. To the states in them that find something
 * `mark` is added, so that one comparison tells them. `next` has a row for each state; `rare`, for units that few anchors have,
 * one for each state that goes on with such a unit (`rowOf`), and the first for all others.
 */
function linked(
  { states, firstChild, sibling, unitOf, depth, found }: ReturnType<typeof trieOf>,
  rareShift: number,
  blank: number,
) {
  const isSmall = states < 0x8000;
  const Table = isSmall ? Uint16Array : Uint32Array;
  const mark = isSmall ? 0x8000 : 0x4000_0000;
  const next = new Table(states << SHIFT);
  const rowOf = new Table(states);
  let rare = new Table(16 << rareShift);
  let rows = 1;
  const order = new Uint32Array(states);
  /** The longest proper suffix of each state that is a state too. */
  const suffixOf = new Uint32Array(states);
  let known = 1;
  const after = (state: number, unit: number) =>
    unit < COMMON ? next[(state << SHIFT) | unit]! : rare[(rowOf[state]! << rareShift) | (unit - COMMON)]!;
  /** A row of its own for a state that has that of its suffix. */
  const ownRow = (state: number) => {
    if ((rows + 1) << rareShift > rare.length) {
      const wider = new Table(2 * rare.length);
      wider.set(rare);
      rare = wider;
    }
    const from = rowOf[state]! << rareShift;
    rare.copyWithin(rows << rareShift, from, from + (1 << rareShift));
    rowOf[state] = rows++;
  };
  // Breadth first: the row of a shorter suffix is ready when it is copied
  for (let i = 0; i < known; i++) {
    const state = order[i]!;
    const suffixOfState = suffixOf[state]!;
    let hasRow = state === 0;
    if (state !== 0) {
      const suffixRow = suffixOfState << SHIFT;
      next.copyWithin(state << SHIFT, suffixRow, suffixRow + COMMON);
      rowOf[state] = rowOf[suffixOfState]!;
    }
    for (let child = firstChild[state]!; child !== 0; child = sibling[child]!) {
      const unit = unitOf[child]!;
      const suffix = state === 0 ? 0 : after(suffixOfState, unit) & (mark - 1);
      suffixOf[child] = suffix;
      order[known++] = child;
      const own = found[child];
      const shorter = found[suffix];
      if (shorter !== undefined) found[child] = own === undefined ? shorter : [...own, ...shorter];
      const to = found[child] === undefined ? child : child + mark;
      if (unit < COMMON) next[(state << SHIFT) | unit] = to;
      else {
        if (!hasRow) ownRow(state);
        hasRow = true;
        rare[(rowOf[state]! << rareShift) | (unit - COMMON)] = to;
      }
    }
    // Behind a blank another one changes nothing
    if (state !== 0 && blank !== 0 && unitOf[state] === blank) next[(state << SHIFT) | blank] = state;
  }
  return { next, rare, rowOf, mark, found, depth };
}

/** Most classes of units. */
const MAX_CLASSES = 255;
/** Units in the order of their classes: all of the first ones stand in one line of a cache. */
const MOST_COMMON = " abcdefghijklmnopqrstuvwxyz.,-'";
/** The first unit behind the Latin letters. */
const BEYOND_LATIN = 0x250;

/**
 * The class of each UTF-16 unit, the same for capitals; 0 for all that stand in no anchor. Behind the common ones
 * `rareShift` bits hold any. Where there are too many, some units of other scripts share one, and an anchor with them has to be compared.
 */
function classesOf(anchors: readonly string[]) {
  const used = new Set(units(anchors.join('')));
  const letters = [...MOST_COMMON].filter((unit) => used.has(unit));
  const all = [...new Set([...letters, ...[...used].sort()])].map((unit) => unit.charCodeAt(0));
  const own = all.length <= MAX_CLASSES ? all : all.filter((unit) => unit < BEYOND_LATIN);
  const numbers = new Map(own.map((unit, index) => [unit, index + 1]));
  const first = numbers.size + 1;
  const left = Math.max(1, MAX_CLASSES + 1 - first);
  for (const unit of all) if (!numbers.has(unit)) numbers.set(unit, first + (unit % left));
  const classes = Math.max(0, ...numbers.values());
  const classOf = new (classes <= MAX_CLASSES ? Uint8Array : Uint16Array)(65_536);
  for (const [unit, number] of numbers) {
    classOf[unit] = number;
    for (const capital of capitalsOf(unit)) classOf[capital.charCodeAt(0)] = number;
  }
  for (const other of OTHER_BLANKS) {
    if (!numbers.has(other.charCodeAt(0))) classOf[other.charCodeAt(0)] = numbers.get(0x20) ?? 0;
  }
  return {
    classOf,
    rareShift: Math.ceil(Math.log2(Math.max(1, classes + 1 - COMMON))),
    isShared: (unit: number) => numbers.get(unit)! >= first,
  };
}

/** Letters that are not the capital of their small letter, and yet have it: titles, signs of units, the capital sharp s. */
const OTHER_CAPITALS = 'ǅǈǋǲϴẞᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾼῌῼ\u2126\u212a\u212b';

/** All letters that a small one stands for. A look at each of 65,536 units would cost a start 10 ms. */
function capitalsOf(unit: number): string[] {
  const small = String.fromCharCode(unit);
  return [small.toUpperCase(), ...OTHER_CAPITALS].filter(
    (capital) => capital.length === 1 && folded(capital) === small,
  );
}

/** A literal as an anchor: each unit as its small letter, where that is one unit too. */
export function folded(literal: string): string {
  let anchor = '';
  for (let i = 0; i < literal.length; i++) {
    const lower = literal[i]!.toLowerCase();
    anchor += lower.length === 1 ? lower : literal[i];
  }
  return anchor;
}
