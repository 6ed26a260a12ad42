import { expect, test } from 'vitest';
import { GrowingTexts, type JudgedText } from '../../src/pipeline/growing-texts.ts';
import { callOf } from '../support/call.ts';

const BEGIN = 'The answer to the question is that ';
const response = (texts: readonly string[]) => callOf({ input_type: 'response', texts });
/** Texts that begin alike, as one is judged for good up to its last letter. */
const alike = (count: number) => Array.from({ length: count }, (_, i) => `${BEGIN}${i}.`);

/** Judges texts as far as they go, and counts how often they are looked at. */
function judged(texts: readonly string[]) {
  let looks = 0;
  const all = texts.map(
    (text): JudgedText => ({
      get text() {
        looks++;
        return text;
      },
      settled: text.length,
      edits: [],
    }),
  );
  return { all, looks: () => looks };
}

test.each([
  { name: 'stay where they are', before: [], after: ['more'] },
  { name: 'come behind new ones', before: ['a title', 'an address'], after: [] },
  { name: 'are fewer', before: [], after: [], dropped: 3 },
])('thousands of texts that $name are found by few comparisons', ({ before, after, dropped = 0 }) => {
  const texts = alike(4000);
  const { all, looks } = judged(texts);
  const growing = new GrowingTexts();
  growing.put('s', all);
  const now = [...before, ...texts.slice(dropped).map((text) => `${text} And so on.`), ...after];
  const found = growing.of(response(now), 's').slice(before.length, now.length - after.length);
  expect(found.map(({ from }) => from)).toEqual(texts.slice(dropped).map(({ length }) => length));
  expect(looks()).toBeLessThan(12 * texts.length);
});

test('texts of which none is known are judged anew, and not held against thousands each', () => {
  const texts = alike(4000);
  const { all, looks } = judged(texts);
  const growing = new GrowingTexts();
  growing.put('s', all);
  const found = growing.of(response(texts.map((text) => `Not so: ${text}`)), 's');
  expect(found.every(({ from, hasGrown }) => from === 0 && hasGrown)).toBe(true);
  expect(looks()).toBeLessThan(25 * texts.length);
});
