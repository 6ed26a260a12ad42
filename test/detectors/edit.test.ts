import { describe, expect, test } from 'vitest';
import { type Edit, editedText, heldBackChars } from '../../src/detectors/edit.ts';
import { seeded } from '../support/incremental-diff.ts';

const edit = (start: number, end: number, text: string): Edit => ({ start, end, text });

describe('a rewritten text', () => {
  test.each<[string, string, readonly Edit[], string]>([
    ['without edits is the text', 'abc', [], 'abc'],
    ['with one', 'abcdef', [edit(2, 4, '*')], 'ab*ef'],
    ['with all of it replaced', 'abc', [edit(0, 3, '')], ''],
    ['with edits that touch has both', 'abcdef', [edit(0, 3, 'X'), edit(3, 6, 'Y')], 'XY'],
    [
      'with edits that overlap has the first for both',
      'abcdefgh',
      [edit(1, 4, 'X'), edit(3, 6, 'Y')],
      'aXgh',
    ],
    ['with one within another has the outer', 'abcdefgh', [edit(1, 7, 'X'), edit(3, 5, 'Y')], 'aXh'],
    [
      'with three in a chain has the first',
      'abcdefgh',
      [edit(0, 3, 'X'), edit(2, 5, 'Y'), edit(4, 7, 'Z')],
      'Xh',
    ],
    [
      'with two of one beginning has the first, to the end of the longer',
      'abcdef',
      [edit(1, 2, 'X'), edit(1, 4, 'Y')],
      'aXef',
    ],
    ['with something put in between', 'abc', [edit(1, 1, '-')], 'a-bc'],
    ['with characters of two units', '\u{1f600}ab', [edit(2, 3, '*')], '\u{1f600}*b'],
  ])('%s', (_, original, edits, result) => {
    expect(editedText(original, edits)).toBe(result);
  });
});

describe('what is held back', () => {
  test.each<[string, string, readonly Edit[], number, number]>([
    ['nothing where all is decided', 'abcdef', [], 6, 0],
    ['nothing beyond the end', 'abcdef', [], 9, 0],
    ['the rest', 'abcdef', [], 4, 2],
    ['everything', 'abcdef', [], 0, 6],
    ['the rest as it will be shown', 'abcdef', [edit(4, 6, '[REDACTED]')], 4, 10],
    ['what is behind an edit, not the edit', 'abcdef', [edit(0, 3, '[REDACTED]')], 3, 3],
    ['characters, of which some take two units', 'ab\u{1f600}\u{1f600}', [], 2, 2],
    ['half a character as one', 'ab\ud83d', [], 2, 1],
  ])('%s', (_, original, edits, open, held) => {
    expect(heldBackChars(original, edits, open)).toBe(held);
  });

  test('is what a client who counts as Python does may not see yet', () => {
    const random = seeded(11);
    for (let run = 0; run < 300; run++) {
      const original = Array.from({ length: random.below(40) }, () =>
        random.of(['a', 'é', '\u{1f600}', ' ']),
      ).join('');
      const edits: Edit[] = [];
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
