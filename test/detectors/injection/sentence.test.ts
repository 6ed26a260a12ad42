import { expect, test } from 'vitest';
import { sentenceAt, withoutAccents } from '../../../src/detectors/injection/sentence.ts';

/** The words of the sentence round the bar in a text. */
const wordsAt = (marked: string) => {
  const at = marked.indexOf('|');
  return sentenceAt(marked.replace('|', ''), at).words;
};

test.each([
  ['One. |Two words? Three.', 'two words'],
  ['One! Two\nwo|rds; three', 'two words'],
  ['- one\n- t|wo\n- three', 'two'],
  ['一。|二二。三', '二二'],
  ['version 1.5 |is out. Yes', 'version 1.5 is out'],
  ['Say "one |two" three', 'one two'],
  ['Say "one" |two "three"', 'say "one" two "three"'],
  ["l'a|mi d'une amie", "l'ami d'une amie"],
  ['Ä **ß** |ł ى', 'a ss l ي'],
  ['he |забудь bce', 'не забудь все'],
])('%j has the sentence %j', (marked, words) => {
  expect(wordsAt(marked)).toBe(words);
});

test('a text without ends is read in stretches, the same for all places of one', () => {
  const text = 'word '.repeat(50_000);
  const sentences = new Set<unknown>();
  for (let at = 0; at < 12_800; at++) {
    const { span, words } = sentenceAt(text, at);
    expect(span.end - span.start).toBeLessThan(400);
    sentences.add(`${span.start} ${words.length}`);
  }
  expect(sentences.size).toBeLessThan(210);
});

test('accents, vowel signs and nuktas are left out, syllables of Korean and Japanese stay', () => {
  expect(withoutAccents('Çà İı ÉŁ')).toBe('ca ii el');
  expect(withoutAccents('انسَ إلى ज़रूरत')).toBe('انس الي जरूरत');
  expect(withoutAccents('지시 プログラム')).toBe('지시 プログラム');
});
