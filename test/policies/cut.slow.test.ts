import { describe, test } from 'vitest';
import { disguised, takesDisguise } from '../support/disguises.ts';
import { seeded } from '../support/incremental-diff.ts';
import { expectSameInPieces, expectSureInPieces, SAMPLES } from '../support/pieces.ts';
import { marked } from '../support/secret-samples.ts';

const AROUND: readonly (readonly [string, string])[] = [
  ['', ''],
  ['the one: ', ' and more'],
  ['("', '"), 12 of 3'],
  ['\n', '\n\nand then, 4 days later'],
  ['x=', '.'],
  ['— ', ' — 😀'],
];

describe('a text in pieces has the findings of the whole text, whatever stands around it', () => {
  test.each(SAMPLES.map(([id, text], i) => [id, i, text] as const))('%s, sample %i', (_, __, sample) => {
    for (const [before, after] of AROUND) expectSameInPieces(`${before}${marked(sample).text}${after}`);
  });
});

describe('a disguised text in pieces has the findings of the whole text, whatever stands around it', () => {
  const plain = SAMPLES.filter(([, text]) => text.length < 200 && takesDisguise(marked(text).text));

  test.each(plain.map(([id, text], i) => [id, i, text] as const))('%s, sample %i', (id, i, sample) => {
    const [before, after] = AROUND[i % AROUND.length]!;
    expectSureInPieces(`${before}${disguised(marked(sample).text, seeded(i + 7))}${after}`, `${id} ${i}`);
  });
});
