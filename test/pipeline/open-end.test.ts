import { describe, expect, test } from 'vitest';
import { openEnd } from '../../src/pipeline/open-end.ts';
import { seeded } from '../support/incremental-diff.ts';

const LINE = 'The library opens at nine and serves tea to those who ask for it.';
const open = (text: string) => text.slice(openEnd(text, false));

describe('the open end of a text', () => {
  test.each([
    { name: 'is all of a short one', text: LINE.slice(0, 40), end: LINE.slice(0, 40) },
    { name: 'begins with a sentence', text: `${LINE} ${LINE} Dana`, end: `${LINE} Dana` },
    { name: 'begins with a line', text: `no\n${LINE}`, end: LINE },
    {
      name: 'begins with a sentence of Chinese',
      text: `${'图书馆'.repeat(30)}。${'九点开门'.repeat(15)}`,
      end: '九点开门'.repeat(15),
    },
    {
      name: 'does not begin with an abbreviation',
      text: `${LINE} He is St. Dana of the Harbour Road`,
      end: `${LINE} He is St. Dana of the Harbour Road`,
    },
    {
      name: 'begins with a word where no sentence ends',
      text: 'word '.repeat(400),
      end: 'word '.repeat(200),
    },
    {
      name: 'has a thousand units where there is not even a blank',
      text: 'x'.repeat(3000),
      end: 'x'.repeat(1000),
    },
    { name: 'cuts no character in two', text: `${'🍰'.repeat(1500)}x`, end: `${'🍰'.repeat(500)}x` },
  ])('$name', ({ text, end }) => {
    expect(open(text)).toBe(end);
  });

  test('is a tenth of a text where each unit counts, but for what has no blank', () => {
    const text = 'word '.repeat(400);
    expect(text.length - openEnd(text, true)).toBe(200);
    expect(openEnd(`${text}${'x'.repeat(700)}`, true)).toBe(text.length);
  });

  test.each([0, 1, 2, 3, 4])('never goes back while a text grows (seed %i)', (seed) => {
    const random = seeded(seed);
    const pieces = ['word ', 'word. ', 'line\n', 'x'.repeat(300), '。', 'Dr. ', '🍰', ', and so on '];
    let text = '';
    let before = 0;
    for (let i = 0; i < 2000; i++) {
      text += random.of(pieces);
      const place = openEnd(text, false);
      expect(place).toBeGreaterThanOrEqual(before);
      before = place;
    }
  });
});
