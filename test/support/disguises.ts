import type { seeded } from './incremental-diff.ts';

type Random = ReturnType<typeof seeded>;

const code = (letter: string) => letter.charCodeAt(0);
const hex = (letter: string, digits: number) => code(letter).toString(16).padStart(digits, '0');

/** Ways to write an ASCII character so that it reads the same. */
const WAYS: readonly ((letter: string) => string)[] = [
  (letter) => letter,
  (letter) => `\\u${hex(letter, 4)}`,
  (letter) => `\\\\x${hex(letter, 2)}`,
  (letter) => `%${hex(letter, 2)}`,
  (letter) => `%25${hex(letter, 2)}`,
  (letter) => `&#${code(letter)};`,
  (letter) => `&amp;#x${hex(letter, 2)};`,
  (letter) => (letter > ' ' ? String.fromCharCode(code(letter) + 0xfee0) : letter),
  (letter) => `${letter}\u200b`,
  (letter) => (letter === ' ' ? '\u00a0' : letter),
  (letter) => (letter === '-' ? '\u2011' : letter),
];

/** True if a text has no codes that a disguise would become part of. */
export const takesDisguise = (text: string): boolean => /^[ -~\n]*$/.test(text) && !/[\\%&]/.test(text);

/** A text in one disguise, or in several. */
export function disguised(text: string, random: Random): string {
  const way = random.next() < 0.7 ? random.of(WAYS) : undefined;
  return Array.from(text, (letter) => (way ?? random.of(WAYS))(letter)).join('');
}
