import { describe, expect, test } from 'vitest';
import {
  clippedEdits,
  editedText,
  heldBackChars,
  placeBefore,
  placeOutside,
  shownEnds,
  type TextEdit,
  withoutOverlaps,
} from '../../src/guardrail/edit.ts';
import { ALLOW, modified } from '../../src/guardrail/verdict.ts';
import { callOf } from '../support/call.ts';
import { seeded } from '../support/incremental-diff.ts';

const edit = (start: number, end: number, text: string): TextEdit => ({ start, end, text });

describe('a rewritten text', () => {
  test.each<[string, string, readonly TextEdit[], string]>([
    ['without edits is the original', 'abc', [], 'abc'],
    ['with one edit has its replacement', 'abcdef', [edit(2, 4, '*')], 'ab*ef'],
    ['may be replaced as a whole', 'abc', [edit(0, 3, '')], ''],
    ['with edits that touch has both', 'abcdef', [edit(0, 3, 'X'), edit(3, 6, 'Y')], 'XY'],
    [
      'with edits that overlap has the first for both',
      'abcdefgh',
      [edit(1, 4, 'X'), edit(3, 6, 'Y')],
      'aXgh',
    ],
    ['with an edit within another has the outer', 'abcdefgh', [edit(1, 7, 'X'), edit(3, 5, 'Y')], 'aXh'],
    [
      'with three edits in a chain has the first',
      'abcdefgh',
      [edit(0, 3, 'X'), edit(2, 5, 'Y'), edit(4, 7, 'Z')],
      'Xh',
    ],
    [
      'with two edits from one place has the first, to the end of the longer',
      'abcdef',
      [edit(1, 2, 'X'), edit(1, 4, 'Y')],
      'aXef',
    ],
    ['with an insertion has it in between', 'abc', [edit(1, 1, '-')], 'a-bc'],
    ['with characters of two code units counts units', '\u{1f600}ab', [edit(2, 3, '*')], '\u{1f600}*b'],
  ])('%s', (_, original, edits, result) => {
    expect(editedText(original, edits)).toBe(result);
  });
});

describe('the number of characters held back', () => {
  test.each<[string, string, readonly TextEdit[], number, number]>([
    ['is zero where all is decided', 'abcdef', [], 6, 0],
    ['is zero beyond the end', 'abcdef', [], 9, 0],
    ['is the length of the rest', 'abcdef', [], 4, 2],
    ['is the length of the text where nothing is decided', 'abcdef', [], 0, 6],
    ['is the length of the rest as it will be shown', 'abcdef', [edit(4, 6, '[REDACTED]')], 4, 10],
    ['covers the text behind an edit, not the edit', 'abcdef', [edit(0, 3, '[REDACTED]')], 3, 3],
    ['counts a character of two code units once', 'ab\u{1f600}\u{1f600}', [], 2, 2],
    ['counts half a character as one', 'ab\ud83d', [], 2, 1],
  ])('%s', (_, original, edits, open, held) => {
    expect(heldBackChars(original, edits, open)).toBe(held);
  });

  test('fits a client that counts characters as Python does', () => {
    const random = seeded(11);
    for (let run = 0; run < 300; run++) {
      const original = Array.from({ length: random.below(40) }, () =>
        random.of(['a', 'é', '\u{1f600}', ' ']),
      ).join('');
      const edits: TextEdit[] = [];
      for (let at = random.below(6); at < original.length; at += 1 + random.below(9)) {
        const end = Math.min(original.length, at + random.below(5));
        edits.push(edit(at, end, random.of(['', '*', '[REDACTED]', '\u{1f512}'])));
        at = end;
      }
      const open = random.of([0, original.length, ...edits.flatMap(({ start, end }) => [start, end])]);
      // At the place of an edit that takes nothing away it stands behind
      const before = edits.filter(({ start }) => start < open);
      const shown = Array.from(editedText(original, edits));
      const visible = shown.slice(0, shown.length - heldBackChars(original, edits, open)).join('');
      const expected = editedText(original.slice(0, open), before);
      // A cut within a character counts it on both sides
      if (!/^[\udc00-\udfff]/.test(original.slice(open))) expect(visible).toBe(expected);
    }
  });
});

test('a verdict of spans has the new texts too, and is an allow where there are none', () => {
  const [first, second] = callOf({ texts: ['mail dana', 'nobody'] }).passages.all;
  const edits = new Map([
    [first!, [{ start: 5, end: 9, text: '<P>' }]],
    [second!, []],
  ]);
  expect(modified(edits)).toEqual({
    kind: 'modify',
    texts: new Map([[first, 'mail <P>']]),
    edits: new Map([[first, [{ start: 5, end: 9, text: '<P>' }]]]),
  });
  expect(modified(new Map([[second!, []]]))).toBe(ALLOW);
});

describe('places and edits', () => {
  const edits = [edit(5, 9, '<P>'), edit(14, 18, '[CITY]')];

  test('of a text that is cut end with it', () => {
    expect(clippedEdits(edits, 16)).toEqual([edit(5, 9, '<P>'), edit(14, 16, '[CITY]')]);
    expect(clippedEdits(edits, 14)).toEqual([edit(5, 9, '<P>')]);
  });

  test('that overlap are one, with the text of the first', () => {
    expect(withoutOverlaps([edit(0, 9, '#'), edit(2, 4, '*'), edit(8, 12, '+'), edit(12, 13, '-')])).toEqual([
      edit(0, 12, '#'),
      edit(12, 13, '-'),
    ]);
    expect(withoutOverlaps(edits)).toBe(edits);
  });

  test.each([
    { place: 5, outside: 5 },
    { place: 7, outside: 5 },
    { place: 9, outside: 9 },
    { place: 30, outside: 30 },
  ])('within an edit is its beginning: $place -> $outside', ({ place, outside }) => {
    expect(placeOutside(edits, place)).toBe(outside);
  });

  test('of an edited text lead back to the text', () => {
    const text = 'mail dana from Rome now';
    const own = [edit(5, 9, '<PERSON>'), edit(15, 19, '#')];
    const edited = editedText(text, own);
    const back = (part: string) => text.slice(placeBefore(own, edited.indexOf(part)));
    expect([back('from'), back('ERSON'), back('#'), back('now'), back('mail')]).toEqual([
      'from Rome now',
      'dana from Rome now',
      'Rome now',
      'now',
      text,
    ]);
  });

  test('behind which characters are held back count a surrogate pair as one', () => {
    expect(shownEnds(['cake 🍰🍋', 'tea', 'nothing'], [2, 9])).toEqual([5, 0, 7]);
  });
});
