import { describe, expect, test } from 'vitest';
import { fuzzyRule } from '../../../src/detectors/scan/fuzzy.ts';
import { growth } from '../../support/linear.ts';

const TERM = 'Project Nightfall';
const found = (term: string, distance: number, text: string, from = 0, to = text.length) =>
  fuzzyRule('x', term, distance)
    .sweep(text, from, to)
    .map(({ start, end }) => text.slice(start, end));

describe('a fuzzy term', () => {
  test.each([
    ['as it is', 0, 'the Project Nightfall plan', ['Project Nightfall']],
    ['in other capitals', 0, 'PROJECT nightfall', ['PROJECT nightfall']],
    [
      'with other signs between its words',
      0,
      '"project-nightfall", project\n  nightfall!',
      ['project-nightfall', 'project\n  nightfall'],
    ],
    ['with a letter missing', 1, 'projct nightfall', ['projct nightfall']],
    ['with a letter more', 1, 'project nightfalls', ['project nightfalls']],
    ['with letters changed', 2, 'pr0ject n1ghtfall', ['pr0ject n1ghtfall']],
    ['as one word', 1, 'projectnightfall', ['projectnightfall']],
    ['as three words', 1, 'project night fall', ['project night fall']],
    ['behind an escape', 0, 'x\\nproject nightfall', ['project nightfall']],
    ['several times', 1, 'project nightfal project nightfal', ['project nightfal', 'project nightfal']],
    ['beside short words', 3, 'a project nightfall is', ['project nightfall']],
  ])('is found %s', (_, distance, text, expected) => {
    expect(found(TERM, distance, text)).toEqual(expected);
  });

  test.each([
    ['too many edits', 1, 'prjct nightfall'],
    ['one of its words', 2, 'project'],
    ['another term', 2, 'project daylight'],
    ['words far apart', 2, `project${' '.repeat(40)}nightfall`],
  ])('is not found in %s', (_, distance, text) => {
    expect(found(TERM, distance, text)).toEqual([]);
  });

  test('allows a distance that leaves most of its letters', () => {
    expect(() => fuzzyRule('x', 'abcd', 2)).toThrow('too short');
    expect(() => fuzzyRule('x', 'abcde', 2)).not.toThrow();
    expect(() => fuzzyRule('x', TERM.repeat(3), 9)).toThrow('0 to 8');
    expect(() => fuzzyRule('x', '?!', 0)).toThrow('no letters');
  });

  test('matches that begin in a range are found, whole', () => {
    const text = 'project nightfall project nightfall';
    expect(found(TERM, 1, text, 0, 3)).toEqual(['project nightfall']);
    expect(found(TERM, 1, text, 3, 20)).toEqual(['project nightfall']);
    expect(found(TERM, 1, text, 19)).toEqual([]);
  });

  test('is held back wherever its text is cut', () => {
    const rule = fuzzyRule('x', TERM, 1);
    const text = 'the plan: projct nightfall, and';
    for (let end = 11; end <= 26; end++) expect(rule.openFrom(text.slice(0, end), 0)).toBe(10);
    expect(rule.openFrom(text, 0)).toBeUndefined();
    expect(rule.openFrom('', 0)).toBeUndefined();
    expect(rule.openFrom(`project${' '.repeat(40)}`, 0)).toBeUndefined();
  });

  test('keeps its decided findings when the text goes on', () => {
    const rule = fuzzyRule('x', TERM, 2);
    const words = ['project', 'nightfall', 'projct', 'night', 'fall', 'a', 'nightfal', '-', 'the'];
    let seed = 7;
    const next = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 8 }, () => words[Math.floor(next() * words.length)]).join(' ');
      const whole = rule.sweep(text, 0, text.length);
      for (let end = 1; end < text.length; end += 3) {
        const part = text.slice(0, end);
        const open = rule.openFrom(part, 0) ?? end;
        const decided = rule.sweep(part, 0, end).filter((span) => span.end <= open);
        expect(
          whole.filter((span) => span.start < open),
          `${part}|${text}`,
        ).toEqual(decided);
      }
    }
  });

  test.each(['a', 'a ', 'project ', 'project nightfal ', 'project nightx ', '\\n', '...'])(
    'many of %j are read in linear time',
    (piece) => {
      const rule = fuzzyRule('x', TERM, 8);
      expect(growth((text) => rule.sweep(text, 0, text.length), piece, 30_000)).toBeLessThan(3);
      rule.openFrom(piece.repeat(100_000), 0);
    },
  );
});
