import { describe, expect, test } from 'vitest';
import { createAutomaton, folded } from '../../../src/detectors/scan/automaton.ts';
import { seeded } from '../../support/incremental-diff.ts';

type Hit = readonly [anchor: number, at: number];

const byPlace = (a: Hit, b: Hit) => a[1] - b[1] || a[0] - b[0];

/** Matches of the automaton, and the length of the end that could go on. */
function found(anchors: readonly string[], text: string, from = 0, end = text.length) {
  const hits: Hit[] = [];
  const begun = createAutomaton(anchors).run(text, from, end, (anchor, at) => void hits.push([anchor, at]));
  return { hits: hits.sort(byPlace), begun };
}

/** The same by looking for each anchor at each place; a blank stands for any number of them. */
function naive(anchors: readonly string[], text: string, from: number, end: number) {
  const small = folded(text);
  const expressionOf = (part: string) =>
    part
      .split('')
      .map((unit) => (unit === ' ' ? '\\s+' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`))
      .join('');
  const wholes = anchors.map((anchor) => new RegExp(expressionOf(anchor), 'y'));
  const hits: Hit[] = [];
  for (let at = from; at < end; at++) {
    wholes.forEach((whole, number) => {
      whole.lastIndex = at;
      if (whole.test(small)) hits.push([number, at]);
    });
  }
  const beginnings = anchors.flatMap((anchor) =>
    anchor.split('').map((_, i) => new RegExp(`^${expressionOf(anchor.slice(0, i + 1))}$`)),
  );
  let begun = 0;
  for (let length = 1; length <= text.length - from; length++) {
    if (beginnings.some((beginning) => beginning.test(small.slice(text.length - length)))) begun = length;
  }
  return { hits: hits.sort(byPlace), begun };
}

const ALPHABETS = ['ab', 'abc', 'aAbB', 'äÄöß', 'шШж', 'αΑςσΣ', '0  -', 'ab \n\t', 'a\u{1f600}', '界a'];

test.each(ALPHABETS.map((alphabet, seed) => [alphabet, seed] as const))(
  'finds what a loop over all places finds, over the letters %j',
  (alphabet, seed) => {
    const random = seeded(seed + 100);
    const word = (most: number) =>
      Array.from({ length: 1 + random.below(most) }, () => alphabet[random.below(alphabet.length)]).join('');
    for (let run = 0; run < 200; run++) {
      const words = Array.from({ length: random.below(8) }, () => folded(word(5)));
      const anchors = words.map((one) => one.trim().replace(/\s+/g, ' ')).filter((one) => one !== '');
      const text = word(40);
      const from = random.below(text.length);
      const end = from + random.below(text.length - from + 1);
      expect(found(anchors, text, from, end).hits).toEqual(naive(anchors, text, from, end).hits);
      expect(found(anchors, text)).toEqual(naive(anchors, text, 0, text.length));
    }
  },
);

test('a gap between two words may be wide, and reach from one part of a text into the next', () => {
  for (const gap of ['  ', '\n', '\r\n', ' \t ', ' '.repeat(65), ' \n'.repeat(5000)]) {
    const text = `the PROJECT${gap}nightfall`;
    for (let end = 5; end <= text.length; end += gap.length < 100 ? 1 : 997) {
      expect(found(['project nightfall'], text, 0, end).hits).toEqual([[0, 4]]);
    }
    expect(found(['project nightfall'], text.slice(0, -3)).begun).toBe(text.length - 7);
  }
});

test('gaps of any length are found by hundreds of anchors, each walked over once and not for each', () => {
  const anchors = Array.from({ length: 400 }, (_, i) => `a b${'c'.repeat(i)}`);
  const automaton = createAutomaton(anchors);
  const gap = ' '.repeat(500_000);
  const hitsIn = (text: string) => {
    let hits = 0;
    for (let from = 0; from < text.length; from += 32_768)
      automaton.run(text, from, Math.min(from + 32_768, text.length), () => hits++);
    return hits;
  };
  expect(hitsIn(`a${gap}b${'c'.repeat(400)}`)).toBe(400);
  expect(hitsIn(`a${gap}`.repeat(4))).toBe(0);
  expect(hitsIn(`a${gap}${'b '.repeat(200_000)}`)).toBe(1);
});

test('every capital with a small letter of one unit is found by that', () => {
  const letters = Array.from({ length: 65_536 }, (_, unit) => String.fromCharCode(unit));
  const capitals = letters.filter((letter) => folded(letter) !== letter);
  const anchors = [...new Set(capitals.map(folded))];
  const { hits } = found(anchors, capitals.join(''));
  expect(hits.map(([anchor]) => anchors[anchor])).toEqual(capitals.map(folded));
  expect(found(anchors, letters.join('')).hits.length).toBe(capitals.length + anchors.length);
});

describe('anchors', () => {
  test('that begin, end or lie within one another are all found', () => {
    const { hits } = found(['abcd', 'ab', 'cd', 'bc', 'b'], 'xabcdx');
    expect(hits).toEqual([
      [0, 1],
      [1, 1],
      [3, 2],
      [4, 2],
      [2, 3],
    ]);
  });

  test('that are equal are each found by number', () => {
    expect(found(['key', 'key'], 'a key').hits).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  test('that overlap themselves are found at each place', () => {
    expect(found(['aa'], 'aaaa').hits.map(([, at]) => at)).toEqual([0, 1, 2]);
  });

  test.each([
    ['Latin', 'straße', 'STRAßE Straße'],
    ['Cyrillic', 'пароль', 'ПАРОЛЬ Пароль'],
    ['Greek', 'λέξη', 'ΛΈΞΗ Λέξη'],
    ['Armenian', 'բառ', 'ԲԱՌ Բառ'],
    ['Turkish, without the dotted capital', 'ışık', 'ışık ıŞıK'],
    ['full width', 'ｋｅｙ', 'ＫＥＹ Ｋｅｙ'],
  ])('are found in capitals: %s', (_, anchor, text) => {
    expect(found([folded(anchor)], text).hits).toHaveLength(2);
  });

  test('keep their places where a capital has two small letters', () => {
    // In Unicode the small letter of İ is an i and a dot, which would move all that follows
    expect(found(['key'], 'İİ key').hits).toEqual([[0, 3]]);
  });

  test('of an empty list are found nowhere', () => {
    expect(found([], 'any text')).toEqual({ hits: [], begun: 0 });
    expect(found([], '')).toEqual({ hits: [], begun: 0 });
  });

  test('with 300 different letters are told apart', () => {
    const anchors = Array.from({ length: 300 }, (_, i) => String.fromCharCode(0x4e00 + i));
    expect(found(anchors, anchors.join('')).hits).toEqual(anchors.map((_, i) => [i, i]));
  });

  test('share one table, thousands of them', () => {
    const anchors = Array.from({ length: 20_000 }, (_, i) => `word-${i.toString(36)}`);
    const { hits } = found(anchors, 'no word-abc here');
    expect(hits.map(([anchor]) => anchors[anchor])).toEqual(['word-a', 'word-ab', 'word-abc']);
  });
});

describe('a range', () => {
  test.each([
    { from: 0, end: 2, at: [] },
    { from: 0, end: 3, at: [2] },
    { from: 2, end: 3, at: [2] },
    { from: 3, end: 9, at: [6] },
    { from: 6, end: 6, at: [] },
    { from: 9, end: 9, at: [] },
  ])('from $from to $end has the anchors that begin in it, to their ends', ({ from, end, at }) => {
    expect(found(['key'], '- key key', from, end).hits.map(([, place]) => place)).toEqual(at);
  });
});

test.each([
  ['nothing begins', 0],
  ['a pass', 4],
  ['a passw', 5],
  ['a password', 8],
  ['a passport', 0],
  ['s', 0],
  ['PASSW', 5],
  ['apppas', 3],
])('the end of %j could go on as an anchor from its last %i characters', (text, begun) => {
  expect(found(['password', 'key'], text).begun).toBe(begun);
});
