import { isAscii } from './latin-words.ts';

/** Words that attacks are made of. Only these are read out of digits for letters and out of letters set apart. */
const WORDS =
  `ignore ignoring disregard forget override bypass neglect dismiss discard reveal repeat print output display
  show leak expose disclose all any every each your the these those this that and you are now must will from previous
  prior earlier above preceding original initial existing system developer hidden secret internal prompt prompts
  instruction instructions directive directives rule rules guideline guidelines command commands policy policies
  restriction restrictions constraint constraints safety filter filters training programming message messages mode
  enabled jailbreak jailbroken unrestricted unfiltered uncensored pretend roleplay act assistant anything everything
  before told given with without never refuse not follow following new instead`.split(/\s+/);

/** Letters as they are compared: `1`, `!` and `|` may stand for i or l, so that these are one. */
const keyOf = (word: string) =>
  word.toLowerCase().replace(/[013457@$!|l]/g, (sign) => LETTER_OF[sign] ?? sign);

/** Signs with the letter each stands for. */
const LETTER_OF: Readonly<Record<string, string>> = Object.fromEntries(
  ['0o', '1i', '3e', '4a', '5s', '7t', '@a', '$s', '!i', '|i', 'li'].map(([sign, letter]) => [sign, letter]),
);

const WORD_OF: ReadonlyMap<string, string> = new Map(WORDS.map((word) => [keyOf(word), word]));
/** Bits of the lengths of words that begin with a letter or sign, as compared. */
const LENGTHS_BY_FIRST = new Uint32Array(128);
const FOLDED = Uint8Array.from({ length: 128 }, (_, unit) => keyOf(String.fromCharCode(unit)).charCodeAt(0));
for (const key of WORD_OF.keys()) LENGTHS_BY_FIRST[key.charCodeAt(0)]! |= 1 << key.length;
const TOKEN_UNIT = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[a-z0-9@$!|]/i.test(String.fromCharCode(unit)) ? 1 : 0,
);
const LONGEST = Math.max(...WORDS.map((word) => word.length));

/** A sign within a word, or at its beginning or end. */
const SIGN = /[013457@$!|](?:(?=[a-z])|(?<=[a-z][013457@$]))/gi;
/** Three letters, each set apart. It begins with a sign, not with a letter, as those are fewer. Versions are none. */
const SOME_APART = /[\s._*~/|-][a-z][\s._*~/|-]{1,4}[a-z][\s._*~/|-]{1,4}[a-z0-9@$](?![a-z0-9@$])/i;
const APART = /(?<![a-z0-9])[a-z0-9@$](?:[\s._*~/|-]{1,4}[a-z0-9@$](?![a-z0-9])){4,400}/gi;
const GAP = /[\s._*~/|-]{1,4}/g;

/** Characters of {@link APART}: what is set apart, and what stands between. */
const [LETTER, BETWEEN] = [1, 4];
const APART_UNIT = Uint8Array.from({ length: 256 }, (_, unit) => {
  const letter = String.fromCharCode(unit);
  return /[a-z0-9@$]/i.test(letter) ? LETTER : /[\s._*~/|-]/.test(letter) ? BETWEEN : 0;
});
const LEAST_APART = 5;
/** The fewest characters of so many letters set apart, less one. */
const STEP = 2 * LEAST_APART - 2;
/** The most characters of so many letters set apart. */
const MOST = LEAST_APART + 4 * (LEAST_APART - 1);
const PART = 8 * 1024;
const bytes = Buffer.alloc(PART + MOST);

/**
 * False if a text is ASCII in which no five letters are set apart. Looks at two characters out of eight: where both are letters, none
 * round them are. Four times as fast as an expression.
 */
function mayBeApart(text: string): boolean {
  if (!isAscii(text)) return true;
  for (let from = 0; from < text.length; from += PART) {
    const size = bytes.write(text.slice(from, from + bytes.length), 'latin1');
    for (let at = 0; at + 1 < size; at += STEP) {
      const pair = APART_UNIT[bytes[at]!]! + APART_UNIT[bytes[at + 1]!]!;
      if (pair !== LETTER + BETWEEN && pair !== 2 * BETWEEN) continue;
      if (lettersFrom(at, size, 1) + lettersFrom(at + 1, size, -1) >= LEAST_APART) return true;
    }
  }
  return false;
}

/** How many letters, if not more than five, are set apart from a place on in one direction. */
function lettersFrom(from: number, size: number, step: 1 | -1): number {
  let letters = 0;
  let before = 0;
  let gap = 0;
  for (let at = from; letters < LEAST_APART && gap <= 4 && at >= 0 && at < size; at += step) {
    const unit = APART_UNIT[bytes[at]!]!;
    if (unit === 0 || (unit === LETTER && before === LETTER)) break;
    if (unit === LETTER) letters++;
    gap = unit === LETTER ? 0 : gap + 1;
    before = unit;
  }
  return letters;
}

/**
 * The text with `1gn0re` and `i g n o r e` written as `ignore`, if that gives words that attacks are made of; the same
 * string if not. Linear; text without either costs two tests, about 3 ms a megabyte.
 */
export function undisguised(text: string): string {
  const joined =
    mayBeApart(text) && SOME_APART.test(text)
      ? text.replace(APART, (letters) => spelledWords(letters) ?? letters)
      : text;
  return withoutSigns(joined);
}

function withoutSigns(text: string): string {
  let plain = '';
  let done = 0;
  SIGN.lastIndex = 0;
  while (SIGN.test(text)) {
    let end = SIGN.lastIndex;
    let start = end - 1;
    while (start > done && end - start <= LONGEST && TOKEN_UNIT[text.charCodeAt(start - 1)] === 1) start--;
    while (end < text.length && end - start <= LONGEST && TOKEN_UNIT[text.charCodeAt(end)] === 1) end++;
    let last = end;
    while (last > start && (text.charCodeAt(last - 1) === 0x21 || text.charCodeAt(last - 1) === 0x7c)) last--;
    const isLength =
      end - start <= LONGEST + 8 &&
      (LENGTHS_BY_FIRST[FOLDED[text.charCodeAt(start)]!]! >> (last - start)) & 1;
    const isWord = isLength && last - start <= LONGEST && areLetters(text, start, last);
    const token = isWord ? text.slice(start, last) : '';
    const word = isWord ? WORD_OF.get(keyOf(token)) : undefined;
    if (word !== undefined) {
      plain += text.slice(done, start) + word;
      done = start + token.length;
    }
    SIGN.lastIndex = end;
  }
  return done === 0 ? text : plain + text.slice(done);
}

/** True if all characters are letters, or signs for one. */
function areLetters(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (FOLDED[text.charCodeAt(at)]! < 0x41) return false;
  return true;
}

/** The words that letters set apart spell, if one has five letters or more. */
function spelledWords(letters: string): string | undefined {
  const key = keyOf(letters.replace(GAP, ''));
  const words: string[] = [];
  let rest = '';
  let found = false;
  for (let at = 0; at < key.length; ) {
    const word = wordAt(key, at);
    if (word === undefined) {
      rest += key[at++];
      continue;
    }
    if (rest !== '') words.push(rest);
    rest = '';
    words.push(word);
    found ||= word.length >= 5;
    at += word.length;
  }
  if (rest !== '') words.push(rest);
  return found ? words.join(' ') : undefined;
}

function wordAt(key: string, at: number): string | undefined {
  for (let length = Math.min(LONGEST, key.length - at); length >= 3; length--) {
    const word = WORD_OF.get(key.slice(at, at + length));
    if (word !== undefined) return word;
  }
  return undefined;
}
