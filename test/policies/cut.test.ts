import { describe, test } from 'vitest';
import { expectSameInPieces, SAMPLES } from '../support/pieces.ts';
import { marked } from '../support/secret-samples.ts';

/** Time grows with the square of the length; the long ones are read in cut.slow.test.ts. */
const short = SAMPLES.filter(([, text]) => text.length < 500);

describe('a text in pieces has the findings of the whole text', () => {
  test.each(short.map(([id, text], i) => [id, i, text] as const))('%s, sample %i', (_, __, sample) => {
    expectSameInPieces(`the one: ${marked(sample).text} and more`);
  });
});
