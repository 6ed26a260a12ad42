import { describe, expect, test } from 'vitest';
import { BENIGN_IN_LANGUAGES } from '../../support/benign-languages.ts';
import { OTHER_ATTACKS, TUNED_ATTACKS } from '../../support/injection-languages.ts';
import { engineOf } from '../../support/policies.ts';
import { WORK_IN_LANGUAGES } from '../../support/work-languages.ts';

const engine = engineOf({ chain: ['prompt-injection'] });

async function blocked(texts: readonly string[]): Promise<readonly string[]> {
  const verdicts = await Promise.all(texts.map((text) => engine.judge({ texts: [text] })));
  return texts.filter((_, i) => verdicts[i]!.verdict === 'block');
}

const bare = (text: string) =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC');
const LATIN = ['de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'tr'];

describe('prompt-injection', () => {
  test.each(Object.entries(TUNED_ATTACKS))(
    'blocks the attacks its rules were made with, in %s',
    async (_, texts) => {
      expect(await blocked(texts)).toEqual(texts);
    },
  );

  test.each(LATIN)('blocks them without accents, in %s', async (code) => {
    const texts = (TUNED_ATTACKS[code] ?? []).map(bare);
    expect(await blocked(texts)).toEqual(texts);
  });

  test('blocks nine tenths of others', async () => {
    const others = Object.values(OTHER_ATTACKS).flat();
    expect((await blocked(others)).length / others.length).toBeGreaterThan(0.9);
  });

  test.each(Object.entries(BENIGN_IN_LANGUAGES))(
    'passes sentences of similar words, in %s',
    async (_, texts) => {
      expect(await blocked(texts)).toEqual([]);
    },
  );

  test.each(Object.entries(WORK_IN_LANGUAGES))(
    'passes sentences of work that come near attacks, in %s',
    async (_, texts) => {
      expect(await blocked(texts)).toEqual([]);
    },
  );
});
