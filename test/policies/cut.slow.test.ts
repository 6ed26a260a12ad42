import { describe, test } from 'vitest';
import { expectSameInPieces, SAMPLES } from '../support/pieces.ts';
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
