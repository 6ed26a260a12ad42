import { describe, test } from 'vitest';
import { disguised, takesDisguise } from '../support/disguises.ts';
import { seeded } from '../support/incremental-diff.ts';
import { expectSameInPieces, expectSureInPieces, SAMPLES } from '../support/pieces.ts';
import { marked } from '../support/secret-samples.ts';

/** Time grows with the square of the length; the long ones are read in cut.slow.test.ts. */
const short = SAMPLES.filter(([, text]) => text.length < 500);

describe('a text in pieces has the findings of the whole text', () => {
  test.each(short.map(([id, text], i) => [id, i, text] as const))('%s, sample %i', (_, __, sample) => {
    expectSameInPieces(`the one: ${marked(sample).text} and more`);
  });
});

describe('a disguised text in pieces has the findings of the whole text', () => {
  const plain = short.filter(
    ([, text], i) => i % 5 === 0 && text.length < 80 && takesDisguise(marked(text).text),
  );

  test.each(plain.map(([id, text], i) => [id, i, text] as const))('%s, sample %i', (id, i, sample) => {
    const text = `the one: ${disguised(marked(sample).text, seeded(i))} and more`;
    expectSureInPieces(text, `${id} ${i}`);
  });
});
