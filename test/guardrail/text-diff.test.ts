import { describe, expect, test } from 'vitest';
import { editedText } from '../../src/guardrail/edit.ts';
import { editsBetween } from '../../src/guardrail/text-diff.ts';
import { seeded } from '../support/incremental-diff.ts';
import { growthOf } from '../support/linear.ts';

describe('the edits between two texts', () => {
  test.each([
    { name: 'of equal texts are none', before: 'mail dana', after: 'mail dana', edits: [] },
    {
      name: 'are where something was replaced',
      before: 'mail dana now',
      after: 'mail <P> now',
      edits: [{ start: 5, end: 9, text: '<P>' }],
    },
    {
      name: 'are as many as were made',
      before: 'Dana lives in a house in Rome and likes it',
      after: '<P> lives in a house in <C> and likes it',
      edits: [
        { start: 0, end: 4, text: '<P>' },
        { start: 25, end: 29, text: '<C>' },
      ],
    },
    {
      name: 'keep apart what stands between them',
      before: 'Dana 4711 Smith',
      after: '[N] 4711 [N]',
      edits: [
        { start: 0, end: 4, text: '[N]' },
        { start: 10, end: 15, text: '[N]' },
      ],
    },
    {
      name: 'are not misled by a marker that stands in the text',
      before: 'secret and more text, [REDACTED] it says',
      after: '[REDACTED] and more text, [REDACTED] it says',
      edits: [{ start: 0, end: 6, text: '[REDACTED]' }],
    },
    {
      name: 'do not cut a character in two',
      before: 'a 🍰 b',
      after: 'a 🍋 b',
      edits: [{ start: 2, end: 4, text: '🍋' }],
    },
    {
      name: 'are one where nothing is left',
      before: 'abc',
      after: '',
      edits: [{ start: 0, end: 3, text: '' }],
    },
  ])('$name', ({ before, after, edits }) => {
    expect(editsBetween(before, after)).toEqual(edits);
  });

  test.each(['ab', 'abc 🍰', 'abcdefghij klmnop'])(
    'lead from one to the other, in texts of "%s"',
    (letters) => {
      const random = seeded(letters.length);
      const all = Array.from(letters);
      const word = () => Array.from({ length: random.below(40) }, () => random.of(all)).join('');
      for (let run = 0; run < 5000; run++) {
        let [before, after] = ['', ''];
        for (let pieces = random.below(7); pieces >= 0; pieces--) {
          const [piece, side] = [word(), random.below(4)];
          if (side !== 0) before += piece;
          if (side !== 1) after += piece;
        }
        const edits = editsBetween(before, after);
        expect(editedText(before, edits)).toBe(after);
        expect(edits.every(({ start }, i) => i === 0 || start >= edits[i - 1]!.end)).toBe(true);
      }
    },
  );

  test.each([
    { name: 'of words', piece: (i: number) => `word${i} ` },
    { name: 'of one letter', piece: () => 'aaaaaa' },
    { name: 'of one line again and again', piece: () => 'the same line\n' },
  ])('are found in linear time in texts $name', ({ piece }) => {
    const times = growthOf((size) => {
      const pieces = Array.from({ length: size }, (_, i) => piece(i));
      const before = pieces.join('');
      const after = pieces.map((text, i) => (i % 9 === 0 ? '[R]' : text)).join('');
      return () => editsBetween(before, after);
    }, 4000);
    expect(times).toBeLessThan(3);
  });
});
